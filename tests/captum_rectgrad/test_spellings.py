"""ReLUs spelled out in arithmetic are ReLUs; what only looks like one is not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import RectGrad, RectGradWarning
from captum_rectgrad.spellings import note_origin, relu_operand

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


class Net(nn.Module):
    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(8, 60), nn.Linear(60, 60), nn.Linear(60, 3)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.activation(self.second(self.activation(self.first(x)))))
        return y


def written_over(z: Tensor) -> Tensor:
    z *= z > 0
    return z


@pytest.mark.parametrize(
    "spelling",
    [
        lambda z: torch.maximum(z, torch.zeros_like(z)),
        lambda z: torch.maximum(torch.tensor(0.0), z),
        lambda z: torch.max(z, torch.zeros(1)),
        lambda z: z.fmax(torch.zeros(60)),
        lambda z: torch.where(z <= 0, torch.zeros_like(z), z),
        lambda z: torch.where(z < 0, 0.0, z),
        lambda z: z.masked_fill(z < 0, 0),
        lambda z: z.masked_fill_(z.lt(0), 0.0),
        lambda z: z * z.gt(0).type_as(z),
        lambda z: torch.where(z > 0, z, 0),
        lambda z: torch.where(z >= 0, z, torch.zeros_like(z)),
        lambda z: z.where(z > 0, torch.tensor(0.0)),
        lambda z: z * (z > 0),
        lambda z: (z > 0) * z,
        lambda z: torch.mul(z, (z > 0).float()),
        written_over,
        torch.ops.aten.relu.default,
        torch.ops.aten.relu,
        torch.ops.aten.relu_.default,
    ],
)
# A negative threshold passes inactive units too, which the derivative of a product cannot.
@pytest.mark.parametrize("options", [{"percentile": 80}, {"tau": -1.0}])
@pytest.mark.bitwise("one network in two spellings: the linear layers around the ReLUs agree")
def test_they_are_relus(spelling: Callable[[Tensor], Tensor], options: dict[str, Any]) -> None:
    x = torch.randn(3, 8, generator=torch.manual_seed(1))
    expected = RectGrad(Net(torch.relu), **options).attribute(x, 1)
    assert torch.equal(RectGrad(Net(spelling), **options).attribute(x, 1), expected)
    assert expected.any()


@pytest.mark.parametrize(
    "other",
    [
        lambda z: torch.maximum(z, torch.ones_like(z)),
        lambda z: torch.minimum(z, torch.zeros_like(z)),
        lambda z: torch.where(z > 0, z, -1.0),
        lambda z: torch.where(z > 1, z, 0.0),
        lambda z: torch.where(z < 0, z, 0.0),
        lambda z: torch.where(z > 0, 0.0, z),
        lambda z: z * (z < 0),
        lambda z: z * 2,
        lambda z: z * z,
        lambda z: (z + z.abs()) / 2,
    ],
)
def test_others_are_arithmetic(other: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(3, 8, generator=torch.manual_seed(1))
    net = Net(other)
    with pytest.warns(RectGradWarning, match="no activation was met"):
        found = RectGrad(net, final_threshold=False, multiply_by_inputs=False).attribute(x, 1)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)
    torch.testing.assert_close(found, expected)


def test_a_constant_that_changes_the_shape_makes_no_relu() -> None:
    z = torch.randn(4, requires_grad=True)
    zeros = torch.zeros(3, 4)
    note_origin("zeros", (3, 4), zeros)
    assert relu_operand("maximum", (z, zeros), {}) is None
    assert relu_operand("max", (z, 0), {}) is None  # over dimension 0
    assert relu_operand("maximum", (z,), {"other": torch.zeros(1)}) is z
    assert relu_operand("maximum", (zeros[0] + z, zeros), {}) is None
    zeros += 1
    full = torch.randn(3, 4, requires_grad=True)
    assert relu_operand("maximum", (full, zeros), {}) is None  # no zeros any more


def test_masks_are_known_by_where_they_come_from() -> None:
    """Not by their values, or what is a ReLU would depend on the batch."""
    x = torch.randn(6, 8, dtype=torch.float64, generator=torch.manual_seed(1))
    keep = torch.ones(6, 60, dtype=torch.float64)
    keep[3:] = 0

    class Masked(Net):
        def forward(self, x: Tensor, keep: Tensor) -> Tensor:  # type: ignore[override]
            positive = F.softplus(self.first(x)) * keep
            positive = torch.where(torch.ones_like(positive) > 0, positive, 0)
            attention = torch.softmax(positive, dim=1) * torch.ones_like(positive)
            y: Tensor = self.last(attention)
            return y

    net, method = Masked(torch.relu).double(), {"percentile": 60.0, "final_threshold": False}
    whole = RectGrad(net, **method).attribute(x, 1, keep)  # type: ignore[arg-type]
    parts = RectGrad(net, **method).attribute(x, 1, keep, 1)  # type: ignore[arg-type]
    only_softplus = RectGrad(net, activations=[nn.Softplus], **method)  # type: ignore[arg-type]
    torch.testing.assert_close(parts, whole)
    assert torch.equal(only_softplus.attribute(x, 1, keep), whole)


def test_a_mask_of_something_else_or_of_what_has_changed_makes_no_relu() -> None:
    z = torch.randn(4, requires_grad=True) * 1
    mask, other = z > 0, torch.randn(4, requires_grad=True)
    note_origin("gt", (z, 0), mask)
    assert relu_operand("mul", (z, mask), {}) is z
    assert relu_operand("mul", (other, mask), {}) is None
    assert relu_operand("masked_fill", (z, mask, 0), {}) is None  # the other half
    z += 1
    assert relu_operand("mul", (z, mask), {}) is None


def test_where_relu_is_not_chosen_they_are_left_alone() -> None:
    x = torch.randn(3, 8, generator=torch.manual_seed(1))
    net = Net(lambda z: torch.tanh(z * (z > 0) - 0.2))
    with_relu = RectGrad(net, percentile=80).attribute(x, 1)
    without = RectGrad(net, percentile=80, activations=[nn.Tanh]).attribute(x, 1)
    assert not torch.equal(with_relu, without)
