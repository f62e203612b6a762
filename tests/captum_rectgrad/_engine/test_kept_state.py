"""What a model keeps from earlier calls, and what a user hung onto its modules."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from timm.layers.activations import GELUTanh, QuickGELU
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn import functional as F
from torch.nn.utils import parametrize

from captum_rectgrad import LayerRectGrad, RectGrad

# So few units are sometimes cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

PERCENTILE = 60


class Kept(nn.Module):
    """Computes its weights once, through an activation."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rho = nn.Parameter(torch.randn(8, 4, dtype=torch.float64))
        self.head = nn.Linear(8, 2).double()
        self.w: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.w is None:
            self.w = F.softplus(self.rho)
        logits: Tensor = self.head(F.linear(x, self.w).relu())
        return logits


def inputs() -> Tensor:
    return torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def nodes(tensor: Tensor) -> Iterator[Node]:
    waiting = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            yield node
            waiting.extend(child for child, _ in node.next_functions)


@pytest.mark.parametrize("called_before", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
def test_training_goes_on_with_weights_kept_from_the_attribution(
    called_before: bool, create_graph: bool
) -> None:
    model, twin = Kept(), Kept()
    if called_before:
        model(inputs())
    for method in (RectGrad(model, PERCENTILE), LayerRectGrad(model, model.head)):
        method.attribute(inputs(), target=1, create_graph=create_graph)
    assert model.w is not None
    kept = list(nodes(model.w))
    # Hooks would change the gradient of the training step.
    for one in (model, twin):
        one(inputs()).square().sum().backward()
    assert kept
    assert model.rho.grad is not None
    assert twin.rho.grad is not None
    assert torch.equal(model.rho.grad, twin.rho.grad)


def test_parametrized_weights_in_a_cache_can_be_trained_afterwards() -> None:
    class Softplus(nn.Module):
        def forward(self, rho: Tensor) -> Tensor:
            return F.softplus(rho)

    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).double()
    parametrize.register_parametrization(model[0], "weight", Softplus())
    with parametrize.cached():
        RectGrad(model, PERCENTILE).attribute(inputs(), target=1)
        model(inputs()).sum().backward()
    found = model[0].parametrizations.weight.original.grad.clone()
    model.zero_grad()
    model(inputs()).sum().backward()
    assert torch.equal(found, model[0].parametrizations.weight.original.grad)


def net(activation: Callable[[], nn.Module] = nn.ReLU) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 12), activation(), nn.Linear(12, 10), activation(), nn.Linear(10, 2)
    ).double()


def test_a_users_backward_hook_sees_what_passes() -> None:
    model, seen = net(), list[tuple[Tensor, Tensor]]()
    at_relu = LayerRectGrad(
        model, model[1], percentile=PERCENTILE, multiply_by_inputs=False, final_threshold=False
    )
    leaving = at_relu.attribute(inputs(), 1, attribute_to_layer_input=True)
    arriving = at_relu.attribute(inputs(), 1)

    def hook(_: nn.Module, grad_input: Any, grad_output: Any) -> None:
        seen.append((grad_input[0], grad_output[0]))

    model[1].register_full_backward_hook(hook)
    RectGrad(model, PERCENTILE).attribute(inputs(), target=1)
    ((grad_input, grad_output),) = seen
    torch.testing.assert_close(grad_input, leaving)
    torch.testing.assert_close(grad_output, arriving)
    assert grad_input.count_nonzero() < grad_output.count_nonzero()


def test_a_users_backward_hook_may_change_what_passes() -> None:
    model = net()
    method = RectGrad(model, PERCENTILE, multiply_by_inputs=False, final_threshold=False)
    expected = 2 * method.attribute(inputs(), target=1)
    handle = model[1].register_full_backward_hook(lambda _, grad_input, __: (2 * grad_input[0],))
    torch.testing.assert_close(method.attribute(inputs(), target=1), expected)
    handle.remove()
    torch.testing.assert_close(2 * method.attribute(inputs(), target=1), expected)


def test_a_legacy_backward_hook_on_an_activation_is_refused() -> None:
    model = net()
    method = RectGrad(model, PERCENTILE)
    model[1].register_backward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="use register_full_backward_hook"):
        method.attribute(inputs(), target=1)


@pytest.mark.filterwarnings("ignore:Using a non-full backward hook")
def test_a_legacy_backward_hook_elsewhere_does_no_harm() -> None:
    model, called = net(), list[int]()
    expected = RectGrad(model, PERCENTILE).attribute(inputs(), target=1)
    model[4].register_backward_hook(lambda *_: called.append(1))
    assert torch.equal(RectGrad(model, PERCENTILE).attribute(inputs(), target=1), expected)
    assert called


class QuickGELUActivation(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return z * torch.sigmoid(1.702 * z)


class NewGELUActivation(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        inner = math.sqrt(2.0 / math.pi) * (z + 0.044715 * torch.pow(z, 3.0))
        return 0.5 * z * (1.0 + torch.tanh(inner))


# As in transformers, which the methods know by name.
for _cls in (QuickGELUActivation, NewGELUActivation):
    _cls.__module__ = "transformers.activations"


def test_an_activation_of_transformers_is_that_of_timm_bit_for_bit() -> None:
    maps = [
        RectGrad(net(cls), PERCENTILE).attribute(inputs(), target=1)
        for cls in (QuickGELUActivation, QuickGELU)
    ]
    assert maps[0].count_nonzero()
    assert torch.equal(maps[0], maps[1])


def test_an_activation_of_transformers_counts_as_one() -> None:
    maps = [
        RectGrad(net(cls), PERCENTILE).attribute(inputs(), target=1)
        for cls in (NewGELUActivation, GELUTanh)
    ]
    assert maps[0].count_nonzero()
    torch.testing.assert_close(maps[0], maps[1], rtol=1e-12, atol=1e-14)
