"""What maps before and after an attack say of the claims on class sensitivity (section 5.2)."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import independent_difference, mean
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.framework.comparing import NOTHING, Measured, baselines, gaps_to
from captum_rectgrad.studies.framework.result import Claim, Verdict, all_of, judged, judged_above
from captum_rectgrad.studies.kim2019.attacks import MEASURES, Attack, Numbers

# Of a correlation or overlap: how much more alike RectGrad's maps may be than a baseline's, and
# still have changed "as much".
AS_MUCH = 0.05
# Of a correlation or overlap: from where on maps are called unchanged; more alike than not.
UNCHANGED = 0.5

Flags = NDArray[np.bool_]


def drop(numbers: Numbers, flipped: Flags, seed: int) -> Estimate:
    """By how much something is less where the decision flipped than where it did not.

    Args:
        numbers: `(N,)`; NaN where it is not defined.
        flipped: `(N,)`.
        seed: of the bootstrap.

    Returns:
        The difference of the two means.
    """
    return independent_difference(numbers[~flipped], numbers[flipped], seed)


def claims(
    found: Mapping[tuple[str, float], Measured], attacks: Mapping[float, Attack], seed: int
) -> list[Claim]:
    """Judge whether RectGrad's maps change when and only when the decision does.

    Args:
        found: how alike maps before and after are, by final threshold and epsilon; see `compare`.
        attacks: by epsilon.
        seed: of the bootstrap.

    Returns:
        For each attack and each method that is no baseline: that its maps change more when the
        decision does, and do not when it does not; and for each final threshold how it compares
        with the baselines. Each is judged by all of `MEASURES`.
    """
    result: list[Claim] = []
    first_final = next(iter(found))[0]
    for (final, epsilon), measured in found.items():
        flipped = attacks[epsilon].flipped
        where = f"section 5.2, figure 5b; epsilon {epsilon:g}"
        for winner in (m for m in measured.methods if not m.baseline and not m.control):
            # Its maps have no final threshold to be with or without.
            if final == first_final:
                ours = f"ours, after section 5.2; epsilon {epsilon:g}"
                result.append(_changes(measured, winner, flipped, where, seed))
                result.append(_only_then(measured, winner, flipped, ours, seed))
            there = f"final threshold of the baselines: {final}"
            source = f"section 5.2, figure 16; epsilon {epsilon:g}; {there}"
            result.append(_as_sensitive(measured, winner, flipped, f"{where}; {there}", seed))
            result.append(_drops_more(measured, winner, flipped, f"{where}; {there}", seed))
            result.append(_others_too(measured, winner, flipped, source, seed))
    return result


def _changes(measured: Measured, winner: Method, flipped: Flags, where: str, seed: int) -> Claim:
    drops = {name: drop(measured.values[name][winner.key], flipped, seed) for name in MEASURES}
    said = "; ".join(f"{name} {estimate}" for name, estimate in drops.items())
    return Claim(
        f"Maps of {winner.title} change more when the decision does",
        where,
        all_of([judged(estimate) for estimate in drops.values()]),
        f"by how much less alike before and after are where it flipped: {said}",
    )


def _only_then(measured: Measured, winner: Method, flipped: Flags, where: str, seed: int) -> Claim:
    alike = {name: mean(measured.values[name][winner.key][~flipped], seed) for name in MEASURES}
    said = "; ".join(f"{name} {estimate}" for name, estimate in alike.items())
    return Claim(
        f"Maps of {winner.title} do not change when the decision does not",
        where,
        all_of([judged_above(estimate, UNCHANGED) for estimate in alike.values()]),
        f"how alike before and after are where it did not flip: {said}; held against {UNCHANGED:g}",
    )


def _as_sensitive(
    measured: Measured, winner: Method, flipped: Flags, where: str, seed: int
) -> Claim:
    """As much or more: a gap that is not worse than the margin, so equal methods hold."""
    there = {
        name: {key: np.where(flipped, numbers, np.nan) for key, numbers in by_key.items()}
        for name, by_key in measured.values.items()
    }
    changed = Measured(measured.methods, there)
    gaps = {
        name: gaps_to(changed, name, winner.key, baselines(measured), seed) for name in MEASURES
    }
    return _against_all(
        f"When the decision changes, maps of {winner.title} change as much as those of all "
        "baselines, or more",
        where,
        gaps,
        lambda gap: judged_above(gap, -AS_MUCH),
        f"likeness where it flipped, the baseline's less its own, held against {-AS_MUCH:g}",
    )


def _drops_more(measured: Measured, winner: Method, flipped: Flags, where: str, seed: int) -> Claim:
    """Beyond what maps change by though the decision does not."""
    gaps = {
        name: {
            method.title: drop(
                measured.values[name][winner.key] - measured.values[name][method.key],
                flipped,
                seed,
            )
            for method in measured.methods
            if method.key in baselines(measured)
        }
        for name in MEASURES
    }
    return _against_all(
        f"When the decision changes, maps of {winner.title} change more than those of all "
        "baselines, beyond what they change by when it stays",
        where,
        gaps,
        judged,
        "its drop of likeness less the baseline's",
    )


def _others_too(measured: Measured, winner: Method, flipped: Flags, where: str, seed: int) -> Claim:
    stayed = flipped.copy()
    for name in MEASURES:
        stayed &= measured.values[name][winner.key] > UNCHANGED
    alike = {
        name: {
            method.title: mean(measured.values[name][method.key][stayed], seed)
            for method in measured.methods
            if method.key in baselines(measured)
        }
        for name in MEASURES
    }
    return _against_all(
        f"Where maps of {winner.title} change little though the decision does, those of all "
        "baselines change little too",
        where,
        alike,
        lambda found: judged_above(found, UNCHANGED),
        f"{int(stayed.sum())} of {int(flipped.sum())} images with a likeness above "
        f"{UNCHANGED:g}; that of the baselines there, held against it too",
    )


def _against_all(
    text: str,
    where: str,
    found: Mapping[str, Mapping[str, Estimate]],
    judge: Callable[[Estimate], Verdict],
    what: str,
) -> Claim:
    """A claim about all baselines, by measure and title; said of each measure: the worst case."""
    if not all(found.values()):
        return Claim(text, where, "undecided", NOTHING)
    parts: list[str] = []
    verdicts: list[Verdict] = []
    for name, by_title in found.items():
        each = [judge(estimate) for estimate in by_title.values()]
        least = min(by_title, key=lambda title: by_title[title].value)
        parts.append(
            f"{name}: {all_of(each)} (of {each.count('holds')} of {len(each)} baselines), least "
            f"{least} {by_title[least]}"
        )
        verdicts += each
    return Claim(text, where, all_of(verdicts), f"{what}. {'; '.join(parts)}")
