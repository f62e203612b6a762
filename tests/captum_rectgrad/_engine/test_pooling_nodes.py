"""PRR at the nodes of max-poolings against loops over windows, for every way PyTorch pools."""

from itertools import product

import pytest
import torch
from timm.layers.pool2d_same import create_pool2d
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from captum_rectgrad import RectGrad, RectGradError
from captum_rectgrad._engine.backward_pass import BackwardPass
from captum_rectgrad._engine.graph import nodes_between
from captum_rectgrad._engine.pooling_nodes import calls_max_pools
from captum_rectgrad._engine.settings import Settings


def naive(x: Tensor, gradient: Tensor, windows: list[list[list[int]]]) -> Tensor:
    """Listing 3 on `(channels, *spatial)`; `windows[dim][i]`: positions of window i."""
    back = torch.zeros_like(x)
    for c in range(len(x)):
        for corner in product(*(range(len(w)) for w in windows)):
            cells = list(product(*(w[i] for w, i in zip(windows, corner, strict=True))))
            values = torch.stack([x[c][cell].clamp(min=0) for cell in cells])
            for cell, value in zip(cells, values, strict=True):
                back[c][cell] += value * gradient[c][corner] / (values.mean() + 1e-10) / len(cells)
    return back


def positions(start: int, size: int, kernel: int, dilation: int = 1) -> list[int]:
    return [p for p in range(start, start + kernel * dilation, dilation) if 0 <= p < size]


# kernel, stride, padding, dilation, ceil_mode, size, start of each window
CASES = [
    (2, 2, 0, 1, False, 6, [0, 2, 4]),
    (2, 2, 0, 1, False, 7, [0, 2, 4]),
    (2, 2, 0, 1, True, 7, [0, 2, 4, 6]),
    (3, 2, 1, 1, False, 7, [-1, 1, 3, 5]),
    (3, 2, 1, 1, True, 8, [-1, 1, 3, 5, 7]),
    (2, 3, 1, 1, True, 6, [-1, 2, 5]),
    (3, 1, 0, 2, False, 7, [0, 1, 2]),
    (3, 2, 1, 2, False, 9, [-1, 1, 3, 5]),
    (3, 2, 1, 2, True, 8, [-1, 1, 3, 5]),
]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_fixed_windows(dims: int, case: tuple[int, int, int, int, bool, int, list[int]]) -> None:
    kernel, stride, padding, dilation, ceil_mode, size, starts = case
    pool = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[dims - 1](
        kernel, stride, padding, dilation, ceil_mode=ceil_mode
    )
    check(pool, (size,) * dims, [[positions(s, size, kernel, dilation) for s in starts]] * dims)


def test_different_windows_by_dimension() -> None:
    pool = nn.MaxPool2d((2, 3), stride=(1, 2), padding=(0, 1))
    rows = [positions(s, 3, 2) for s in (0, 1)]
    columns = [positions(s, 5, 3) for s in (-1, 1, 3)]
    check(pool, (3, 5), [rows, columns])


@pytest.mark.parametrize(
    "pool", [nn.AdaptiveMaxPool1d(3), nn.AdaptiveMaxPool2d(3), nn.AdaptiveMaxPool3d(3)]
)
def test_adaptive_windows(pool: nn.Module) -> None:
    dims = int(type(pool).__name__[-2])
    check(pool, (7,) * dims, [[[0, 1, 2], [2, 3, 4], [4, 5, 6]]] * dims)


def test_adaptive_windows_of_two_sizes() -> None:
    rows, columns = [[0, 1, 2], [2, 3, 4], [4, 5, 6]], [[0, 1], [2, 3]]
    check(nn.AdaptiveMaxPool2d((3, 2)), (7, 4), [rows, columns])


def test_timm_same_pooling_pads_outside() -> None:
    pool = create_pool2d("max", 3, stride=2, padding="same")
    # 8 -> 4: one position of padding, on the right.
    check(pool, (8, 8), [[positions(s, 8, 3) for s in (0, 2, 4, 6)]] * 2)


def test_same_pooling_in_a_model_that_is_run_twice() -> None:
    """An activation changed in place afterwards needs the second way."""

    class Pooled(nn.Module):
        def __init__(self, overwrites: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.last = nn.Conv2d(1, 4, 1), nn.Linear(64, 2)
            self.pool, self.overwrites = (
                create_pool2d("max", 3, stride=2, padding="same"),
                overwrites,
            )
            self.double()

        def forward(self, x: Tensor) -> Tensor:
            h = self.conv(x).sigmoid()
            if self.overwrites:
                h += 1
            else:
                h = h + 1
            y: Tensor = self.last(self.pool(h).flatten(1))
            return y

    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    found, expected = (
        RectGrad(Pooled(overwrites), 60, prr=True).attribute(x, 1) for overwrites in (True, False)
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)
    assert expected.any()


def check(pool: nn.Module, size: tuple[int, ...], windows: list[list[list[int]]]) -> None:
    generator = torch.manual_seed(0)
    x = torch.randn(1, 2, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    y = pool(x)
    gradient = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    leaf = get_gradient_edge(x).node
    state = BackwardPass(Settings(None, prr=True), samples=1)
    state.attach(nodes_between([y.grad_fn], {leaf}), [leaf], [leaf])
    (result,) = torch.autograd.grad(y, x, gradient)
    expected = naive(x.detach()[0], gradient[0], windows)
    torch.testing.assert_close(result[0], expected, rtol=1e-12, atol=1e-12)


def test_fractional_pooling_is_refused() -> None:
    x = torch.rand(1, 1, 7, 7, requires_grad=True)
    y = nn.FractionalMaxPool2d(2, output_size=3)(x)
    leaf = get_gradient_edge(x).node
    state = BackwardPass(Settings(None, prr=True), samples=1)
    with pytest.raises(RectGradError, match=r"use prr=False"):
        state.attach(nodes_between([y.grad_fn], {leaf}), [leaf], [leaf])


def test_max_pooling_between_input_and_output_is_found() -> None:
    x, pool = torch.rand(1, 1, 4, 4), nn.MaxPool2d(2)
    assert calls_max_pools(nn.Sequential(pool, nn.Flatten()), x)
    assert not calls_max_pools(nn.AvgPool2d(2), x)
