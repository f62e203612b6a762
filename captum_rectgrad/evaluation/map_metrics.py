"""Metrics of attribution maps: location, roughness, and similarity of two maps.

Maps are `(N, C, H, W)`; as in the paper's figures (appendix F.1), they are summed over channels
first. Each metric that depends on a map's scale has a counterpart that does not.
"""

import torch
from scipy.stats import rankdata
from torch import Tensor


def channel_sum(maps: Tensor) -> Tensor:
    """Sum of a map over its channels, as it is plotted.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, H, W)`, float64.
    """
    return maps.double().sum(dim=1)


def without_sign(maps: Tensor) -> Tensor:
    """Absolute maps: pixels against the class rank as high as pixels for it.

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

    It is larger than `amount_inside` where the channels of a pixel have different signs.

    Args:
        maps: `(N, C, H, W)`.
        region: `(H, W)` or `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, at least 0.
    """
    return amount_inside(maps.abs(), region)


def share_inside(maps: Tensor, region: Tensor) -> Tensor:
    """Share of a map's absolute attribution inside a region; independent of the map's scale.

    Args:
        maps: `(N, C, H, W)`.
        region: `(H, W)` or `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, in [0, 1]; NaN for a map that is zero everywhere.
    """
    return amount_inside(maps, region) / channel_sum(maps).abs().sum(dim=(1, 2))


def total_variation(maps: Tensor) -> Tensor:
    """Sum of absolute differences of vertical and horizontal neighbours; proportional to the scale.

    PyTorch, SciPy and scikit-image have no such metric (scikit-image only minimises it), and
    torchmetrics would be a dependency for one function.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, at least 0.
    """
    values = channel_sum(maps)
    down, across = values.diff(dim=1).abs(), values.diff(dim=2).abs()
    return down.sum(dim=(1, 2)) + across.sum(dim=(1, 2))


def relative_total_variation(maps: Tensor) -> Tensor:
    """Total variation per unit of absolute attribution; independent of the map's scale.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, from 0 for a constant map to 4 for isolated pixels; NaN for a map that is
        zero everywhere.
    """
    return total_variation(maps) / channel_sum(maps).abs().sum(dim=(1, 2))


def unit_ranks(maps: Tensor) -> Tensor:
    """Ranks of a map's pixels as a unit vector; a dot product of two is Spearman's correlation.

    Args:
        maps: `(N, C, H, W)`.

    Returns:
        `(N, H * W)`, float64; ties share their mean rank; NaN for a constant map.
    """
    ranks = torch.from_numpy(rankdata(channel_sum(maps).flatten(1).numpy(), axis=1))
    centred = ranks - ranks.mean(dim=1, keepdim=True)
    unit: Tensor = centred / centred.norm(dim=1, keepdim=True)
    return unit


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation of two maps of the same image; ties share their mean rank.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, in [-1, 1]; NaN where one of the two is constant.
    """
    return (unit_ranks(first) * unit_ranks(second)).sum(dim=1)


def top_pixels(maps: Tensor, share: float = 0.1) -> Tensor:
    """The highest-ranked pixels of a map.

    Args:
        maps: `(N, C, H, W)`.
        share: share of the pixels to select, in (0, 1].

    Returns:
        `(N, H * W)`, bool; if fewer pixels are positive, only the positive ones.
    """
    values = channel_sum(maps).flatten(1)
    count = max(1, round(values.shape[1] * share))
    least = values.topk(count, dim=1).values[:, -1:]
    return (values >= least) & (values > 0)


def top_overlap(first: Tensor, second: Tensor, share: float = 0.1) -> Tensor:
    """Overlap of the highest-ranked pixels of two maps.

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
