"""`create_graph=True`: maps that can be differentiated, whose masks are constants."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad

PERCENTILE = 60


class Net(nn.Module):
    def __init__(self, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.act = activation()
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.last = activation()
        self.head = nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.pool(self.act(self.first(x)))
        logits: Tensor = self.head(self.last(self.second(h)).flatten(1))
        return logits


def net(activation: Callable[[], nn.Module]) -> Net:
    torch.manual_seed(0)
    return Net(activation).double()


def images(samples: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(samples, 2, 6, 6, dtype=torch.float64, generator=generator)


def slope_by_differences(function: Callable[[], float], tensor: Tensor, direction: Tensor) -> float:
    """The derivative along a direction; steps are so small that no unit crosses a threshold."""
    step = 1e-6
    with torch.no_grad():
        tensor += step * direction
        above = function()
        tensor -= 2 * step * direction
        below = function()
        tensor += step * direction
    return (above - below) / (2 * step)


@pytest.mark.parametrize("options", [{}, {"prr": True}, {"tau": 0.0}, {"rule": "PR2"}])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU, nn.Tanh])
def test_derivatives_of_maps_are_those_of_finite_differences(
    activation: type[nn.Module], options: dict[str, Any]
) -> None:
    model, x = net(activation), images().requires_grad_()
    threshold: dict[str, Any] = {} if "tau" in options else {"percentile": PERCENTILE}
    method = RectGrad(model, **threshold, **options, final_threshold=False)
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(x.shape, dtype=x.dtype, generator=generator)

    def weighted() -> float:
        return float((method.attribute(x.detach(), target=1) * weights).sum())

    maps = method.attribute(x, target=1, create_graph=True)
    assert maps.requires_grad
    assert float((maps.detach() * weights).sum()) == pytest.approx(weighted(), rel=1e-12)
    (maps * weights).sum().backward()
    for tensor in (x, model.first.weight, model.second.weight, model.head.weight):
        assert tensor.grad is not None
        direction = torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator)
        expected = slope_by_differences(weighted, tensor, direction)
        assert float((tensor.grad * direction).sum()) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_map_without_create_graph_has_no_graph() -> None:
    maps = RectGrad(net(nn.ReLU), PERCENTILE).attribute(images().requires_grad_(), target=1)
    assert not maps.requires_grad
    assert maps.is_leaf


def test_the_map_is_the_same_with_and_without_a_graph() -> None:
    model = net(nn.GELU)
    choices: list[dict[str, Any]] = [{}, {"prr": True}, {"multiply_by_inputs": False}]
    for options in choices:
        method = RectGrad(model, PERCENTILE, **options)
        with_graph = method.attribute(images(), target=1, create_graph=True)
        plain = method.attribute(images(), target=1)
        torch.testing.assert_close(with_graph.detach(), plain, rtol=1e-12, atol=1e-14)


def test_training_lowers_the_attribution_in_a_region() -> None:
    model, x = net(nn.GELU), images(4)
    method = RectGrad(model, 20)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    course = []
    for _ in range(10):
        corner = method.attribute(x, target=0, create_graph=True)[..., :3, :3].sum()
        optimizer.zero_grad()
        corner.backward()
        optimizer.step()
        course.append(float(corner.detach()))
    assert course[-1] < 0.9 * course[0]


def test_the_inputs_are_left_alone() -> None:
    x = images().requires_grad_()
    maps = RectGrad(net(nn.GELU), PERCENTILE).attribute(x, target=1, create_graph=True)
    assert x.grad is None
    assert x.grad_fn is None
    (gradient,) = torch.autograd.grad(maps.sum(), x)
    assert gradient.count_nonzero()


def test_an_input_may_be_in_the_middle_of_a_graph() -> None:
    model, logits = net(nn.GELU), images().requires_grad_()
    x = logits.tanh()
    maps = RectGrad(model, PERCENTILE).attribute(x, target=1, create_graph=True)
    (found,) = torch.autograd.grad(maps.sum(), logits)
    leaf = logits.detach().tanh().requires_grad_()
    maps = RectGrad(model, PERCENTILE).attribute(leaf, target=1, create_graph=True)
    (expected,) = torch.autograd.grad(maps.sum(), leaf)
    torch.testing.assert_close(found, expected * (1 - leaf.detach().square()))


def test_internal_batches_give_the_same_derivatives() -> None:
    found = []
    for size in (None, 1, 2):
        model = net(nn.GELU)
        maps = RectGrad(model, PERCENTILE).attribute(
            images(3), target=[0, 1, 2], internal_batch_size=size, create_graph=True
        )
        maps.square().sum().backward()
        assert model.first.weight.grad is not None
        found.append(model.first.weight.grad)
    torch.testing.assert_close(found[1], found[0], rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(found[2], found[0], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("at_input", [False, True])
def test_layers_and_neurons_have_derivatives(at_input: bool) -> None:
    model = net(nn.GELU)
    layer = LayerRectGrad(model, model.second, percentile=PERCENTILE, final_threshold=False)
    neuron = NeuronRectGrad(model, model.second, percentile=PERCENTILE, final_threshold=False)
    generator = torch.Generator().manual_seed(3)

    def layer_sum(create_graph: bool = False) -> Tensor:
        maps = layer.attribute(
            images(), target=1, attribute_to_layer_input=at_input, create_graph=create_graph
        )
        return maps.square().sum()

    def neuron_sum(create_graph: bool = False) -> Tensor:
        maps = neuron.attribute(
            images(),
            neuron_selector=lambda h: h.square().sum(dim=(1, 2, 3)),
            attribute_to_neuron_input=at_input,
            create_graph=create_graph,
        )
        return maps.square().sum()

    for function, parameter in ((layer_sum, model.second.weight), (neuron_sum, model.first.weight)):
        (gradient,) = torch.autograd.grad(function(create_graph=True), parameter)
        direction = torch.randn(parameter.shape, dtype=parameter.dtype, generator=generator)
        expected = slope_by_differences(lambda f=function: f().item(), parameter, direction)  # type: ignore[misc]
        assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_graphs_are_freed_with_their_maps() -> None:
    model, x = net(nn.GELU), images()
    method = RectGrad(model, PERCENTILE)

    def alive() -> int:
        gc.collect()
        return sum(issubclass(type(item), Tensor) for item in gc.get_objects())

    def attribute() -> None:
        maps = method.attribute(x, target=1, create_graph=True)
        torch.autograd.grad(maps.sum(), model.first.weight)

    attribute()
    before = alive()
    for _ in range(5):
        attribute()
    # Fewer where an earlier test left something to be collected.
    assert alive() <= before
