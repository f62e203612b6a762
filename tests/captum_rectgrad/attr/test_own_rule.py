"""A `Rule` of one's own, given to every method that takes one."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad, Rule, rectified_grad


class Strongest:
    """Passes the units with the largest gradient of each sample, a fixed number."""

    def __init__(self, count: int) -> None:
        self.count = count

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        del activation, is_last
        rows = grad_output.abs().flatten(1)
        chosen = torch.zeros_like(rows, dtype=torch.bool)
        return chosen.scatter(1, rows.topk(self.count).indices, 1).view(grad_output.shape)


class Noting:
    """Passes all, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[torch.Size, bool]] = []

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        self.asked.append((activation.shape, is_last))
        assert not torch.is_grad_enabled()
        return torch.ones_like(grad_output, dtype=torch.bool)


def model() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 10), nn.GELU(), nn.Linear(10, 3)
    ).double()


def inputs() -> Tensor:
    return torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_hand(net: Any, x: Tensor, count: int) -> list[Tensor]:
    """What arrives at the inputs of the five modules."""
    z0 = net[0](x).detach()
    z1 = net[2](z0.relu()).detach().requires_grad_()
    (slope,) = torch.autograd.grad(net[3](z1).sum(), z1)
    rule, last = Strongest(count), net[4].weight[1].expand(len(x), -1).detach()
    g3 = torch.where(rule.keep(last, last, is_last=True), last, 0) * slope
    g2 = g3 @ net[2].weight.detach()
    g1 = torch.where(rule.keep(g2, g2, is_last=False), g2, 0)
    return [g1 @ net[0].weight.detach(), g1, g2, g3, last]


def test_a_rule_of_ten_lines_serves_every_method() -> None:
    net, x = model(), inputs()
    expected = by_hand(net, x, 4)
    rule: Rule = Strongest(4)
    plain: dict[str, Any] = {"multiply_by_inputs": False, "final_threshold": False}
    maps = RectGrad(net, rule=rule, **plain).attribute(x, target=1)
    torch.testing.assert_close(maps, expected[0])
    layers = LayerRectGrad(net, list(net), rule=rule, **plain)
    for found, truth in zip(
        layers.attribute(x, target=1, attribute_to_layer_input=True), expected, strict=True
    ):
        torch.testing.assert_close(found, truth)
    neuron = NeuronRectGrad(net, net[4], rule=rule, **plain)
    torch.testing.assert_close(neuron.attribute(x, 1), expected[0])
    leaf = x.clone().requires_grad_()
    (gradient,) = rectified_grad(net(leaf)[:, 1], leaf, rule=rule)
    torch.testing.assert_close(gradient, expected[0])


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_rule_is_asked_once_per_activation_from_the_output(create_graph: bool) -> None:
    rule = Noting()
    RectGrad(model(), rule=rule).attribute(inputs(), target=1, create_graph=create_graph)
    assert rule.asked == [((4, 10), True), ((4, 12), False)]


def test_through_an_open_relu_inactive_units_pass_too() -> None:
    net: Any = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        net[2].weight.fill_(1)
    net.double()
    maps = RectGrad(net, rule=Noting(), multiply_by_inputs=False, final_threshold=False).attribute(
        torch.ones(1, 2, dtype=torch.float64), target=0
    )
    assert maps.tolist() == [[1.0, -1.0]]


WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "floating point": lambda gradient: (gradient > 0).to(gradient.dtype),
    "one per sample": lambda gradient: (gradient > 0).any(dim=1),
    "one for all": lambda gradient: torch.tensor(True),  # noqa: ARG005
    "transposed": lambda gradient: (gradient > 0).t(),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
def test_an_answer_of_another_dtype_or_shape_is_refused(
    answer: Callable[[Tensor], Tensor], create_graph: bool
) -> None:
    class Wrong:
        def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
            del activation, is_last
            return answer(grad_output)

    method = RectGrad(model(), rule=Wrong())
    with pytest.raises(TypeError, match=r"keep of Wrong must return a boolean tensor of shape"):
        method.attribute(inputs(), target=1, create_graph=create_graph)


def test_an_answer_that_is_no_tensor_is_refused() -> None:
    class Wrong:
        def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
            del activation, grad_output, is_last
            return True  # type: ignore[return-value]

    with pytest.raises(TypeError, match="keep of Wrong"):
        RectGrad(model(), rule=Wrong()).attribute(inputs(), target=1)


def test_an_object_without_keep_is_refused() -> None:
    with pytest.raises(TypeError, match="keep"):
        RectGrad(model(), rule=object())  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [{"percentile": 90}, {"tau": 0.0}])
def test_a_threshold_beside_a_rule_is_refused(threshold: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="custom rule Strongest"):
        RectGrad(model(), **threshold, rule=Strongest(2))


def test_a_class_of_rules_is_refused() -> None:
    with pytest.raises(TypeError, match="rule must be a name or an object"):
        RectGrad(model(), rule=Noting)  # type: ignore[arg-type]
