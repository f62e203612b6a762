"""What is measured on attribution maps: where they lie, how rough they are, how alike two are.

Maps are `(N, C, H, W)`; as in the paper's figures (appendix F.1), they are summed over channels
before anything is measured. Beside a measure that depends on a map's scale is one that does not.
"""

import torch
from scipy.stats import rankdata
from torch import Tensor


def channel_sum(maps: Tensor) -> Tensor:
    """A map as it is drawn.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, H, W)`, float64.
    """
    return maps.double().sum(dim=1)


def without_sign(maps: Tensor) -> Tensor:
    """Maps whose sign counts for nothing: a pixel against the class ranks as high as one for it.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, 1, H, W)`, float64: the absolute values of the sums over channels.
    """
    return channel_sum(maps).abs()[:, None]


def amount_inside(maps: Tensor, region: Tensor) -> Tensor:
    """Sum of the absolute attribution inside a region; proportional to the map's scale.

    Args:
        maps: `(N, C, H, W)`.
        region: `(H, W)` or `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, at least 0.
    """
    return (channel_sum(maps).abs() * region).sum(dim=(1, 2))


def amount_of_channels_inside(maps: Tensor, region: Tensor) -> Tensor:
    """Sum of the absolute attribution of all channels inside a region.

    It is more than `amount_inside` where channels of a pixel have unlike signs.

    Args:
        maps: `(N, C, H, W)`.
        region: `(H, W)` or `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, at least 0.
    """
    return amount_inside(maps.abs(), region)


def share_inside(maps: Tensor, region: Tensor) -> Tensor:
    """Share of a map's absolute attribution that is inside a region; without scale.

    Args:
        maps: `(N, C, H, W)`.
        region: `(H, W)` or `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, in [0, 1]; NaN for a map that is zero everywhere.
    """
    return amount_inside(maps, region) / channel_sum(maps).abs().sum(dim=(1, 2))


def total_variation(maps: Tensor) -> Tensor:
    """Sum of the absolute differences of neighbours, down and across; proportional to the scale.

    Written here because neither PyTorch, SciPy nor scikit-image has it as a measure (the last only
    minimises it), and one function is no reason to depend on torchmetrics.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, at least 0.
    """
    values = channel_sum(maps)
    down, across = values.diff(dim=1).abs(), values.diff(dim=2).abs()
    return down.sum(dim=(1, 2)) + across.sum(dim=(1, 2))


def relative_total_variation(maps: Tensor) -> Tensor:
    """Total variation per unit of absolute attribution; without scale.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, from 0 for a constant map to 4 for single pixels apart; NaN for a map that
        is zero everywhere.
    """
    return total_variation(maps) / channel_sum(maps).abs().sum(dim=(1, 2))


def unit_ranks(maps: Tensor) -> Tensor:
    """The ranks of a map's pixels as a unit vector: products of these are Spearman's correlations.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, H * W)`, float64, ties sharing their mean rank; NaN for a constant map.
    """
    ranks = torch.from_numpy(rankdata(channel_sum(maps).flatten(1).numpy(), axis=1))
    centred = ranks - ranks.mean(dim=1, keepdim=True)
    unit: Tensor = centred / centred.norm(dim=1, keepdim=True)
    return unit


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation of two maps of the same image, ties sharing their mean rank.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, in [-1, 1]; NaN where one of the two is constant.
    """
    return (unit_ranks(first) * unit_ranks(second)).sum(dim=1)


def top_pixels(maps: Tensor, share: float = 0.1) -> Tensor:
    """Which pixels of a map rank highest.

    Args:
        maps: `(N, C, H, W)`.
        share: of the pixels that count as highest, in (0, 1].

    Returns:
        `(N, H * W)`, bool; where fewer pixels are positive than asked for, those.
    """
    values = channel_sum(maps).flatten(1)
    count = max(1, round(values.shape[1] * share))
    least = values.topk(count, dim=1).values[:, -1:]
    return (values >= least) & (values > 0)


def top_overlap(first: Tensor, second: Tensor, share: float = 0.1) -> Tensor:
    """How many of the pixels that rank highest in one map do so in the other.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.
        share: see `top_pixels`.

    Returns:
        `(N,)`, float64, in [0, 1]: intersection over union; NaN where one of the two has no
        positive value.
    """
    one, other = top_pixels(first, share), top_pixels(second, share)
    both, either = one & other, one | other
    overlap = both.sum(dim=1) / either.sum(dim=1).double()
    return torch.where(one.any(dim=1) & other.any(dim=1), overlap, torch.nan)
