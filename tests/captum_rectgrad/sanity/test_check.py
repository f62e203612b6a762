"""All checks together: what is refused before any map is made, and what the page says."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.caveats import notes
from captum_rectgrad.sanity.check import CheckOptions, check


def image_itself(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return x.detach()


def never(*_: Any) -> Tensor:
    raise AssertionError("a map was made")


@pytest.fixture
def asked(task: AttributionTask) -> AttributionTask:
    return AttributionTask(Method("n", "N", never), task.images, task.targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bound": 1.0}, "bound must be between 0 and 1, got 1.0"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"others": ()}, "empty others"),
        ({"layers": ()}, "empty layers"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CheckOptions(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"others": (1, 4)}, "classes must be 0 to 3, since the model has 4 logits; got 1 to 4"),
        ({"layers": ("fc",)}, r"named 'fc'; it has .*, first, norm, second, last"),
    ],
)
def test_what_the_model_does_not_have_is_refused_before_any_map(
    options: dict[str, Any], message: str, asked: AttributionTask, net: nn.Module
) -> None:
    with pytest.raises(ValueError, match=message):
        check(asked, net, CheckOptions(**options))


def test_images_classes_and_networks_that_do_not_fit_are_refused_before_any_map(
    asked: AttributionTask, net: nn.Module
) -> None:
    small = AttributionTask(asked.method, torch.zeros(12, 4, 10, 10), asked.targets)
    with pytest.raises(ValueError, match=r"cannot take images of shape \(4, 10, 10\)"):
        check(small, net, CheckOptions(others=(1,)))
    with pytest.raises(ValueError, match="got 7 to 7"):
        check(AttributionTask(asked.method, asked.images, torch.full((12,), 7)), net)
    other = nn.Sequential(nn.Conv2d(3, 7, 10), nn.Flatten())
    with pytest.raises(ValueError, match=r"is not the same network: its .* has shape"):
        check(asked, net, of_random_labels=other)
    with pytest.raises(ValueError, match="has the model's own weights"):
        check(asked, net, of_random_labels=copy.deepcopy(net))


def test_a_model_in_training_mode_is_refused(asked: AttributionTask) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 12), nn.BatchNorm2d(4), nn.Flatten())
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=r"in training mode at '1' \(BatchNorm2d\)"):
        check(asked, net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_notes_name_parameters_without_default_initialisation(
    task: AttributionTask, net: nn.Module
) -> None:
    mine = AttributionTask(Method("m", "M", image_itself), task.images, task.targets)
    checked = check(mine, net, CheckOptions(repeats=2))
    assert checked.failed
    assert checked.decided
    said = notes(checked)
    assert len(said) == 4
    assert said[0].startswith("Layers were randomised 2 times")
    assert said[1].startswith("1 parameter is drawn from a normal distribution (scale)")
    assert said[2].startswith("2 parameters are unchanged (norm.bias, norm.weight)")
    assert said[3].startswith(
        "1 module with parameters is never called and not randomised (unused)"
    )


def test_empty_maps_are_counted(task: AttributionTask, net: nn.Module) -> None:
    before = net.state_dict()["first.weight"].clone()

    def attribute(model: nn.Module, x: Tensor, _: Tensor) -> Tensor:
        """Two are empty; and of a model whose first layer is random, all."""
        found = x.detach().clone()
        found[:2] *= 0
        return found * torch.equal(model.state_dict()["first.weight"], before)

    mine = AttributionTask(Method("m", "M", attribute), task.images, task.targets)
    checked = check(mine, net, CheckOptions(repeats=1))
    assert checked.empty == 2
    # Of five layers and 12 images twice: 2 at all ten places, the other 10 where `first` is random:
    # twice in the cascade, once alone.
    assert "2 of the model's 12 maps are empty, and left out. 50 of 120 maps" in notes(checked)[1]
    assert {number.count for finding in checked.findings[:1] for _, number in finding.numbers} == {
        10
    }


def test_few_images_leave_all_checks_undecided(task: AttributionTask, net: nn.Module) -> None:
    few = AttributionTask(task.method, task.images[:3], task.targets[:3])
    checked = check(few, net, CheckOptions(steps=1, repeats=1))
    assert not checked.decided
    assert not checked.failed
    assert "Layers were randomised once" in notes(checked)[0]
