"""Activations that no hook reaches are said to have passed the plain gradient."""

import gc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any

import pytest
import torch
from timm.layers.activations import HardSwish, Swish
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import LayerRectGrad, RectGrad, RectGradWarning


class OwnFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * (ctx.saved_tensors[0] > 0)


def scripted(z: Tensor) -> Tensor:
    return torch.relu(z)


class Calls(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.relu = nn.Linear(6, 50), nn.ReLU()
        self.second, self.last = nn.Linear(50, 50), nn.Linear(50, 2)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.function(self.second(self.relu(self.first(x)))))
        return y


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.LSTM | nn.GRU | nn.RNN]) -> None:
        super().__init__()
        self.first, self.relu = nn.Linear(6, 50), nn.ReLU()
        self.recurrent, self.last = kind(50, 50, batch_first=True), nn.Linear(50, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.recurrent(self.relu(self.first(x))[:, None])
        y: Tensor = self.last(hidden[:, -1])
        return y


X = torch.rand(3, 6)


@pytest.mark.parametrize(
    ("net", "named"),
    [
        (Calls(OwnFunction.apply), r"OwnFunction \(an autograd\.Function\)"),
        (Recurrent(nn.LSTM), "MkldnnRnnLayer|Sigmoid, Tanh"),
        (Recurrent(nn.GRU), "Sigmoid, Tanh"),
        (Recurrent(nn.RNN), "Tanh"),
    ],
)
def test_they_are_named(net: nn.Module, named: str) -> None:
    with pytest.warns(RectGradWarning, match=f"the gradient passed ({named}) as it is") as seen:
        RectGrad(net, percentile=60).attribute(X, 0)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # whoever chooses knows
        RectGrad(net, percentile=60, activations=[nn.ReLU]).attribute(X, 0)


def test_scripted_functions_are_named() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scripts are going out of use
        net = Calls(torch.jit.script(scripted))
    with pytest.warns(RectGradWarning, match="the gradient passed (Relu|.*DifferentiableGraph)"):
        RectGrad(net, percentile=60).attribute(X, 0)


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
    ],
)
def test_whatever_was_dealt_with_is_not(function: Callable[[Tensor], Tensor]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "attribution of sample")
        RectGrad(Calls(function), tau=0).attribute(X, 0)


def test_nor_is_what_the_gradient_does_not_pass() -> None:
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


def test_a_function_before_an_in_place_relu_on_a_view_is_named() -> None:
    def rewritten(z: Tensor) -> Tensor:
        h: Tensor = OwnFunction.apply(z)
        h[:, :20].relu_()
        return h

    with pytest.warns(RectGradWarning, match="the gradient passed OwnFunction"):
        RectGrad(Calls(rewritten), percentile=60).attribute(X, 0)


def test_another_thread_of_the_model_is_noticed_even_where_activations_are_chosen() -> None:
    class Threaded(Calls):
        def forward(self, x: Tensor) -> Tensor:
            h = torch.nn.functional.gelu(self.first(x))
            with ThreadPoolExecutor(1) as pool:
                h = pool.submit(lambda: self.relu(self.second(h))).result()
            y: Tensor = self.last(h)
            return y

    net = Threaded(torch.relu)
    for chosen in (None, [nn.ReLU, nn.GELU]):
        with pytest.warns(RectGradWarning, match="the gradient passed Relu as it is"):
            RectGrad(net, percentile=60, activations=chosen).attribute(X, 0)


def test_graphs_that_are_not_the_models_keep_no_hooks() -> None:
    class Conditioned(Calls):
        def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x * condition)

    def living() -> int:
        gc.collect()
        functions = (thing for thing in gc.get_objects() if type(thing) is FunctionType)
        return sum(function.__qualname__.startswith("watch.") for function in functions)

    condition = OwnFunction.apply(torch.rand(3, 6, requires_grad=True))
    net, before = Conditioned(torch.relu), living()
    for _ in range(3):
        RectGrad(net, percentile=60).attribute(X, 0, condition)
    assert living() == before
    condition.sum().backward()
