"""Studies that measure something on every map of every method: numbers and claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.material import Network
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.result import Claim, Row, all_of, judged, judged_within

# From maps (N, C, H, W) and which of the images they are of to one number for each.
Measure = Callable[[Tensor, slice], Tensor]
NOTHING = "there is nothing to compare with"


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured on the maps of one network.

    Attributes:
        methods: in order.
        values: by the measure's name and the method's key, one number for each image, in the same
            order; NaN where it is not defined.
    """

    methods: tuple[Method, ...]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]


def measure_maps(
    lab: Lab,
    network: Network,
    images: Tensor,
    measures: Mapping[str, Measure],
) -> Measured:
    """Measure the maps of all methods, for the classes that the network predicts.

    Args:
        lab: methods and machine.
        network: what is explained.
        images: `(N, 3, H, W)`, uint8, as the network is to see them.
        measures: what is measured, by name.

    Returns:
        The numbers.
    """
    targets = lab.predictions(network, images)
    values: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in measures}
    methods = tuple(lab.methods)
    total = len(images) * len(methods)
    with Progress(total, "map", network.name) as progress:
        for method in methods:
            parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in measures}
            for batch in lab.maps(method, network, images, targets):
                for name, measure in measures.items():
                    parts[name].append(measure(batch.maps, batch.images).numpy())
                progress.update(len(batch.maps))
            for name in measures:
                values[name][method.key] = np.concatenate(parts[name])
    return Measured(methods, values)


def rows(measured: Measured, seed: int, **same: str) -> list[Row]:
    """A row for each method: mean and median of each measure.

    Where a measure is not defined for some maps, how many it is defined for stands beside it.

    Args:
        measured: see `measure_maps`.
        seed: of the bootstrap.
        **same: columns that are the same in all rows.

    Returns:
        The rows.
    """
    found: list[Row] = []
    for method in measured.methods:
        row: Row = {**same, "method": method.title}
        for name, values in measured.values.items():
            numbers = values[method.key]
            row[name] = mean(numbers, seed)
            finite = numbers[np.isfinite(numbers)]
            row[f"median {name}"] = float(np.median(finite)) if len(finite) else float("nan")
            if not all(np.isfinite(others).all() for others in values.values()):
                row[f"maps with a {name}"] = len(finite)
        found.append(row)
    return found


def less_than(
    measured: Measured,
    measure: str,
    winner: str,
    others: Sequence[str],
    text: str,
    source: str,
    seed: int,
) -> Claim:
    """Judge that one method has less of something than each of others, image by image.

    Args:
        measured: see `measure_maps`.
        measure: name of the measure.
        winner: key of the method that is claimed to have less.
        others: keys of those it is compared with; those that were not run are left out.
        text: the claim.
        source: where it is made.
        seed: of the bootstrap.

    Returns:
        The claim: it holds if the interval of the mean paired difference is above 0 for every one.
    """
    gaps = gaps_to(measured, measure, winner, others, seed)
    if not gaps:
        return Claim(text, source, "undecided", NOTHING)
    title = next(m.title for m in measured.methods if m.key == winner)
    # The one that decides: whose interval reaches lowest, or has none.
    nearest = min(gaps, key=lambda other: np.nan_to_num(gaps[other].low, nan=-np.inf))
    because = f"{measure}: {nearest}'s less {title}'s comes lowest, {gaps[nearest]}"
    against = [other for other, gap in gaps.items() if judged(gap) != "holds"]
    if len(against) > 1:
        because += f"; not more than {title}'s by the interval: {', '.join(against)}"
    return Claim(text, source, all_of([judged(gap) for gap in gaps.values()]), because)


def gaps_to(
    measured: Measured, measure: str, one: str, others: Sequence[str], seed: int
) -> dict[str, Estimate]:
    """By how much others have more of something than one method, image by image.

    Args:
        measured: see `measure_maps`.
        measure: name of the measure.
        one: key of the method.
        others: keys of those it is compared with.
        seed: of the bootstrap.

    Returns:
        By the other's title the mean paired difference; none for a method that was not run, or
        where no image has the measure for both.
    """
    values, titles = measured.values[measure], {m.key: m.title for m in measured.methods}
    gaps = {
        titles[other]: difference(values[other], values[one], seed)
        for other in others
        if other in values and one in values and other != one
    }
    return {title: gap for title, gap in gaps.items() if gap.count}


def similar(
    measured: Measured,
    measure: str,
    pair: tuple[str, str],
    margin: float,
    text: str,
    source: str,
    seed: int,
) -> Claim:
    """Judge that two methods have about as much of something, image by image.

    Args:
        measured: see `measure_maps`.
        measure: name of the measure.
        pair: keys of the two.
        margin: the most that is called similar, of the mean paired difference, either way.
        text: the claim.
        source: where it is made.
        seed: of the bootstrap.

    Returns:
        The claim: undecided if one of the two was not run.
    """
    one, other = pair
    gaps = gaps_to(measured, measure, one, [other], seed)
    if not gaps:
        return Claim(text, source, "undecided", NOTHING)
    title = next(m.title for m in measured.methods if m.key == one)
    ((against, gap),) = gaps.items()
    because = f"{measure}: {against}'s less {title}'s, {gap}; held against {margin:g} either way"
    return Claim(text, source, judged_within(gap, margin), because)


def both_less_than_baselines(
    measured: Measured, measures: Mapping[str, str], text: str, source: str, seed: int
) -> list[Claim]:
    """Judge that RectGrad, with and without PRR, has less of something than all baselines.

    Args:
        measured: see `measure_maps`.
        measures: by the measure's name, what to add to the claim where it is not the paper's.
        text: the claim, with `{}` for the method.
        source: where it is made.
        seed: of the bootstrap.

    Returns:
        A claim for each measure and each of the two.
    """
    return [
        less_than(
            measured, name, winner, baselines(measured), text.format(title) + how, source, seed
        )
        for name, how in measures.items()
        for winner, title in (("rectgrad", "RectGrad"), ("rectgrad-prr", "RectGrad PRR"))
        if winner in measured.values[name]
    ]


def channels_note(runs: Sequence[Measured], summed: str, apart: str) -> str:
    """What a reader has to know of the two ways to add up absolute attribution.

    Args:
        runs: what was measured, of the same methods.
        summed: name of the amount of the channels' sum.
        apart: name of the amount of all channels.

    Returns:
        A note that names the methods for which the two differ.
    """
    differ = [
        method.title
        for method in runs[0].methods
        if not all(
            np.allclose(run.values[summed][method.key], run.values[apart][method.key])
            for run in runs
        )
    ]
    return (
        "Maps are summed over channels, as the paper draws them (appendix F.1), before their "
        "absolute values are added up. The paper says 'all absolute attribution', which may mean "
        f"that of each channel: '{apart}'. The two differ where channels of unlike sign cancel, in "
        f"this run for: {', '.join(differ) or 'no method'}."
    )


def baselines(measured: Measured) -> list[str]:
    """Keys of the methods that the paper calls baselines."""
    return [method.key for method in measured.methods if method.baseline and not method.control]
