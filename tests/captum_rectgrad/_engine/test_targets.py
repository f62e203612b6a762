"""Targets that do not fit raise what Captum's methods raise, in words."""

from typing import Any

import pytest
import torch
from captum.attr import Saliency
from torch import Tensor, nn

from captum_rectgrad import RectGrad


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize(
    "target",
    [
        None,  # three numbers a sample
        (0, 1),
        [0],
        [0, 1, 2],
        torch.tensor([0, 1, 2]),
        torch.tensor([[0], [1]]),
        "cat",
        ["cat", "dog"],
        1.5,
    ],
)
def test_what_captum_refuses_is_refused_alike(target: Any) -> None:
    x = torch.rand(2, 4)
    with pytest.raises(AssertionError):
        Saliency(net()).attribute(x.clone().requires_grad_(), target=target)
    with pytest.raises(AssertionError):
        RectGrad(net()).attribute(x, target=target)


@pytest.mark.parametrize(
    "target", [3, -4, (3,), [0, 3], [(0,), (3,)], torch.tensor(3), torch.tensor([0, 3])]
)
def test_out_of_range(target: Any) -> None:
    model = net()
    with pytest.raises(AssertionError, match=r"(3|-4) is out of range.*from 0 to 2"):
        RectGrad(model).attribute(torch.rand(2, 4), target=target)
    assert not any(module._forward_hooks for module in model.modules())


def test_one_number_for_the_whole_batch() -> None:
    class Total(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum()

    with pytest.raises(AssertionError, match="one number per sample"):
        RectGrad(Total()).attribute(torch.rand(2, 4))


@pytest.mark.parametrize("target", [0, (0,), [0, 0], [(0,), (0,)], torch.tensor([0, 0])])
def test_one_number_per_sample_needs_no_target(target: Any) -> None:
    model = nn.Sequential(net(), nn.Linear(3, 1), nn.Flatten(0))
    x = torch.rand(2, 4)
    with pytest.raises((AssertionError, IndexError)):
        Saliency(model).attribute(x.clone().requires_grad_(), target=target)
    with pytest.raises(AssertionError, match=r"output of shape \(2,\).*; drop target$"):
        RectGrad(model).attribute(x, target=target)
