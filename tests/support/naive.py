"""RectGrad once more, written naively from the paper: NumPy, float64, loops, one sample.

Nothing here is shared with the package. Each layer also knows its PyTorch module, so that a test
can build one net twice.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float64]


@dataclass
class Options:
    """What `RectGrad` takes, or a rule of signs, and the state of one backward pass."""

    rule: str = "PR1"
    percentile: float | None = 98.0
    tau: float | None = None
    padding_trick: bool = True
    prr: bool = False
    final_threshold: bool = True
    multiply_by_inputs: bool = True
    activations_met: int = field(default=0, compare=False)


class Layer(Protocol):
    """Forward keeps what backward needs."""

    def forward(self, x: Array) -> Array: ...
    def backward(self, r: Array, options: Options) -> Array: ...
    def module(self) -> nn.Module: ...


@dataclass
class Dense:
    weight: Array  # (out, in)
    bias: Array

    def forward(self, x: Array) -> Array:
        return self.weight @ x + self.bias

    def backward(self, r: Array, options: Options) -> Array:
        del options
        return self.weight.T @ r

    def module(self) -> nn.Module:
        linear = nn.Linear(self.weight.shape[1], self.weight.shape[0], dtype=torch.float64)
        linear.weight.data = torch.from_numpy(self.weight)
        linear.bias.data = torch.from_numpy(self.bias)
        return linear


@dataclass
class Conv:
    weight: Array  # (out, in, kh, kw)
    bias: Array
    stride: int = 1
    padding: int = 0

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        p, s = self.padding, self.stride
        _, _, kh, kw = self.weight.shape
        x = np.pad(x, ((0, 0), (p, p), (p, p)))
        height, width = (x.shape[1] - kh) // s + 1, (x.shape[2] - kw) // s + 1
        out = np.empty((len(self.weight), height, width))
        for i, j in product(range(height), range(width)):
            patch = x[:, i * s : i * s + kh, j * s : j * s + kw]
            out[:, i, j] = (self.weight * patch).sum(axis=(1, 2, 3)) + self.bias
        return out

    def backward(self, r: Array, options: Options) -> Array:
        p, s = self.padding, self.stride
        _, _, kh, kw = self.weight.shape
        if options.padding_trick and p > 0:
            r = r.copy()
            if r.shape[1] >= 3:
                r[:, 0, :] = r[:, -1, :] = 0
            if r.shape[2] >= 3:
                r[:, :, 0] = r[:, :, -1] = 0
        channels, height, width = self.shape
        back = np.zeros((channels, height + 2 * p, width + 2 * p))
        for i, j in product(range(r.shape[1]), range(r.shape[2])):
            back[:, i * s : i * s + kh, j * s : j * s + kw] += np.einsum(
                "o,oikl->ikl", r[:, i, j], self.weight
            )
        return back[:, p : p + height, p : p + width]

    def module(self) -> nn.Module:
        out, inp, *kernel = self.weight.shape
        conv = nn.Conv2d(inp, out, tuple(kernel), self.stride, self.padding, dtype=torch.float64)
        conv.weight.data = torch.from_numpy(self.weight)
        conv.bias = nn.Parameter(torch.from_numpy(self.bias))
        return conv


@dataclass
class Activation:
    """`derivative` None: a ReLU, whose backward is the rule alone."""

    function: Callable[[Array], Array] = lambda z: np.maximum(z, 0)
    derivative: Callable[[Array], Array] | None = None
    make: Callable[[], nn.Module] = nn.ReLU

    def forward(self, x: Array) -> Array:
        self.z, self.a = x, self.function(x)
        return self.a

    def backward(self, r: Array, options: Options) -> Array:
        rule = options.rule
        if rule == "Mod":
            rule = "PR1" if options.activations_met == 0 else "PR2"
        options.activations_met += 1
        if rule in ("vanilla", "deconvnet", "guided"):
            active = (self.a > 0).astype(float)
            slope = active if self.derivative is None else self.derivative(self.z)
            if rule == "vanilla":
                return np.asarray(r * slope)
            positive = np.maximum(r, 0)
            if rule == "deconvnet":
                return positive if self.derivative is None else np.asarray(positive * slope)
            return np.asarray(positive * active * slope)
        scores = {
            "PR1": self.a * r,
            "PR2": abs(self.a * r),
            "PR3": self.a,
            "PR4": r,
        }[rule]
        if options.percentile is None:
            assert options.tau is not None
            tau = options.tau
        else:
            tau = float(np.percentile(scores, options.percentile, method="nearest"))
        passed = np.where(scores > tau, r, 0.0)
        return passed if self.derivative is None else passed * self.derivative(self.z)

    def module(self) -> nn.Module:
        return self.make()


@dataclass
class MaxPool:
    kernel: int
    stride: int
    padding: int = 0
    dilation: int = 1
    ceil_mode: bool = False

    def windows(self, size: int) -> list[list[int]]:
        """Real positions of each window along one dimension."""
        room = size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1
        count = (math.ceil if self.ceil_mode else math.floor)(room / self.stride) + 1
        starts = [i * self.stride - self.padding for i in range(count)]
        starts = [start for start in starts if start < size]
        return [
            [k for k in (start + self.dilation * i for i in range(self.kernel)) if 0 <= k < size]
            for start in starts
        ]

    def forward(self, x: Array) -> Array:
        self.x = x
        rows, columns = self.windows(x.shape[1]), self.windows(x.shape[2])
        return np.array([[[c[np.ix_(i, j)].max() for j in columns] for i in rows] for c in x])

    def backward(self, r: Array, options: Options) -> Array:
        rows, columns = self.windows(self.x.shape[1]), self.windows(self.x.shape[2])
        back = np.zeros_like(self.x)
        for c, (i, row), (j, column) in product(
            range(len(self.x)), enumerate(rows), enumerate(columns)
        ):
            cells = list(product(row, column))
            values = np.array([self.x[c][cell] for cell in cells])
            if options.prr:
                values = np.maximum(values, 0)
                for cell, value in zip(cells, values, strict=True):
                    share = value / len(cells) / (values.mean() + 1e-10)
                    back[c][cell] += share * r[c, i, j]
            else:
                back[c][cells[int(values.argmax())]] += r[c, i, j]
        return back

    def module(self) -> nn.Module:
        return nn.MaxPool2d(
            self.kernel, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )


@dataclass
class Flatten:
    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(-1)

    def backward(self, r: Array, options: Options) -> Array:
        del options
        return r.reshape(self.shape)

    def module(self) -> nn.Module:
        return nn.Flatten()


@dataclass
class Residual:
    """`x + body(x)`: what feeds the body's first activation feeds the skip too."""

    body: list[Layer]

    def forward(self, x: Array) -> Array:
        y = x
        for layer in self.body:
            y = layer.forward(y)
        return x + y

    def backward(self, r: Array, options: Options) -> Array:
        back = r
        for layer in reversed(self.body):
            back = layer.backward(back, options)
        return r + back

    def module(self) -> nn.Module:
        return ResidualModule(as_module(self.body))


class ResidualModule(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


def as_module(layers: list[Layer]) -> nn.Module:
    """The same net in PyTorch, float64."""
    return nn.Sequential(OrderedDict((f"l{i}", layer.module()) for i, layer in enumerate(layers)))


def attribute(layers: list[Layer], x: Array, target: int, options: Options) -> Array:
    """The map of one sample."""
    y = x
    for layer in layers:
        y = layer.forward(y)
    r = np.zeros_like(y)
    r[target] = 1
    options.activations_met = 0
    for layer in reversed(layers):
        r = layer.backward(r, options)
    attribution = x * r if options.multiply_by_inputs else r
    return np.maximum(attribution, 0) if options.final_threshold else attribution
