"""Class sensitivity, image recovery and random labels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
from captum_rectgrad.sanity.image_recovery import image_recovery
from captum_rectgrad.sanity.logits import logits, same_order
from captum_rectgrad.sanity.random_labels import random_labels
from captum_rectgrad.sanity.similarity import signed_ranks


def of(attribute: Any, task: AttributionTask) -> AttributionTask:
    return AttributionTask(Method("mine", "Mine", attribute), task.images, task.targets)


def test_a_method_that_ignores_the_class_is_insensitive(
    task: AttributionTask, net: nn.Module
) -> None:
    others = other_classes(net, task.images, 3, 5)
    found = class_sensitivity(of(lambda _, x, __: x.detach(), task), net, others)
    for values in found.values():
        np.testing.assert_allclose(values, 1, atol=1e-6)


def test_the_mean_over_the_other_classes(task: AttributionTask, net: nn.Module) -> None:
    # Class 0 has the image as its map, all others its negative.
    def attribute(_: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        return x.detach() * torch.where(target == 0, 1, -1).view(-1, 1, 1, 1)

    mine = AttributionTask(Method("m", "M", attribute), task.images, torch.zeros(12).long())
    others = torch.tensor([0, 1, 2]).expand(12, -1)
    found = class_sensitivity(mine, net, others)
    np.testing.assert_allclose(found["rank correlation"], -1, atol=1e-12)  # 0 is no other
    np.testing.assert_allclose(found["rank correlation of absolute values"], 1, atol=1e-12)


def test_an_empty_map_of_another_class_has_similarity_zero(
    task: AttributionTask, net: nn.Module
) -> None:
    # Class 1 has an empty map, the others the image; of image 0 there is no map for class 0 either.
    def attribute(_: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        return x.detach() * (target != 1).view(-1, 1, 1, 1)

    mine = AttributionTask(Method("m", "M", attribute), task.images, (torch.arange(12) < 1).long())
    others = torch.tensor([2, 1]).expand(12, -1)
    for values in class_sensitivity(mine, net, others).values():
        assert np.isnan(values[0])
        np.testing.assert_allclose(values[1:], 0.5, atol=1e-6)


def test_other_classes_by_their_logits() -> None:
    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            return torch.tensor([[1.0, 5.0, -2.0, 4.0, 3.0]]).expand(len(x), -1)

    x = torch.zeros(3, 1)
    assert other_classes(Logits(), x, 3, 2).tolist() == [[3, 4, 2]] * 3
    assert other_classes(Logits(), x, 1, 2).tolist() == [[2]] * 3
    with pytest.raises(ValueError, match="one logit"):
        other_classes(nn.Linear(1, 1), x, 3, 2)
    assert other_classes(Logits(), x, 9, 2).tolist() == [[3, 4, 0, 2]] * 3


def test_classes_and_images_that_do_not_fit_are_refused(
    task: AttributionTask, net: nn.Module
) -> None:
    with pytest.raises(
        ValueError, match="must be 0 to 3, since the model has 4 logits; got 1 to 4"
    ):
        class_sensitivity(task, net, torch.tensor([[1, 4]]).expand(12, -1))
    with pytest.raises(ValueError, match=r"cannot take images of shape \(1, 10, 10\)"):
        logits(nn.Sequential(nn.Conv2d(3, 4, 3)), torch.zeros(1, 1, 10, 10))


def test_agrees_with_quantus_random_logit(task: AttributionTask, net: nn.Module) -> None:
    net, task = net.double(), replace(task, images=task.images.double())

    def explain(model: nn.Module, inputs: Any, targets: Any, **_: Any) -> Any:
        one = AttributionTask(task.method, torch.tensor(inputs), torch.tensor(targets))
        return one.maps(model).sum(dim=1, keepdim=True).numpy()

    quantus = pytest.importorskip("quantus")
    metric = quantus.RandomLogit(
        similarity_func=quantus.correlation_spearman,
        num_classes=4,
        seed=7,
        abs=False,
        normalise=False,
        disable_warnings=True,
    )
    scores = metric(
        model=net,
        x_batch=task.images.numpy(),
        y_batch=task.targets.numpy(),
        a_batch=task.maps(net).sum(dim=1, keepdim=True).numpy(),
        explain_func=explain,
    )
    # Its classes: for each image one of the others, from NumPy's global generator.
    np.random.seed(7)  # noqa: NPY002
    others = [
        np.random.choice([c for c in range(4) if c != target])  # noqa: NPY002
        for target in task.targets.tolist()
    ]
    found = class_sensitivity(
        task, net, torch.tensor(others)[:, None], similarities={"ranks": signed_ranks}
    )
    np.testing.assert_allclose(found["ranks"], scores, atol=1e-6)


def test_the_image_itself_is_recovered(task: AttributionTask, net: nn.Module) -> None:
    found = image_recovery(of(lambda _, x, __: -2 * x.detach(), task), net)
    np.testing.assert_allclose(found["correlation with the image"], 1, atol=1e-6)
    noise = image_recovery(of(lambda _, x, __: torch.randn_like(x), task), net)
    assert noise["correlation with the image"].mean() < 0.15


def test_random_labels_compare_two_networks(task: AttributionTask, net: nn.Module) -> None:
    same = random_labels(task, net, net)
    np.testing.assert_allclose(same["rank correlation"], 1, atol=1e-9)
    torch.manual_seed(5)
    other = type(net)().eval()
    nn.init.normal_(other.get_submodule("first").weight)  # type: ignore[arg-type]
    assert random_labels(task, net, other)["rank correlation"].mean() < 0.95


def test_the_order_of_logits_is_spearmans() -> None:
    before = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]])
    after = torch.tensor([[2.0, 1.0, 3.0, 4.0], [-4.0, -1.0, -2.0, -3.0], [5.0, 5.0, 5.0, 5.0]])
    # By hand: 1 - 6 * (1 + 1) / (4 * 15).
    np.testing.assert_allclose(same_order(before, after), [0.8, -1, 0], atol=1e-12)


def test_logits_do_not_depend_on_the_batch(task: AttributionTask, net: nn.Module) -> None:
    whole = logits(net, task.images)
    torch.testing.assert_close(logits(net, task.images, batch_size=5), whole)
    assert not whole.requires_grad
