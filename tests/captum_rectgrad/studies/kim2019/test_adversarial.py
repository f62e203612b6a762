"""Attacks and what they do to maps: by hand, and written naively."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.map_metrics import top_overlap
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019.adversarial import AdversarialConfig, adversarial
from captum_rectgrad.studies.kim2019.attacks import MEASURES, OVERLAP, RANK, attack, compare
from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages, to_model_range
from tests.captum_rectgrad.studies.conftest import ThreeNetworks, Tiny

EPSILON = 0.05


def seen(context: StudyContext) -> tuple[Network, Tensor, Tensor]:
    network, data = context.network("plain"), context.images("test", 8)
    return network, to_model_range(data.images), context.predictions(network, data.images)


def test_an_attack_is_a_step_along_the_sign(exact_context: Callable[..., StudyContext]) -> None:
    made = exact_context()
    network, inputs, targets = seen(made)
    found = attack(made, network, inputs, targets, EPSILON)
    for number in range(8):
        leaf = inputs[number : number + 1].clone().requires_grad_()
        (-torch.log_softmax(network.model(leaf), dim=1)[0, targets[number]]).backward()
        assert leaf.grad is not None
        expected = (inputs[number] + EPSILON * leaf.grad[0].sign()).clamp(-1, 1)
        torch.testing.assert_close(found.inputs[number], expected)
    assert found.inputs.min() >= -1
    assert found.inputs.max() <= 1
    assert torch.equal(found.targets, network.model(found.inputs).argmax(dim=1))
    assert found.flipped.tolist() == (found.targets != targets).tolist()
    # The context's own images are as they were, and batches make no difference.
    assert torch.equal(inputs, seen(made)[1])
    again = attack(replace(made, batch_size=3), network, inputs, targets, EPSILON)
    torch.testing.assert_close(again.inputs, found.inputs)


def test_a_confidently_classified_image_is_attacked(context: Callable[..., StudyContext]) -> None:
    # Logits 15 and 0: the gradient, 1.25 times the other's probability, is 3.8e-7.
    linear = nn.Linear(12, 2, bias=False)
    nn.init.zeros_(linear.weight)
    nn.init.constant_(linear.weight[:1], 1.25)
    network = replace(context().network("plain"), model=nn.Sequential(nn.Flatten(), linear))
    ones = torch.ones(2, 3, 2, 2)
    found = attack(context(), network, ones, torch.tensor([0, 0]), EPSILON)
    torch.testing.assert_close(found.inputs, torch.full_like(ones, 1 - EPSILON))
    assert not found.flipped.any()


def test_maps_before_and_after_written_naively(exact_context: Callable[..., StudyContext]) -> None:
    made = exact_context("saliency", "random")
    network, inputs, targets = seen(made)
    attacks = {0.3: [attack(made, network, inputs, targets, 0.3)]}
    found = compare(made, [network], inputs, targets, attacks)
    assert list(found) == [("pixels", 0.3), ("none", 0.3)]
    for number in range(8):
        maps = []
        for x, target in (
            (inputs[number], targets[number]),
            (attacks[0.3][0].inputs[number], attacks[0.3][0].targets[number]),
        ):
            leaf = x[None].clone().requires_grad_()
            network.model(leaf)[0, target].backward()
            assert leaf.grad is not None
            maps.append(leaf.grad[0].numpy())
        sums = [m.sum(axis=0, keepdims=True) for m in maps]
        cut = [np.where(m > np.percentile(m, 95, method="nearest"), m, 0) for m in sums]
        for (final, _), (one, two) in zip(found, (cut, maps), strict=True):
            values = found[final, 0.3].values
            expected = spearmanr(one.sum(axis=0).ravel(), two.sum(axis=0).ravel()).statistic
            assert values[RANK]["saliency"][0, number] == pytest.approx(expected, abs=1e-4)
            overlap = top_overlap(torch.from_numpy(one)[None], torch.from_numpy(two)[None])
            assert values[OVERLAP]["saliency"][0, number] == pytest.approx(overlap.item(), abs=0.02)
            # Written once more of absolute values: a pixel counts whatever it speaks for.
            sizes = [np.abs(m.sum(axis=0)).ravel() for m in (one, two)]
            expected = spearmanr(*sizes).statistic
            found_absolute = values[f"{RANK} of absolute values"]["saliency"][0, number]
            assert found_absolute == pytest.approx(expected, abs=1e-4)
            assert list(values) == list(MEASURES)
    # Random maps are others before and after.
    assert abs(found["none", 0.3].values[RANK]["random"]).max() < 0.2


def test_rows_say_how_many_flipped(exact_context: Callable[..., StudyContext]) -> None:
    made = exact_context("saliency", "rectgrad")
    result = adversarial(AdversarialConfig(images=None, epsilons=(0.0, 0.01)), made)
    network, data = made.network("plain"), made.images("test")
    right = int((made.predictions(network, data.images) == data.labels).sum())
    assert len(result.rows) == 2 * 2 * 2
    for row in result.rows:
        flipped, stayed = row[f"{RANK}, flipped"], row[f"{RANK}, not flipped"]
        assert isinstance(flipped, Estimate)
        assert isinstance(stayed, Estimate)
        assert flipped.count + stayed.count == right
        if row["epsilon"] == 0:  # nothing was changed
            assert stayed.count == right
            assert stayed.value == pytest.approx(1.0)
    assert "epsilon 0.01 is 1.275 levels of 255" in result.notes[0]


@dataclass(frozen=True)
class OneOfThree(ThreeNetworks):
    number: int = 0

    def networks(self, role: Role) -> tuple[Network, ...]:
        return super().networks(role)[self.number :][:1]


def test_each_network_has_its_own_attack(context: Callable[..., StudyContext]) -> None:
    made = replace(context("saliency", "rectgrad"), study_data=ThreeNetworks())
    result = adversarial(AdversarialConfig(images=None, epsilons=(0.02,)), made)
    found = {
        number: adversarial(
            AdversarialConfig(images=None, epsilons=(0.02,)),
            replace(made, study_data=OneOfThree(number)),
        )
        for number in range(3)
    }
    for place, row in enumerate(result.rows):
        for name in (f"{RANK}, flipped", f"{RANK}, not flipped", f"{RANK}, drop"):
            several = row[name]
            alone = [of_one.rows[place][name] for of_one in found.values()]
            assert isinstance(several, Estimate)
            values = [one.value for one in alone if isinstance(one, Estimate)]
            assert several.value == pytest.approx(np.mean(values), abs=1e-6, nan_ok=True)
    assert "Numbers of flipped images are by network" in result.notes[0]


@dataclass(frozen=True)
class Mislabelled(Tiny):
    def images(self, split: Split) -> LabelledImages:
        data, model = super().images(split), self.networks("plain")[0].model
        with torch.no_grad():
            predicted = model(to_model_range(data.images)).argmax(dim=1)
        return LabelledImages(data.images, (predicted + 1) % 10)


def test_nothing_is_classified_correctly(context: Callable[..., StudyContext]) -> None:
    with pytest.raises(RectGradError, match="classifies none of 20 images correctly"):
        adversarial(AdversarialConfig(), replace(context("saliency"), study_data=Mislabelled()))
