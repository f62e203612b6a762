"""The table of a board: means with intervals, ranks with intervals, agreement of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata, spearmanr

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import ENOUGH, mean
from captum_rectgrad.studies.board.cells import NOT_MEASURED, Cell
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.resampling import resampled_means

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
        estimate: the mean, with an interval by `resampled_means`. Its count is that of the column
            with the fewest images.
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

    def with_values(self, columns: Sequence[Column]) -> list[Column]:
        """The columns in which any method has a value."""
        measured = {column for (column, _), entry in self.entries.items() if not entry.reason}
        return [column for column in columns if column.key in measured]


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
        known: dict[str, NDArray[np.float64]] = {}
        for method in methods:
            own = [network[column.key, method] for network in by_key]
            values, reason = _values(own)
            if values is None:
                entries[column.key, method] = Entry(_NONE, _NONE, 1.0, reason)
            else:
                known[method] = values
        ranks, resampled = _ranks(known, column, seed)
        if resampled and column.family != COST:
            drawn.append(resampled)
        for method, values in known.items():
            undefined = float(np.mean(~np.isfinite(values)))
            entry = Entry(mean(values, seed), ranks.get(method, _NONE), undefined, "")
            entries[column.key, method] = entry
    judging = [column for column in columns if column.family != COST]
    means = _mean_ranks(entries, methods, judging, drawn)
    return GroupTable(entries, _agreements(entries, methods, judging), means)


def _values(own: Sequence[Cell]) -> tuple[NDArray[np.float64] | None, str]:
    """Values of the cells of all networks, `(R, N)`, or the reason why there are none.

    An image without a value on one of the networks has none, NaN, on any.
    """
    for cell in own:
        if cell.values is None:
            is_of_all = len(own) == 1 or cell.reason == NOT_MEASURED
            return None, cell.reason if is_of_all else f"{cell.reason} ({cell.network})"
    values = np.stack([cell.values for cell in own if cell.values is not None])
    undefined = ~np.isfinite(values).all(axis=0)
    if undefined.all():
        return None, "the measure is not defined for any image on every network"
    return np.where(undefined, np.nan, values), ""


def _ranks(
    known: Mapping[str, NDArray[np.float64]], column: Column, seed: int
) -> tuple[dict[str, Estimate], dict[str, NDArray[np.float64]]]:
    """Ranks of the methods by `mean`, and the ranks in random samples, each `(RESAMPLES,)`."""
    if column.better is None or not known:
        return {}, {}
    sign = -1.0 if column.better == "higher" else 1.0
    values = np.stack(list(known.values()), axis=1)
    found = _rank(sign * np.nanmean(values, axis=2).mean(axis=0))
    ranks = _rank(sign * resampled_means(values, seed))
    low, high = np.nanpercentile(ranks, (2.5, 97.5), axis=0, method="nearest")
    counts = np.isfinite(values[0]).sum(axis=1)
    low, high = (np.where(counts < ENOUGH, np.nan, bound) for bound in (low, high))
    estimates = {
        method: Estimate(float(found[at]), float(low[at]), float(high[at]), int(counts[at]))
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
        value = float(np.mean([rank.value for rank in ranks]))
        whole = len(ranks) == len(drawn)
        estimate = Estimate(value, float(low), float(high), count)
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
