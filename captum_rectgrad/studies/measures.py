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


def amount_inside(maps: Tensor, region: Tensor) -> Tensor:
    """Sum of the absolute attribution inside a region; proportional to the map's scale.

    Args:
        maps: `(N, C, H, W)`.
        region: `(H, W)` or `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, at least 0.
    """
    return (channel_sum(maps).abs() * region).sum(dim=(1, 2))


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


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation of two maps of the same image, ties sharing their mean rank.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.

    Returns:
        `(N,)`, float64, in [-1, 1]; NaN where one of the two is constant.
    """
    ranks = [
        torch.from_numpy(rankdata(channel_sum(maps).flatten(1).numpy(), axis=1))
        for maps in (first, second)
    ]
    centred = [rank - rank.mean(dim=1, keepdim=True) for rank in ranks]
    norms = [rank.norm(dim=1) for rank in centred]
    correlation: Tensor = (centred[0] * centred[1]).sum(dim=1) / (norms[0] * norms[1])
    return correlation


def top_overlap(first: Tensor, second: Tensor, share: float = 0.1) -> Tensor:
    """How many of the pixels that rank highest in one map do so in the other.

    Args:
        first: `(N, C, H, W)`.
        second: `(N, C, H, W)`.
        share: of the pixels that count as highest, in (0, 1].

    Returns:
        `(N,)`, float64, in [0, 1]: intersection over union; NaN where one of the two has no
        positive value. Where fewer pixels are positive than asked for, those.
    """
    sets = [_top(channel_sum(maps).flatten(1), share) for maps in (first, second)]
    both, either = sets[0] & sets[1], sets[0] | sets[1]
    overlap = both.sum(dim=1) / either.sum(dim=1).double()
    present = sets[0].any(dim=1) & sets[1].any(dim=1)
    return torch.where(present, overlap, torch.nan)


def _top(values: Tensor, share: float) -> Tensor:
    count = max(1, round(values.shape[1] * share))
    least = values.topk(count, dim=1).values[:, -1:]
    return (values >= least) & (values > 0)
