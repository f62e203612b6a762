"""Cases: modules that do more than their class says, and users' own hooks and derivatives."""

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.ao.nn.intrinsic import qat
from torch.ao.quantization import disable_fake_quant, disable_observer, get_default_qat_qconfig
from torch.nn import functional as F
from torch.nn.utils import parametrize

from benchmarks.hard_cases.nets import CHANNELS, CLASSES, SIZE, WIDTH, Net, chain, plain, relus
from benchmarks.hard_cases.outcome import Case, twins

# At these the thresholds of the small nets are not zero, and units at the border are decided on.
BORDER_PERCENTILE = 95
QUICK = 1.702  # of QuickGELU


class _ConvReLU(nn.Conv2d):
    """As detectron2's `Conv2d`, which may end in an activation."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x))


class _ConvAndNorm(nn.Conv2d):
    """A convolution that returns its output and the norm of each channel."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        h = super().forward(x)
        return h, h.square().sum(dim=(2, 3))


class _Separable(nn.Conv2d):
    """A depthwise convolution that pads by an operation of its own, behind a pointwise one."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_out, channels_out, 3, groups=channels_out)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(self.pointwise(x), (1, 1, 1, 1)))


class _Convolutions(nn.Module):
    """Three convolutions of some kind, put together by a function; `relus` may be unused."""

    def __init__(
        self, body: Callable[[Any, Tensor], Tensor], convolution: Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        self.body = body
        self.convs = nn.ModuleList(convolution(width, WIDTH) for width in (CHANNELS, WIDTH, WIDTH))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(3))
        self.head = nn.Linear(WIDTH * SIZE * SIZE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, x)


def _padded(channels_in: int, channels_out: int) -> nn.Module:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1)


def _convolution_with_relu(channels_in: int, channels_out: int) -> nn.Module:
    return _ConvReLU(channels_in, channels_out, 3, padding=1)


def _quantisation_aware(channels_in: int, channels_out: int) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own: all of torch.ao is to move
        module = qat.ConvReLU2d(
            channels_in, channels_out, 3, padding=1, qconfig=get_default_qat_qconfig("x86")
        )
    return module.apply(disable_fake_quant).apply(disable_observer)


def _returning_a_pair(channels_in: int, channels_out: int) -> nn.Module:
    return _ConvAndNorm(channels_in, channels_out, 3, padding=1)


def _fused(net: Any, x: Tensor) -> Tensor:
    h = x
    for conv in net.convs:
        h = conv(h)
    return net.head(h.flatten(1))


def _apart(net: Any, x: Tensor) -> Tensor:
    h = x
    for conv, relu in zip(net.convs, net.relus, strict=True):
        h = relu(conv(h))
    return net.head(h.flatten(1))


def _first_of_a_pair(net: Any, x: Tensor) -> Tensor:
    h = x
    for conv, relu in zip(net.convs, net.relus, strict=True):
        first, norms = conv(h)
        h = relu(first) + norms[..., None, None] / 100
    return net.head(h.flatten(1))


def _with_norms(net: Any, x: Tensor) -> Tensor:
    h = x
    for conv, relu in zip(net.convs, net.relus, strict=True):
        first = conv(h)
        h = relu(first) + first.square().sum(dim=(2, 3), keepdim=True) / 100
    return net.head(h.flatten(1))


def _separated(net: Any, x: Tensor) -> Tensor:
    """The same with functions: a padding before a convolution counts as that of the module."""
    h = x
    for conv, relu in zip(net.convs, net.relus, strict=True):
        h = F.conv2d(h, conv.pointwise.weight, conv.pointwise.bias)
        h = relu(F.conv2d(h, conv.weight, conv.bias, padding=1, groups=len(conv.weight)))
    return net.head(h.flatten(1))


class _CausalConv(nn.Conv1d):
    """Pads at both ends and cuts what has seen the future, as in WaveNet."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[..., : x.shape[-1]]


class _Causal(nn.Module):
    """Rows of the image as time steps."""

    def __init__(self, *, in_the_module: bool) -> None:
        super().__init__()
        conv = _CausalConv if in_the_module else nn.Conv1d
        self.first = conv(CHANNELS * SIZE, WIDTH, 3, padding=2)
        self.second = conv(WIDTH, WIDTH, 3, padding=4, dilation=2)
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(2))
        self.head = nn.Linear(WIDTH * SIZE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = x.transpose(2, 3).flatten(1, 2)
        for conv, relu in zip((self.first, self.second), self.relus, strict=True):
            h = relu(conv(h)[..., :SIZE])
        logits: Tensor = self.head(h.flatten(1))
        return logits


def _called_once(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    model(x)
    return model, x


def _convolutions(
    name: str,
    convolution: Callable[[int, int], nn.Module],
    body: Callable[[Any, Tensor], Tensor] = _fused,
    twin: Callable[[], nn.Module] = lambda: _Convolutions(_apart, _padded),
) -> Case:
    return twins(
        name,
        lambda: _Convolutions(body, convolution),
        twin,
        options={"percentile": BORDER_PERCENTILE},
        prepare=_called_once,  # modules for quantization make buffers in their first call
    )


CONVOLUTIONS = (
    _convolutions("a `Conv2d` that ends in `F.relu`, as detectron2's", _convolution_with_relu),
    _convolutions(
        "`ConvReLU2d` of quantization-aware training, computing in floats", _quantisation_aware
    ),
    _convolutions(
        "a `Conv2d` that returns a tuple",
        _returning_a_pair,
        _first_of_a_pair,
        lambda: _Convolutions(_with_norms, _padded),
    ),
    _convolutions(
        "a `Conv2d` that pads by itself and has a pointwise convolution inside",
        _Separable,
        _apart,
        lambda: _Convolutions(_separated, _Separable),
    ),
    twins(
        "a causal `Conv1d` that cuts its padded output",
        lambda: _Causal(in_the_module=True),
        lambda: _Causal(in_the_module=False),
        options={"percentile": BORDER_PERCENTILE},
    ),
)


class _Softplus(nn.Module):
    def forward(self, rho: Tensor) -> Tensor:
        return F.softplus(rho)


class _PositiveWeights(nn.Module):
    """A linear layer whose weights are computed through an activation."""

    def __init__(self, *, cached: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, WIDTH, 3, padding=1)
        self.relu = nn.ReLU()
        self.rho = nn.Parameter(torch.randn(CLASSES, WIDTH * SIZE * SIZE))
        self.cached = cached
        self.w: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.conv(x))
        if not self.cached:
            return F.linear(h.flatten(1), F.softplus(self.rho))
        if self.w is None:
            self.w = F.softplus(self.rho)
        return F.linear(h.flatten(1), self.w)


def _parametrized() -> Net:
    net = plain()
    parametrize.register_parametrization(net.head, "weight", _Softplus())
    return net


def _positive_head(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    h = net.act(1, net.conv1(h))
    h = net.act(2, net.conv2(h))
    return F.linear(h.flatten(1), F.softplus(net.head.weight), net.head.bias)


WEIGHTS = (
    twins(
        "weights through `F.softplus`, kept from an earlier call",
        lambda: _PositiveWeights(cached=True),
        lambda: _PositiveWeights(cached=False),
        prepare=_called_once,
    ),
    twins(
        "the same, computed in this call",
        lambda: _PositiveWeights(cached=True),
        lambda: _PositiveWeights(cached=False),
    ),
    twins(
        "a parametrized weight under `parametrize.cached()`",
        _parametrized,
        lambda: Net(_positive_head, relus(3)),
        context=parametrize.cached,
    ),
)


def _doubling(_: nn.Module, grad_input: Any, __: Any) -> tuple[Tensor, ...]:
    return tuple(2 * gradient for gradient in grad_input)


def _keep_positive(_: nn.Module, __: Any, grad_output: Any) -> tuple[Tensor, ...]:
    return tuple(gradient.clamp(min=0) for gradient in grad_output)


def _with_backward_hooks(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    model.act1.register_full_backward_hook(_doubling)  # type: ignore[union-attr]
    model.act2.register_full_backward_pre_hook(_arriving)  # type: ignore[union-attr]
    return model, x


def _arriving(_: nn.Module, grad_output: Any) -> tuple[Tensor, ...]:
    return tuple(gradient.clamp(min=0) for gradient in grad_output)


def _with_tensor_hooks(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    z = net.conv1(h)
    if z.requires_grad:
        z.register_hook(lambda gradient: 2 * gradient)
    h = net.act(2, net.conv2(net.act(1, z)))
    if h.requires_grad:
        h.register_hook(lambda gradient: gradient.clamp(min=0))
    return net.head(h.flatten(1))


def _with_a_legacy_hook(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    model.act1.register_backward_hook(_doubling)  # type: ignore[union-attr]
    return model, x


def _gradient_in_the_forward(create_graph: bool, net: Any, x: Tensor) -> Tensor:
    with torch.enable_grad():
        h = net.act(0, net.conv0(x if x.requires_grad else x.detach().requires_grad_()))
        a = net.act(1, net.conv1(h))
        (slope,) = torch.autograd.grad(a.sum(), h, retain_graph=True, create_graph=create_graph)
    a = a * slope.mean(dim=(2, 3), keepdim=True).tanh().detach() if not create_graph else a * slope
    return net.head(net.act(2, net.conv2(a)).flatten(1))


def _slope_by_hand(detached: bool, net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    a = net.act(1, net.conv1(h))
    slope = F.conv_transpose2d((a > 0).to(a.dtype), net.conv1.weight.detach(), padding=1)
    a = a * slope.mean(dim=(2, 3), keepdim=True).tanh().detach() if detached else a * slope
    return net.head(net.act(2, net.conv2(a)).flatten(1))


GRADIENTS = (
    twins(
        "`register_full_backward_hook` of the user's on `nn.ReLU`, which change the gradient",
        plain,
        lambda: Net(_with_tensor_hooks, relus(3)),
        prepare=_with_backward_hooks,
    ),
    twins(
        "the legacy `register_backward_hook` on `nn.ReLU`",
        plain,
        plain,
        prepare=_with_a_legacy_hook,
        expected="refused",
        says="register_backward_hook",
    ),
    twins(
        "the model differentiates a part of itself in its forward",
        lambda: Net(partial(_gradient_in_the_forward, False), relus(3)),
        lambda: Net(partial(_slope_by_hand, True), relus(3)),
    ),
    twins(
        "the same with `create_graph=True`",
        lambda: Net(partial(_gradient_in_the_forward, True), relus(3)),
        lambda: Net(partial(_slope_by_hand, False), relus(3)),
    ),
)


class _NewGELU(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        inner = math.sqrt(2.0 / math.pi) * (z + 0.044715 * torch.pow(z, 3.0))
        return 0.5 * z * (1.0 + torch.tanh(inner))


class _QuickGELU(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return z * torch.sigmoid(QUICK * z)


# Written as there, and named as there: the methods ask for the name, and need not import it.
_NewGELU.__module__ = _QuickGELU.__module__ = "transformers.activations"


def _scaled(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, QUICK * net.conv0(x)) / QUICK
    h = net.act(1, QUICK * net.conv1(h)) / QUICK
    h = net.act(2, QUICK * net.conv2(h)) / QUICK
    return net.head(h.flatten(1))


LIBRARIES = (
    twins(
        "`NewGELUActivation` of transformers, composed of eight operations",
        lambda: Net(chain, [_NewGELU() for _ in range(3)]),
        lambda: Net(chain, [nn.GELU(approximate="tanh") for _ in range(3)]),
    ),
    twins(
        "`QuickGELUActivation` of transformers",
        lambda: Net(chain, [_QuickGELU() for _ in range(3)]),
        lambda: Net(_scaled, [nn.SiLU() for _ in range(3)]),
    ),
)

MODULES = (*CONVOLUTIONS, *WEIGHTS, *GRADIENTS, *LIBRARIES)
