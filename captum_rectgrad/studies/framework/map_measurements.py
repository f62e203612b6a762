"""Measurements of every method's maps, their tables and claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import LEVEL, difference, mean
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.bounds import Bound, judged_by
from captum_rectgrad.studies.framework.by_network import complete_images
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Row,
    family_text,
    gap_text,
    judged,
    judged_against_all,
    judged_within,
    level_of_family,
)
from captum_rectgrad.studies.options import FINAL_TITLES, Final

# Takes maps (N, C, H, W) and the slice of the images; returns one number for each map.
Measure = Callable[[Tensor, slice], Tensor]
NOTHING = "there is no method to compare with"


@dataclass(frozen=True, eq=False)
class MapMeasurements:
    """Measurements of the maps of a role's networks.

    Attributes:
        methods: the methods, in order.
        values: by measure and method key, one number for each network and image, `(R, N)`, or for
            each image, `(N,)`; NaN where the measure is not defined.
    """

    methods: tuple[Method, ...]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]


def measure_maps(
    context: StudyContext,
    networks: Sequence[Network],
    images: Sequence[Tensor],
    measures: Mapping[str, Measure],
) -> dict[Final, MapMeasurements]:
    """Measure the maps of all methods for the predicted classes.

    Args:
        context: methods and device.
        networks: the R explained networks.
        images: for each network the same N images with its noise, `(N, 3, H, W)`, uint8.
        measures: measures by name.

    Returns:
        The measurements by the final threshold of the baselines' maps, as in `context.finals`.
    """
    methods, finals = tuple(context.methods), context.finals
    cases = [
        (final, name, method.key) for final in finals for name in measures for method in methods
    ]
    rows: dict[tuple[Final, str, str], list[NDArray[np.float64]]] = {case: [] for case in cases}
    for network, seen in zip(networks, images, strict=True):
        targets = context.predictions(network, seen)
        parts: dict[tuple[Final, str, str], list[Tensor]] = {case: [] for case in cases}
        with Progress(len(seen) * len(methods), "map", network.name) as progress:
            for method in methods:
                for batch in context.maps(method, network, seen, targets):
                    for final in finals:
                        maps = context.finished(method, batch.maps, final)
                        for name, measure in measures.items():
                            parts[final, name, method.key].append(measure(maps, batch.images))
                    progress.update(len(batch.maps))
        for case, found in parts.items():
            rows[case].append(torch.cat(found).numpy())
    return {
        final: MapMeasurements(
            methods,
            {
                name: {method.key: np.stack(rows[final, name, method.key]) for method in methods}
                for name in measures
            },
        )
        for final in finals
    }


def rows(measured: MapMeasurements, seed: int, **same: str) -> list[Row]:
    """A row for each method, with the mean and the median of each measure.

    If a measure is not defined for some maps, the number of images with a value for every network
    is a further column.

    Args:
        measured: see `measure_maps`.
        seed: seed of the bootstrap.
        **same: columns with the same value in all rows.

    Returns:
        The rows.
    """
    found: list[Row] = []
    for method in measured.methods:
        row: Row = {**same, "method": method.title}
        for name, values in measured.values.items():
            numbers = complete_images(values[method.key])
            row[name] = mean(numbers, seed)
            if numbers.ndim > 1:
                row[f"{name}, by network"] = _listed_means(numbers)
            row[f"median {name}"] = float(np.median(numbers)) if numbers.size else float("nan")
            if not all(np.isfinite(others).all() for others in values.values()):
                row[f"images with a {name}"] = numbers.shape[-1]
        found.append(row)
    return found


def rows_of(found: Mapping[Final, MapMeasurements], seed: int) -> list[Row]:
    """The rows of all final thresholds; see `rows`."""
    return [
        row
        for final, measured in found.items()
        for row in rows(measured, seed, **{"final threshold": FINAL_TITLES[final]})
    ]


def less_than(
    measured: MapMeasurements,
    measure: str,
    winner: str,
    others: Sequence[str],
    text: str,
    source: str,
    seed: int,
) -> Claim:
    """Judge whether a measure is lower for one method than for each of the others.

    Args:
        measured: see `measure_maps`.
        measure: name of the measure.
        winner: key of the method with the claimed lower value.
        others: keys of the other methods; those that were not run are ignored.
        text: text of the claim.
        source: source of the claim.
        seed: seed of the bootstrap.

    Returns:
        The claim. It holds if the interval of the mean paired difference is above 0 for all others.
        It does not hold if it is below 0 for any, with Holm's correction for the others.
    """
    gaps = gaps_to(measured, measure, winner, others, seed)
    if not gaps:
        return Claim(text, source, "undecided", NOTHING)
    title = next(m.title for m in measured.methods if m.key == winner)
    # The method that decides: the lower end of its interval is lowest, or it has no interval.
    nearest = min(gaps, key=lambda other: np.nan_to_num(gaps[other].low, nan=-np.inf))
    gap = gap_text(gaps[nearest], f"{nearest}'s", ("lower", "higher"))
    because = f"{title}'s {measure} is {gap}{_of_each_network(measured, measure, nearest, winner)}"
    against = [other for other, gap in gaps.items() if judged(gap) != "holds"]
    if len(against) > 1:
        because += f"; not significantly lower than: {', '.join(against)}"
    level = level_of_family(len(gaps))
    corrected = gaps_to(measured, measure, winner, others, seed, level)
    verdict = judged_against_all(
        [judged(gap) for gap in gaps.values()], [judged(gap) for gap in corrected.values()]
    )
    return Claim(text, source, verdict, because + family_text(len(gaps), verdict))


def _of_each_network(measured: MapMeasurements, measure: str, other: str, one: str) -> str:
    """The differences of two methods by network, in words; empty for one network."""
    key = next(method.key for method in measured.methods if method.title == other)
    gaps = complete_images(measured.values[measure][key] - measured.values[measure][one])
    if gaps.ndim == 1 or len(gaps) == 1:
        return ""
    return f"; by network {_listed_means(gaps)}"


def _listed_means(values: NDArray[np.float64]) -> str:
    """The mean of each network, in words."""
    if not values.size:
        return "not defined"
    return ", ".join(f"{value:.3g}" for value in values.mean(axis=1))


def by_primary(claims: Mapping[Final, Sequence[Claim]]) -> list[Claim]:
    """The claims by the primary final threshold, with the verdicts by the other ones.

    Args:
        claims: by final threshold, the primary one first; the same claims in the same order.

    Returns:
        One claim for each claim.
    """
    primary, *others = claims.values()
    if not others:
        return list(primary)
    found = []
    for number, claim in enumerate(primary):
        verdicts = "; ".join(
            f"{FINAL_TITLES[final]}: {of_final[number].verdict}"
            for final, of_final in claims.items()
        )
        because = f"{claim.because}. By final threshold of the baselines, the first is primary: "
        found.append(replace(claim, because=because + verdicts))
    return found


def gaps_to(
    measured: MapMeasurements,
    measure: str,
    one: str,
    others: Sequence[str],
    seed: int,
    level: float = LEVEL,
) -> dict[str, Estimate]:
    """Mean paired differences of a measure between other methods and one method.

    Args:
        measured: see `measure_maps`.
        measure: name of the measure.
        one: key of the method.
        others: keys of the other methods.
        seed: seed of the bootstrap.
        level: confidence of the intervals.

    Returns:
        By the other's title, the other's value minus the method's. Methods that were not run, or
        that share no image with a defined value, are left out.
    """
    values, titles = measured.values[measure], {m.key: m.title for m in measured.methods}
    gaps = {
        titles[other]: difference(values[other], values[one], seed, level)
        for other in others
        if other in values and one in values and other != one
    }
    return {title: gap for title, gap in gaps.items() if gap.count}


def similar(
    measured: MapMeasurements,
    measure: str,
    pair: tuple[str, str],
    bound: Bound,
    text: str,
    source: str,
    seed: int,
) -> Claim:
    """Judge whether a measure is similar for two methods.

    Args:
        measured: see `measure_maps`.
        measure: name of the measure.
        pair: keys of the two methods.
        bound: largest absolute mean paired difference that counts as similar.
        text: text of the claim.
        source: source of the claim.
        seed: seed of the bootstrap.

    Returns:
        The claim; undecided if one of the two was not run.
    """
    one, other = pair
    gaps = gaps_to(measured, measure, one, [other], seed)
    if not gaps:
        return Claim(text, source, "undecided", NOTHING)
    title = next(m.title for m in measured.methods if m.key == one)
    ((against, gap),) = gaps.items()
    gap_words = gap_text(gap, f"{against}'s", ("lower", "higher"))
    verdict, sensitivity = judged_by(bound, lambda value: judged_within(gap, value))
    because = (
        f"{title}'s {measure} is {gap_words}; differences up to {bound} count as similar "
        f"({sensitivity})"
    )
    return Claim(text, source, verdict, because)


def both_less_than_baselines(
    found: Mapping[Final, MapMeasurements],
    measures: Mapping[str, str],
    text: str,
    source: str,
    seed: int,
) -> list[Claim]:
    """Judge whether a measure is lower for RectGrad, with and without PRR, than for all baselines.

    Args:
        found: by final threshold, the primary one first; see `measure_maps`.
        measures: suffix of the claim by the measure's name; empty for the paper's measure.
        text: text of the claim, with `{}` for the method.
        source: source of the claim.
        seed: seed of the bootstrap.

    Returns:
        A claim for each measure and each of the two methods.
    """
    return by_primary(
        {
            final: [
                less_than(
                    measured,
                    name,
                    winner,
                    baselines(measured),
                    text.format(title) + how,
                    source,
                    seed,
                )
                for name, how in measures.items()
                for winner, title in (("rectgrad", "RectGrad"), ("rectgrad-prr", "RectGrad PRR"))
                if winner in measured.values[name]
            ]
            for final, measured in found.items()
        }
    )


def channels_note(runs: Sequence[MapMeasurements], summed: str, apart: str) -> str:
    """A note on the two sums of absolute attribution over channels.

    Args:
        runs: measurements with the same methods.
        summed: name of the amount of the channels' sum.
        apart: name of the amount of all channels.

    Returns:
        A note that names the methods for which the two differ.
    """
    differ = [
        method.title
        for method in runs[0].methods
        if not all(
            np.allclose(
                run.values[summed][method.key], run.values[apart][method.key], equal_nan=True
            )
            for run in runs
        )
    ]
    return (
        "Maps are summed over channels before the absolute values are summed, as in the paper's "
        "figures (appendix F.1). The paper says 'all absolute attribution', which may also mean "
        f"the sum over each channel: '{apart}'. The two differ if channels of different signs "
        f"cancel, in this run for: {', '.join(differ) or 'no method'}."
    )


def baselines(measured: MapMeasurements) -> list[str]:
    """Keys of the methods that the paper calls baselines."""
    return [method.key for method in measured.methods if method.baseline and not method.control]
