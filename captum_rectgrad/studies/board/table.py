"""The table of a board: means with intervals, ranks with intervals, agreement of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata, spearmanr

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import ENOUGH
from captum_rectgrad.evaluation.intervals import mean as mean_over_images
from captum_rectgrad.evaluation.network_intervals import mean_of_networks
from captum_rectgrad.studies.board.cells import NOT_MEASURED, Cell
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.resampling import resampled_means, same_images

COST = "cost"  # the family of columns that say nothing on the quality of a map
LEAST_METHODS = 4  # for a correlation of two columns
_NONE = Estimate(float("nan"), float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class Entry:
    """A cell of the table of a group.

    Attributes:
        mean: over images and networks; not defined if the cell is not available.
        rank: of the method in the column, 1 for the best, with an interval by `resampled_means`;
            equal methods share the mean of their ranks. Not defined for columns without a
            direction.
        undefined: share of images without a value on one of the networks, such as those with
            constant maps.
        reason: why it is not available; empty if it is.
    """

    mean: Estimate
    rank: Estimate
    undefined: float
    reason: str


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of two columns over methods.

    Attributes:
        first: key of a column.
        second: key of another.
        spearman: Spearman's correlation of the ranks, in [-1, 1].
        kendall: Kendall's tau-b.
        methods: number of methods with both.
    """

    first: str
    second: str
    spearman: float
    kendall: float
    methods: int


@dataclass(frozen=True)
class MeanRank:
    """Mean of a method's ranks, with equal weight of columns.

    Attributes:
        estimate: the mean, with an interval by resampling images and networks; columns on the same
            images are resampled alike. Its count is that of the column with the fewest images.
        columns: number of columns.
        whole: whether these are all columns in which any method has a rank.
    """

    estimate: Estimate
    columns: int
    whole: bool


@dataclass(frozen=True)
class GroupTable:
    """The table of one group of networks.

    Attributes:
        entries: by column key and method key.
        agreement: of all pairs of columns with a direction and enough methods, without the cost.
        mean_ranks: by method key, over the columns that the method has a rank in, without the
            cost; a method without any has none.
    """

    entries: Mapping[tuple[str, str], Entry]
    agreement: Sequence[Agreement]
    mean_ranks: Mapping[str, MeanRank]


def group_table(
    cells: Sequence[Sequence[Cell]], methods: Sequence[str], columns: Sequence[Column], seed: int
) -> GroupTable:
    """The table of a group.

    Args:
        cells: for each network of the group its cells.
        methods: keys of the methods.
        columns: the columns.
        seed: seed of the resampling.

    Returns:
        The table. A cell that is not available on one of the networks is not available.
    """
    entries: dict[tuple[str, str], Entry] = {}
    drawn: list[Mapping[str, NDArray[np.float64]]] = []
    by_key = [{(cell.column, cell.method): cell for cell in network} for network in cells]
    for column in columns:
        found: dict[str, list[NDArray[np.float64]]] = {}
        reasons: dict[str, str] = {}
        for method in methods:
            own = [network[column.key, method] for network in by_key]
            reasons[method] = next(
                (_reason(cell, len(cells)) for cell in own if cell.values is None), ""
            )
            values = [cell.values for cell in own if cell.values is not None]
            if not reasons[method]:
                found[method] = values
                complete = [np.isfinite(each).any() for each in _complete(values)]
                if not all(complete):
                    reasons[method] = "the measure is not defined for any image on every network"
        known = {method: values for method, values in found.items() if not reasons[method]}
        ranks, resampled = _ranks(known, column, seed)
        if resampled and column.family != COST:
            drawn.append(resampled)
        for method in methods:
            entries[column.key, method] = _entry(
                found.get(method), ranks.get(method, _NONE), reasons[method], seed
            )
    judging = [column for column in columns if column.family != COST]
    means = _mean_ranks(entries, methods, judging, drawn)
    return GroupTable(entries, _agreements(entries, methods, judging), means)


def _reason(cell: Cell, networks: int) -> str:
    """Why a cell is not available, with the network, since others of the group may have it."""
    if networks == 1 or cell.reason == NOT_MEASURED:
        return cell.reason
    return f"{cell.reason} ({cell.network})"


def mean(values: Sequence[NDArray[np.float64]], seed: int) -> Estimate:
    """The mean over images and networks.

    Args:
        values: for each network one number for each image, `(N,)`.
        seed: seed of the resampling.

    Returns:
        With an interval by `intervals.mean`, over networks and images if the networks have the same
        number of images, else by `mean_of_networks`.
    """
    if len(values) == 1:
        return mean_over_images(values[0], seed)
    if same_images(values):
        return mean_over_images(np.stack(_complete(values)), seed)
    return mean_of_networks(values, seed)


def _complete(values: Sequence[NDArray[np.float64]]) -> Sequence[NDArray[np.float64]]:
    """The values of the images that have one on every network; NaN for the other images."""
    if not same_images(values):
        return values
    undefined = ~np.isfinite(np.stack(values)).all(axis=0)
    return [np.where(undefined, np.nan, each) for each in values]


def _entry(
    values: Sequence[NDArray[np.float64]] | None, rank: Estimate, reason: str, seed: int
) -> Entry:
    if values is None or reason:
        return Entry(_NONE, _NONE, 1.0, reason)
    undefined = float(np.mean([np.mean(~np.isfinite(each)) for each in _complete(values)]))
    return Entry(mean(values, seed), rank, undefined, "")


def _ranks(
    known: Mapping[str, Sequence[NDArray[np.float64]]], column: Column, seed: int
) -> tuple[dict[str, Estimate], dict[str, NDArray[np.float64]]]:
    """Ranks of the methods by `mean`, and the ranks in random samples, each `(RESAMPLES,)`."""
    if column.better is None or not known:
        return {}, {}
    sign = -1.0 if column.better == "higher" else 1.0
    complete = [_complete(values) for values in known.values()]
    of_networks = [np.stack(values) for values in zip(*complete, strict=True)]
    value = _rank(sign * np.mean([np.nanmean(each, axis=1) for each in of_networks], axis=0))
    ranks = _rank(sign * resampled_means(of_networks, seed))
    low, high = np.nanpercentile(ranks, (2.5, 97.5), axis=0, method="nearest")
    count = min(each.shape[1] for each in of_networks)
    if count < ENOUGH:
        low = high = np.full(len(value), np.nan)
    estimates = {
        method: Estimate(float(value[at]), float(low[at]), float(high[at]), count)
        for at, method in enumerate(known)
    }
    return estimates, {method: ranks[:, at] for at, method in enumerate(known)}


def _rank(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks along the last dimension, 1 for the lowest mean; NaN for a mean that is NaN."""
    # Equal means, such as 1 in DiFull, may differ by rounding.
    ranks: NDArray[np.float64] = rankdata(np.round(means, 6), axis=-1, nan_policy="omit")
    return ranks


def _mean_ranks(
    entries: Mapping[tuple[str, str], Entry],
    methods: Sequence[str],
    columns: Sequence[Column],
    drawn: Sequence[Mapping[str, NDArray[np.float64]]],
) -> dict[str, MeanRank]:
    found = {}
    for method in methods:
        ranks = [entries[column.key, method].rank for column in columns]
        ranks = [rank for rank in ranks if np.isfinite(rank.value)]
        if not ranks:
            continue
        # A method may have no value in a sample of images.
        samples = np.ma.masked_invalid([column[method] for column in drawn if method in column])
        low, high = np.percentile(np.asarray(samples.mean(axis=0).compressed()), (2.5, 97.5))
        count = min(rank.count for rank in ranks)
        if count < ENOUGH:
            low = high = np.nan
        mean = float(np.mean([rank.value for rank in ranks]))
        whole = len(ranks) == len(drawn)
        estimate = Estimate(mean, float(low), float(high), count)
        found[method] = MeanRank(estimate, len(ranks), whole)
    return found


def _agreements(
    entries: Mapping[tuple[str, str], Entry], methods: Sequence[str], columns: Sequence[Column]
) -> list[Agreement]:
    ranked = [column.key for column in columns if column.better is not None]
    found = []
    for at, first in enumerate(ranked):
        for second in ranked[at + 1 :]:
            pairs = [
                (entries[first, method].rank.value, entries[second, method].rank.value)
                for method in methods
                if not (entries[first, method].reason or entries[second, method].reason)
            ]
            if len(pairs) < LEAST_METHODS:
                continue
            one, other = np.array(pairs, dtype=np.float64).T
            if np.ptp(one) == 0 or np.ptp(other) == 0:
                continue
            found.append(
                Agreement(
                    first,
                    second,
                    float(spearmanr(one, other).statistic),
                    float(kendalltau(one, other).statistic),
                    len(pairs),
                )
            )
    return found
