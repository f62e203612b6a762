"""Activations that hooks cannot reach pass the plain gradient, and are warned of."""

import gc
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
import torch
from timm.layers.activations import HardSwish, Swish
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import GuidedBackprop, LayerRectGrad, RectGrad, RectGradWarning, Saliency


class OwnFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * (ctx.saved_tensors[0] > 0)


class Calls(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.relu = nn.Linear(6, 50), nn.ReLU()
        self.second, self.last = nn.Linear(50, 50), nn.Linear(50, 2)
        self.function = function
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.function(self.second(self.relu(self.first(x)))))
        return y


class Layer(nn.Module):
    """A recurrent layer as a function of one tensor."""

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, z: Tensor) -> Tensor:
        if isinstance(self.recurrent, nn.RNNCellBase):
            out = self.recurrent(z)
            return out[0] if isinstance(out, tuple) else out
        hidden: Tensor = self.recurrent(z[:, None])[0][:, -1]
        return hidden


X = torch.rand(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def plain_gradient_of(net: Calls) -> Tensor:
    """The map if the rule applies to the ReLU before the function alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # who chooses activations knows what else there is
        return RectGrad(net, percentile=60, activations=[net.relu]).attribute(X, 0)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (OwnFunction.apply, r"OwnFunction \(an autograd\.Function\)"),
        (Layer(nn.LSTM(50, 50, batch_first=True)), "LSTM"),
        (Layer(nn.GRU(50, 50, batch_first=True)), "GRU"),
        (Layer(nn.RNN(50, 50, batch_first=True, nonlinearity="relu")), "RNN"),
        (Layer(nn.LSTMCell(50, 50)), "LSTMCell"),
    ],
)
def test_functions_and_recurrent_layers_are_named_and_left_alone(
    function: Callable[[Tensor], Tensor], named: str
) -> None:
    net = Calls(function)
    with pytest.warns(RectGradWarning, match=f"^{named} was differentiated normally") as seen:
        found = RectGrad(net, percentile=60).attribute(X, 0)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert torch.equal(found, plain_gradient_of(net))
    assert found.any()


def test_activation_before_the_recurrent_layer_in_a_cell_of_ones_own_is_rectified() -> None:
    """Only PyTorch's recurrent layers are left alone: a cell written out is as any other code."""

    class Cell(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return torch.tanh(z) * torch.sigmoid(z)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = RectGrad(Calls(Cell()), percentile=60).attribute(X, 0)
    assert not torch.equal(found, plain_gradient_of(Calls(Cell())))


@pytest.mark.parametrize(
    ("spelling", "named"),
    [
        (lambda z: torch.maximum(z, torch.zeros_like(z)), "maximum"),
        (lambda z: torch.maximum(torch.tensor(0.0), z), "maximum"),
        (lambda z: torch.where(z > 0, z, 0), "where"),
        (lambda z: torch.where(z <= 0, torch.zeros_like(z), z), "where"),
        (lambda z: z.masked_fill(z < 0, 0), "masked_fill"),
        (lambda z: z * (z > 0), "mask"),
        (lambda z: (z > 0) * z, "mask"),
    ],
)
def test_relu_written_as_arithmetic_is_named_and_left_alone(
    spelling: Callable[[Tensor], Tensor], named: str
) -> None:
    net = Calls(spelling)
    with pytest.warns(RectGradWarning, match=f"{named}.* was differentiated normally"):
        found = RectGrad(net, percentile=60).attribute(X, 0)
    assert torch.equal(found, plain_gradient_of(net))


@pytest.mark.parametrize(
    "other",
    [
        lambda z: torch.maximum(z, torch.ones_like(z)),
        lambda z: torch.minimum(z, torch.zeros_like(z)),
        lambda z: torch.where(z > 0, z, -z),
        lambda z: z * torch.ones(50),
        lambda z: z * 2,
        lambda z: z * z,
        lambda z: z.masked_fill(torch.eye(50)[0] > 0, 0),
        lambda z: z * torch.ones(50, dtype=torch.bool),
    ],
)
def test_arithmetic_that_cannot_be_a_relu_is_not_named(other: Callable[[Tensor], Tensor]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "attribution of sample")
        RectGrad(Calls(other), tau=0).attribute(X, 0)


@pytest.mark.parametrize(
    "operator",
    [torch.ops.aten.relu.default, torch.ops.aten.relu, torch.ops.aten.relu_.default],
)
@pytest.mark.bitwise("one network in two spellings: the linear layers around the ReLU agree")
def test_operators_of_aten_are_rectified(operator: Callable[[Tensor], Tensor]) -> None:
    expected = RectGrad(Calls(torch.relu), percentile=60).attribute(X, 0)
    assert torch.equal(RectGrad(Calls(operator), percentile=60).attribute(X, 0), expected)


def script(z: Tensor) -> Tensor:
    return torch.tanh(torch.relu(z) * 2)


def test_scripted_functions_are_rectified_or_named() -> None:
    """PyTorch compiles one after its first calls; until then its operations are ordinary nodes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripts are going out of use
        net = Calls(torch.jit.script(script))
    expected = RectGrad(Calls(script), percentile=60).attribute(X, 0)
    named = 0
    for _ in range(4):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            found = RectGrad(net, percentile=60).attribute(X, 0)
        if any("TorchScript code was differentiated normally" in str(w.message) for w in seen):
            named += 1
            torch.testing.assert_close(found, plain_gradient_of(net))
        else:
            torch.testing.assert_close(found, expected)
    assert named > 0


@pytest.mark.parametrize(
    "function",
    [
        nn.ELU(inplace=True),
        Swish(inplace=True),
        Swish(),
        HardSwish(inplace=True),
        nn.PReLU(),
        nn.Softsign(),
        nn.Tanhshrink(),
        nn.RReLU().eval(),
        nn.LogSigmoid(),
        F.selu_,
        lambda z: F.elu(z[:, :50], inplace=True),
        torch.sigmoid,
        lambda z: z.tanh_(),
        lambda z: F.threshold(z, 0.1, 0.0),
        lambda z: F.softmax(z, dim=1),
        lambda z: F.glu(torch.cat([z, z], dim=1)),
        lambda z: F.dropout(z, 0.5),
        lambda z: F.max_pool1d(z, 1),
    ],
)
def test_functions_that_were_handled_are_not_named(function: Callable[[Tensor], Tensor]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "attribution of sample")
        RectGrad(Calls(function), tau=0).attribute(X, 0)


def test_functions_that_the_gradient_does_not_pass_are_not_named() -> None:
    class Aside(Calls):
        def forward(self, x: Tensor) -> Tensor:
            h = self.relu(self.first(x))
            y: Tensor = self.last(self.second(h) * torch.sigmoid(torch.tensor(3.0)))
            return y + 0 * OwnFunction.apply(self.last.bias)[:1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RectGrad(Aside(torch.relu), percentile=60).attribute(X, 0)
        net = Calls(OwnFunction.apply)
        LayerRectGrad(net, net.last).attribute(X, 0)


def test_methods_of_signs_warn_and_the_plain_gradient_does_not() -> None:
    net = Calls(OwnFunction.apply)
    with pytest.warns(RectGradWarning, match="OwnFunction"):
        GuidedBackprop(net).attribute(X, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Saliency(net).attribute(X, 0)


def test_function_before_an_in_place_relu_on_a_view_is_named() -> None:
    def rewritten(z: Tensor) -> Tensor:
        h: Tensor = OwnFunction.apply(z)
        h[:, :20].relu_()
        return h

    with pytest.warns(RectGradWarning, match="OwnFunction .* was differentiated normally"):
        RectGrad(Calls(rewritten), percentile=60).attribute(X, 0)


def test_graphs_that_are_not_the_models_keep_no_hooks() -> None:
    class Conditioned(Calls):
        def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x * condition)

    def living() -> int:
        gc.collect()
        functions = (thing for thing in gc.get_objects() if type(thing) is FunctionType)
        return sum(str(f.__module__).startswith("captum_rectgrad._engine") for f in functions)

    condition = OwnFunction.apply(torch.rand(3, 6, requires_grad=True, dtype=torch.float64))
    net, before = Conditioned(torch.relu), living()
    for _ in range(3):
        RectGrad(net, percentile=60).attribute(X, 0, condition)
    assert living() == before
    condition.sum().backward()
