"""Noisy linear imputation of removed pixels from their neighbours (Rong et al. 2022)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

NOISE = 0.01  # standard deviation, of inputs in [-1, 1]
_RESIDUAL = 1e-5  # relative; far below one of 256 levels


def imputed(inputs: Tensor, gone: Tensor, seed: int, noise: float = NOISE) -> Tensor:
    """Replace pixels by the weighted means of their neighbours, plus noise.

    The equations hold for all removed pixels of an image together; neighbours outside the image
    are ignored. A batch is solved by conjugate gradients. The system is symmetric, and positive
    definite if at least one pixel of an image is left.

    Args:
        inputs: `(N, C, H, W)`, floating point.
        gone: pixels to replace, `(N, H * W)`, bool; not all of an image.
        seed: seed of the noise, which is the same on all devices.
        noise: standard deviation of the noise.

    Returns:
        `(N, C, H, W)`, a new tensor.
    """
    where = gone.view(len(inputs), 1, *inputs.shape[-2:])
    mask = where.to(inputs)
    weights = _around(torch.ones_like(inputs[:1, :1]))
    wanted = mask * _around(inputs * (1 - mask))

    def system(x: Tensor) -> Tensor:
        return mask * (weights * x - _around(x))

    solution = _conjugate_gradients(system, wanted)
    drawn = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(seed))
    return torch.where(where, solution + noise * drawn.to(inputs), inputs)


def _around(x: Tensor) -> Tensor:
    """Weighted sum of each pixel's neighbours: direct ones a sixth, diagonal ones a twelfth."""
    # (1, 2, 1) down and across has these weights, times 12, except for 4 in the middle. Shifted
    # sums are faster than a convolution of one channel.
    padded = F.pad(x, (1, 1, 1, 1))
    across = padded[..., :-2] + padded[..., 2:] + 2 * padded[..., 1:-1]
    return (across[..., :-2, :] + across[..., 2:, :] + 2 * across[..., 1:-1, :] - 4 * x) / 12


def _conjugate_gradients(system: Callable[[Tensor], Tensor], wanted: Tensor) -> Tensor:
    """Solve for each channel of each image; exact after as many steps as pixels."""
    x, rest = torch.zeros_like(wanted), wanted
    direction, size = rest, _dot(rest, rest)
    enough = _RESIDUAL**2 * size
    for _ in range(wanted.shape[-2] * wanted.shape[-1]):
        going = size > enough
        if not going.any():
            break
        applied = system(direction)
        # Converged systems stop: their next step would be 0 / 0.
        step = torch.where(going, size / _dot(direction, applied), 0)
        x = x + step * direction
        rest = rest - step * applied
        following = _dot(rest, rest)
        direction = rest + torch.where(going, following / size, 0) * direction
        size = torch.where(going, following, size)
    return x


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(-2, -1), keepdim=True)
