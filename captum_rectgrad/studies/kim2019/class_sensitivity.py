"""Claims on class sensitivity, from maps before and after an attack (section 5.2)."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import LEVEL
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.network_intervals import difference_of_networks, mean_of_networks
from captum_rectgrad.studies.framework.bounds import AS_MUCH, SAME, Bound, judged_by
from captum_rectgrad.studies.framework.map_measurements import (
    NOTHING,
    MapMeasurements,
    baselines,
    by_primary,
)
from captum_rectgrad.studies.framework.result import (
    Claim,
    Verdict,
    all_of,
    family_text,
    judged,
    judged_above,
    judged_against_all,
    level_of_family,
)
from captum_rectgrad.studies.kim2019.attacks import MEASURES, Numbers
from captum_rectgrad.studies.options import Final

Flags = NDArray[np.bool_]
ByMeasure = Mapping[str, Mapping[str, Estimate]]  # by measure and title of the baseline


def mean_where(numbers: Numbers, chosen: Flags, seed: int, level: float = LEVEL) -> Estimate:
    """The mean of a measure over each network's chosen images.

    Args:
        numbers: `(R, N)`; NaN where the measure is not defined.
        chosen: `(R, N)`.
        seed: seed of the bootstrap.
        level: confidence of the interval.

    Returns:
        The mean over networks.
    """
    return mean_of_networks(_picked(numbers, chosen), seed, level)


def drop(numbers: Numbers, flipped: Flags, seed: int, level: float = LEVEL) -> Estimate:
    """Decrease of a measure with a changed decision, compared with an unchanged one.

    Args:
        numbers: `(R, N)`; NaN where the measure is not defined.
        flipped: whether a network's decision changed, `(R, N)`.
        seed: seed of the bootstrap.
        level: confidence of the interval.

    Returns:
        The difference of the two means, over networks.
    """
    stayed, changed = _picked(numbers, ~flipped), _picked(numbers, flipped)
    return difference_of_networks(stayed, changed, seed, level)


def _picked(numbers: Numbers, chosen: Flags) -> list[Numbers]:
    """Each network's values for its chosen images."""
    return [values[here] for values, here in zip(numbers, chosen, strict=True)]


def claims(
    found: Mapping[tuple[Final, float], MapMeasurements],
    flipped: Mapping[float, Flags],
    seed: int,
) -> list[Claim]:
    """Judge whether RectGrad's maps change exactly when the decision does.

    Args:
        found: similarity of maps before and after, by final threshold and epsilon; see `compare`.
        flipped: by epsilon, whether a network's decision changed, `(R, N)`.
        seed: seed of the bootstrap.

    Returns:
        For each attack and each method that is not a baseline: whether its maps change more when
        the decision does, and do not change when it does not; and the comparison with the
        baselines, by the primary final threshold. Each claim is judged by all of `MEASURES`.
    """
    result: list[Claim] = []
    for epsilon, changed in flipped.items():
        by_final = {final: found[final, step] for final, step in found if step == epsilon}
        first = next(iter(by_final.values()))
        step = f"epsilon {epsilon:g}"
        where, figure_16 = f"section 5.2, figure 5b; {step}", f"section 5.2, figure 16; {step}"
        for winner in (m for m in first.methods if not m.baseline and not m.control):
            result.append(_changes(first, winner, changed, where, seed))
            ours = f"ours, after section 5.2; {step}"
            result.append(_only_then(first, winner, changed, ours, seed))
            result += by_primary(
                {
                    final: [
                        _as_sensitive(measured, winner, changed, where, seed),
                        _drops_more(measured, winner, changed, where, seed),
                        _others_too(measured, winner, changed, figure_16, seed),
                    ]
                    for final, measured in by_final.items()
                }
            )
    return result


def _changes(
    measured: MapMeasurements, winner: Method, flipped: Flags, where: str, seed: int
) -> Claim:
    drops = {name: drop(measured.values[name][winner.key], flipped, seed) for name in MEASURES}
    said = "; ".join(f"{name} {estimate}" for name, estimate in drops.items())
    return Claim(
        f"Maps of {winner.title} change more when the decision does",
        where,
        all_of([judged(estimate) for estimate in drops.values()]),
        f"similarity before and after, unchanged minus changed decision: {said}",
    )


def _only_then(
    measured: MapMeasurements, winner: Method, flipped: Flags, where: str, seed: int
) -> Claim:
    alike = {
        name: mean_where(measured.values[name][winner.key], ~flipped, seed) for name in MEASURES
    }
    said = "; ".join(f"{name} {estimate}" for name, estimate in alike.items())
    verdict, sensitivity = judged_by(
        SAME, lambda bound: all_of([judged_above(one, bound) for one in alike.values()])
    )
    return Claim(
        f"Maps of {winner.title} do not change when the decision does not",
        where,
        verdict,
        f"similarity before and after, unchanged decision: {said}; above {SAME} counts as "
        f"unchanged ({sensitivity})",
    )


def _as_sensitive(
    measured: MapMeasurements, winner: Method, flipped: Flags, where: str, seed: int
) -> Claim:
    """Equal methods hold: the gap may be negative up to the margin."""

    def gaps(level: float) -> ByMeasure:
        return _of_baselines(
            measured,
            lambda name, values: mean_where(
                values - measured.values[name][winner.key], flipped, seed, level
            ),
        )

    return _against_all(
        f"When the decision changes, maps of {winner.title} change as much as those of all "
        "baselines, or more",
        where,
        gaps,
        lambda gap, bound: judged_above(gap, -bound),
        f"similarity with a changed decision, baseline minus method; above -{AS_MUCH} counts as "
        "changing as much",
        AS_MUCH,
    )


def _drops_more(
    measured: MapMeasurements, winner: Method, flipped: Flags, where: str, seed: int
) -> Claim:
    """The change beyond the change of maps with an unchanged decision."""

    def gaps(level: float) -> ByMeasure:
        return _of_baselines(
            measured,
            lambda name, values: drop(
                measured.values[name][winner.key] - values, flipped, seed, level
            ),
        )

    return _against_all(
        f"When the decision changes, maps of {winner.title} change more than those of all "
        "baselines, beyond what they change by when it stays",
        where,
        gaps,
        lambda drop_more, _: judged(drop_more),
        "drop of the similarity, method minus baseline",
    )


def _others_too(
    measured: MapMeasurements, winner: Method, flipped: Flags, where: str, seed: int
) -> Claim:
    stayed = flipped.copy()
    for name in MEASURES:
        stayed &= measured.values[name][winner.key] > SAME.value

    def alike(level: float) -> ByMeasure:
        return _of_baselines(measured, lambda _, values: mean_where(values, stayed, seed, level))

    return _against_all(
        f"Where maps of {winner.title} change little though the decision does, those of all "
        "baselines change little too",
        where,
        alike,
        judged_above,
        f"{int(stayed.sum())} of {int(flipped.sum())} {_counted(flipped)} with a similarity above "
        f"{SAME}; similarity of the baselines' maps for these",
        SAME,
    )


def _of_baselines(
    measured: MapMeasurements, estimate: Callable[[str, Numbers], Estimate]
) -> ByMeasure:
    """By measure and title of the baseline, an estimate from the measure's name and values."""
    chosen = set(baselines(measured))
    return {
        name: {
            method.title: estimate(name, measured.values[name][method.key])
            for method in measured.methods
            if method.key in chosen
        }
        for name in MEASURES
    }


def _counted(flags: Flags) -> str:
    return "images" if len(flags) == 1 else "pairs of network and image"


def _against_all(
    text: str,
    where: str,
    numbers: Callable[[float], ByMeasure],
    judge: Callable[[Estimate, float], Verdict],
    what: str,
    bound: Bound | None = None,
) -> Claim:
    """A claim about all baselines, with the worst baseline of each measure.

    `numbers` takes the confidence of the intervals. All measures and baselines are one family.
    """
    found = numbers(LEVEL)
    if not all(found.values()):
        return Claim(text, where, "undecided", NOTHING)
    parts: list[str] = []
    for name, by_title in found.items():
        each = [judge(one, bound.value if bound else 0) for one in by_title.values()]
        # A baseline without a value, such as one whose maps are all empty, is named first.
        least = min(by_title, key=lambda title: np.nan_to_num(by_title[title].value, nan=-np.inf))
        parts.append(
            f"{name}: {all_of(each)} (for {each.count('holds')} of {len(each)} baselines), lowest "
            f"for {least}: {by_title[least]}"
        )
    every = _listed(found)
    corrected = _listed(numbers(level_of_family(len(every))))

    def verdict_by(value: float) -> Verdict:
        return judged_against_all(
            [judge(one, value) for one in every], [judge(one, value) for one in corrected]
        )

    because = f"{what}. {'; '.join(parts)}"
    verdict, sensitivity = verdict_by(0), ""
    if bound is not None:
        verdict, sensitivity = judged_by(bound, verdict_by)
        sensitivity = f"; {sensitivity}"
    return Claim(text, where, verdict, because + family_text(len(every), verdict) + sensitivity)


def _listed(numbers: ByMeasure) -> list[Estimate]:
    return [one for by_title in numbers.values() for one in by_title.values()]
