"""PRR against loops over windows, for every way PyTorch pools."""

from itertools import product

import pytest
import torch
from timm.layers.pool2d_same import create_pool2d
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.hooks import MaxPool, pool_mean
from captum_rectgrad.pooling import redistribute


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


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_adaptive_windows(dims: int) -> None:
    pool: MaxPool = (nn.AdaptiveMaxPool1d(3), nn.AdaptiveMaxPool2d(3), nn.AdaptiveMaxPool3d(3))[
        dims - 1
    ]
    check(pool, (7,) * dims, [[[0, 1, 2], [2, 3, 4], [4, 5, 6]]] * dims)


def test_timm_same_pooling_pads_outside() -> None:
    pool = create_pool2d("max", 3, stride=2, padding="same")
    assert isinstance(pool, nn.MaxPool2d)
    # 8 -> 4: one position of padding, on the right.
    check(pool, (8, 8), [[positions(s, 8, 3) for s in (0, 2, 4, 6)]] * 2)


def check(pool: MaxPool, size: tuple[int, ...], windows: list[list[list[int]]]) -> None:
    generator = torch.manual_seed(0)
    x = torch.randn(2, *size, generator=generator, dtype=torch.float64)
    y = pool(x[None])[0]
    gradient = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    mean = pool_mean(pool, (1, *x.shape), (1, *y.shape))
    result = redistribute(x[None], gradient[None], mean)[0]
    torch.testing.assert_close(result, naive(x, gradient, windows), rtol=1e-12, atol=1e-12)


def test_shares_sum_to_the_gradient_where_windows_do_not_overlap() -> None:
    x = torch.rand(1, 1, 4, 4, dtype=torch.float64) + 0.1
    gradient = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    shared = redistribute(x, gradient, pool_mean(nn.MaxPool2d(2), x.shape, gradient.shape))
    assert shared.sum().item() == pytest.approx(4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_an_empty_window_in_half_precision_is_zero_not_nan(dtype: torch.dtype) -> None:
    x = torch.zeros(1, 1, 2, 2, dtype=dtype)
    gradient = torch.ones(1, 1, 1, 1, dtype=dtype)
    shared = redistribute(x, gradient, pool_mean(nn.MaxPool2d(2), x.shape, gradient.shape))
    assert shared.dtype == dtype
    assert shared.count_nonzero() == 0
    assert torch.isfinite(shared).all()


def test_windows_that_cannot_be_known_are_refused() -> None:
    with pytest.raises(RectGradError, match=r"at random; use prr=False"):
        pool_mean(nn.FractionalMaxPool2d(2, output_size=3), (1, 1, 7, 7), (1, 1, 3, 3))
    with pytest.raises(RectGradError, match=r"cannot tell the windows"):
        pool_mean(nn.MaxPool2d(2), (1, 1, 8, 8), (1, 1, 7, 7))
