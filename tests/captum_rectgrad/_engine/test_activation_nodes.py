"""A network has one map, bit for bit, whether written with modules, functions or methods."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from timm.layers.activations import HardSwish, Swish
from torch import Tensor, nn

from captum_rectgrad import RectGrad, RectGradWarning

pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

Operation = Callable[[Tensor], Tensor]
LOGSIGMOID = nn.LogSigmoid()

# A module, and the other ways to say the same.
ACTIVATIONS: list[tuple[nn.Module, list[Operation]]] = [
    (
        nn.ReLU(),
        [
            F.relu,
            torch.relu,
            Tensor.relu,
            Tensor.relu_,
            torch.relu_,
            lambda z: F.relu(z, inplace=True),
            lambda z: F.relu(input=z),
            lambda z: z.clamp(min=0),
            lambda z: z.clamp(0),
            lambda z: z.clamp_(min=0),
            lambda z: z.clamp_min(0),
            lambda z: torch.clamp(z, min=0),
            lambda z: z.clip(min=0),
            lambda z: torch.clip(z, 0),
            lambda z: z.clamp(min=torch.tensor(0.0)),
        ],
    ),
    (nn.ReLU6(), [F.relu6, lambda z: F.relu6(z, inplace=True), lambda z: z.clamp(0, 6)]),
    (
        nn.Hardtanh(-0.5, 2),
        [lambda z: F.hardtanh(z, -0.5, 2), lambda z: F.hardtanh_(z, -0.5, 2)],
    ),
    (nn.GELU(), [F.gelu]),
    (nn.GELU(approximate="tanh"), [lambda z: F.gelu(z, approximate="tanh")]),
    (nn.SiLU(), [F.silu, lambda z: F.silu(z, inplace=True)]),
    (nn.Mish(), [F.mish]),
    (nn.LeakyReLU(0.1), [lambda z: F.leaky_relu(z, 0.1), lambda z: F.leaky_relu_(z, 0.1)]),
    (nn.ELU(0.7), [lambda z: F.elu(z, 0.7)]),
    # In place, PyTorch takes the derivative from the result, which rounds differently.
    (nn.ELU(0.7, inplace=True), [lambda z: F.elu_(z, 0.7)]),
    (nn.CELU(), [F.celu, torch.celu]),
    (nn.SELU(), [F.selu, torch.selu]),
    (nn.Softplus(), [F.softplus]),
    (nn.Softplus(2, 3), [lambda z: F.softplus(z, 2, 3)]),
    (
        nn.Sigmoid(),
        [torch.sigmoid, Tensor.sigmoid, F.sigmoid, Tensor.sigmoid_, torch.special.expit],
    ),
    (nn.Tanh(), [torch.tanh, Tensor.tanh, F.tanh, torch.tanh_]),
    (nn.Hardswish(), [F.hardswish, lambda z: F.hardswish(z, inplace=True)]),
    (nn.Hardsigmoid(), [F.hardsigmoid]),
    (LOGSIGMOID, [F.logsigmoid]),
    (nn.Softsign(), [F.softsign]),
    (nn.Tanhshrink(), [F.tanhshrink]),
    (nn.Hardshrink(), [F.hardshrink]),
    (nn.Softshrink(), [F.softshrink]),
    (nn.Threshold(0.1, 0.0), [lambda z: F.threshold(z, 0.1, 0.0)]),
]


class Written(nn.Module):
    """A small net around an activation that is a module or a function."""

    def __init__(self, activation: Operation) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(5, 40), nn.Linear(40, 3)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.activation(self.first(x)))


@pytest.mark.parametrize(
    ("module", "operation"),
    [(module, f) for module, operations in ACTIVATIONS for f in operations],
    ids=lambda p: type(p).__name__ if isinstance(p, nn.Module) else getattr(p, "__name__", ""),
)
@pytest.mark.bitwise("one network in two spellings: the linear layers around the activation agree")
def test_activations(module: nn.Module, operation: Operation) -> None:
    x = torch.randn(4, 5, generator=torch.manual_seed(1))
    for options in ({"percentile": 75.0}, {"tau": 0.0}, {"tau": -0.1, "rule": "PR4"}):
        arguments: dict[str, Any] = {"final_threshold": False, **options}
        expected = RectGrad(Written(module), **arguments).attribute(x, target=1)
        result = RectGrad(Written(operation), **arguments).attribute(x, target=1)
        assert torch.equal(result, expected)
    assert result.count_nonzero() > 0


@pytest.mark.bitwise("one network in two spellings: the linear layers around the activation agree")
def test_prelu_with_its_weight() -> None:
    module = nn.PReLU(40, init=0.2)
    x = torch.randn(4, 5, generator=torch.manual_seed(1))
    expected = RectGrad(Written(module), percentile=60).attribute(x, target=0)
    net = Written(lambda z: F.prelu(z, module.weight))
    assert torch.equal(RectGrad(net, percentile=60).attribute(x, target=0), expected)
    assert expected.count_nonzero() > 0


class WithModules(nn.Module):
    def __init__(self, dims: int, **pool: Any) -> None:
        super().__init__()
        torch.manual_seed(dims)
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        pools = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
        adaptive = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
        self.dims, self.pool_arguments = dims, pool
        self.conv1, self.conv2 = conv(2, 4, 3, padding=1), conv(4, 5, 3, 2, padding=1)
        self.relu, self.pool = nn.ReLU(), pools[dims - 1](**pool)
        self.adaptive = adaptive[dims - 1](2)
        self.linear = nn.Linear(5 * 2**dims, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu(self.conv1(x)))
        x = self.adaptive(self.relu(self.conv2(x)))
        return self.linear(x.flatten(1))


class WithFunctions(WithModules):
    def forward(self, x: Tensor) -> Tensor:
        conv = (F.conv1d, F.conv2d, F.conv3d)[self.dims - 1]
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.dims - 1]
        adaptive = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)
        x = conv(x, self.conv1.weight, self.conv1.bias, padding=1)
        x = pool(F.relu(x), **self.pool_arguments)
        x = conv(x, self.conv2.weight, self.conv2.bias, 2, 1)
        x = adaptive[self.dims - 1](x.relu(), 2)
        return self.linear(x.flatten(1))


class WithIndices(WithFunctions):
    def forward(self, x: Tensor) -> Tensor:
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.dims - 1]
        adaptive = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)
        x, _ = pool(torch.relu(self.conv1(x)), return_indices=True, **self.pool_arguments)
        x, _ = adaptive[self.dims - 1](torch.relu(self.conv2(x)), 2, return_indices=True)
        return self.linear(x.flatten(1))


@pytest.mark.parametrize("written", [WithFunctions, WithIndices])
@pytest.mark.parametrize(
    "pool",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": 2, "stride": 1, "dilation": 2},
    ],
)
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.bitwise("one network in two spellings: its convolutions agree")
def test_convolutions_and_pools(dims: int, pool: dict[str, Any], written: type) -> None:
    x = torch.randn(2, 2, *(9,) * dims, generator=torch.manual_seed(5))
    for padding_trick, prr in itertools.product([False, True], repeat=2):
        options: dict[str, Any] = {"padding_trick": padding_trick, "prr": prr, "percentile": 70}
        expected = RectGrad(WithModules(dims, **pool), **options).attribute(x, target=1)
        result = RectGrad(written(dims, **pool), **options).attribute(x, target=1)
        assert torch.equal(result, expected)
        assert result.count_nonzero() > 0


class OwnSwish(nn.Module):
    """An activation of the user's, made of one that is known."""

    def forward(self, z: Tensor) -> Tensor:
        return z * torch.sigmoid(z)


def test_a_module_is_handled_once_even_if_its_forward_calls_functions() -> None:
    # Hardswish of timm calls F.relu6: one activation, not two.
    x = torch.randn(4, 5, generator=torch.manual_seed(1))
    silu = RectGrad(Written(nn.SiLU()), percentile=75).attribute(x, target=1)
    hard = RectGrad(Written(nn.Hardswish()), percentile=75).attribute(x, target=1)
    for module, expected in [(Swish(), silu), (Swish(inplace=True), silu), (HardSwish(), hard)]:
        result = RectGrad(Written(module), percentile=75).attribute(x, target=1)
        torch.testing.assert_close(result, expected)


def test_which_activations_are_rectified() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.gate, self.last = nn.Linear(5, 40), nn.Linear(40, 40), nn.Linear(40, 3)
            self.relu, self.own = nn.ReLU(), OwnSwish()

        def forward(self, x: Tensor) -> Tensor:
            h = F.relu(self.first(x))
            h = h * torch.sigmoid(self.gate(h))
            return self.last(self.own(self.relu(h)))

    x = torch.randn(4, 5, generator=torch.manual_seed(1))
    net = Gated()

    def rectified(*chosen: Any) -> list[str]:
        method = RectGrad(net, tau=0, activations=chosen)
        _, layers = method.attribute(x, target=0, return_layer_statistics=True)
        return [layer.activation for layer in layers]

    assert rectified(nn.ReLU) == ["ReLU", "ReLU"]
    assert rectified(nn.Sigmoid) == ["Sigmoid", "Sigmoid"]
    assert rectified(nn.ReLU, OwnSwish) == ["OwnSwish", "ReLU", "ReLU"]
    assert rectified(net.relu) == ["ReLU"]
    with pytest.raises(TypeError, match=r"use nn\.ReLU for F\.relu"):
        RectGrad(net, activations=[F.relu])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="contains a ReLU that is not part of the model"):
        RectGrad(net, activations=[nn.ReLU()])
    with pytest.raises(TypeError, match="must be a list"):
        RectGrad(net, activations=nn.ReLU)  # type: ignore[arg-type]
    with pytest.warns(RectGradWarning, match="none of the activations in activations="):
        RectGrad(net, activations=[nn.Tanh]).attribute(x, target=0)


@pytest.mark.parametrize(
    "bounds", [{"min": -1, "max": 1}, {"min": 0, "max": 1}, {"min": 1e-6}, {"max": 1}]
)
def test_a_clamp_that_bounds_numbers_is_no_activation(bounds: dict[str, float]) -> None:
    with pytest.warns(RectGradWarning, match="plain gradient"):
        RectGrad(Written(lambda z: z.clamp(**bounds))).attribute(torch.randn(1, 5), target=0)


def test_a_single_sample_behind_batch_norm_is_as_in_a_batch() -> None:
    """Where PyTorch's own gradient on the CPU mixes up the channels (found with 2.15)."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3, eps=0)
            self.norm.weight.data = torch.tensor([1.0, 2.0, 4.0])
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.norm(x.relu()).flatten(2).transpose(1, 2)
            y: Tensor = (tokens * torch.tensor([1.0, 10.0, 100.0])).sum(dim=(1, 2))
            return y

    method = RectGrad(Net().eval(), tau=0)
    for samples in (1, 2):
        found = method.attribute(torch.ones(samples, 3, 2, 2, dtype=torch.float64))
        assert found.flatten(2).tolist() == [[[1.0] * 4, [20.0] * 4, [400.0] * 4]] * samples


def test_activations_of_a_second_operand_are_outside_the_module() -> None:
    """They are rectified however the statements are ordered."""

    class Gate(nn.Module):
        def forward(self, u: Tensor, v: Tensor) -> Tensor:
            return u * torch.sigmoid(v)

    class Net(nn.Module):
        def __init__(self, *, gate_first: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.other, self.last = nn.Linear(5, 40), nn.Linear(5, 40), nn.Linear(40, 3)
            self.gate, self.gate_first = Gate(), gate_first

        def forward(self, x: Tensor) -> Tensor:
            if self.gate_first:
                v = torch.relu(self.other(x))
                u = self.one(x)
            else:
                u = self.one(x)
                v = torch.relu(self.other(x))
            y: Tensor = self.last(self.gate(u, v))
            return y

    x = torch.randn(4, 5, generator=torch.manual_seed(1), dtype=torch.float64)
    maps = []
    for gate_first in (False, True):
        net = Net(gate_first=gate_first).double()
        method = RectGrad(net, percentile=80, activations=[nn.ReLU, Gate])
        attribution, layers = method.attribute(x, target=0, return_layer_statistics=True)
        assert sorted(layer.activation for layer in layers) == ["Gate", "ReLU"]
        maps.append(attribution)
    torch.testing.assert_close(*maps)
    assert maps[0].any()
