"""Findings of the checks: a verdict, a sentence and its numbers for each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import crossed_mean, mean
from captum_rectgrad.sanity.convergence import INPUT, Convergence
from captum_rectgrad.sanity.randomisation import Randomisation
from captum_rectgrad.sanity.similarity import SIGNED, UNSIGNED

Verdict: TypeAlias = Literal["passed", "failed", "undecided", "not run"]
VerdictTexts: TypeAlias = Mapping[Verdict, str]
CONVERGENCE = "convergence of the backward signal"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: its name.
        verdict: "failed" where the interval is above the bound, "passed" where it is below.
        sentence: the outcome in words, with the number that decides.
        numbers: all measured numbers, by name.
    """

    check: str
    verdict: Verdict
    sentence: str
    numbers: tuple[tuple[str, Estimate], ...] = ()


def judge_similarity(found: Estimate, bound: float) -> Verdict:
    """Judge whether two maps that should differ do.

    Args:
        found: their similarity.
        bound: similarity up to which maps count as different.

    Returns:
        The verdict; "undecided" if the bound is inside the interval, or there is no interval.
    """
    if found.high < bound:
        return "passed"
    return "failed" if found.low > bound else "undecided"


def judge_cascade(found: Randomisation, bound: float, seed: int) -> Finding:
    """Judge the cascading randomisation.

    Args:
        found: with the order `"cascading"`.
        bound: see `judge_similarity`.
        seed: seed of the intervals.

    Returns:
        The finding, judged at the first step with at least half of the layers randomised.
    """
    numbers = _by_layer(found.layers, found.similarity[UNSIGNED], seed)
    decisive = numbers[found.half][1]
    value = _said(decisive)
    total = f"{found.randomised[-1]} {'chosen ' if found.chosen else ''}layers"
    when = f"when the last {found.randomised[found.half]} of {total} are randomised"
    said: VerdictTexts = {
        "failed": f"maps change little {when} (similarity {value})",
        "passed": f"maps change {when} (similarity {value})",
        "undecided": f"it is undecided whether maps change {when} (similarity {value})",
    }
    return _finding("cascading randomisation", decisive, bound, said, numbers)


def judge_single_layers(found: Randomisation, bound: float, seed: int) -> Finding:
    """Judge the randomisation of single layers.

    Layers that hardly change the logits are not judged, since the maps need not change either. An
    example is a normalisation, whose initial parameters are constant.

    Args:
        found: with the order `"independent"`.
        bound: see `judge_similarity`; for maps and for logits.
        seed: seed of the intervals.

    Returns:
        The finding, judged by the layer that changes the maps least, among those that certainly
        change the logits.
    """
    check = "independent randomisation"
    maps = _by_layer(found.layers, found.similarity[UNSIGNED], seed)
    # For these random parameters only: the intervals are over images alone.
    logits = [
        (layer, mean(each.mean(axis=0), seed))
        for layer, each in zip(found.layers, found.logits, strict=True)
    ]
    numbers = (*maps, *((f"logits' rank correlation: {layer}", number) for layer, number in logits))
    verdicts = {
        layer: judge_similarity(number, bound)
        for (layer, number), (_, change) in zip(maps, logits, strict=True)
        if judge_similarity(change, bound) == "passed"
    }
    tried = f"the {len(verdicts)} layers that change the logits, of {len(maps)} tried"
    if not verdicts:
        sentence = f"none of the {len(maps)} layers tried certainly changes the logits"
        return Finding(check, "undecided", sentence + _too_few(logits[0][1]), numbers)
    deaf = [layer for layer, verdict in verdicts.items() if verdict == "failed"]
    if deaf:
        which = deaf[0] if len(deaf) == 1 else f"one of {', '.join(deaf)}"
        sentence = f"maps change little when {which} alone is randomised ({len(deaf)} of {tried})"
        return Finding(check, "failed", sentence, numbers)
    unsure = [layer for layer, verdict in verdicts.items() if verdict == "undecided"]
    if unsure:
        of = dict(maps)
        said = ", ".join(f"{layer} ({_said(of[layer])})" for layer in unsure)
        sentence = f"it is undecided whether maps change when one layer alone is randomised: {said}"
        return Finding(check, "undecided", sentence + _too_few(of[unsure[0]]), numbers)
    return Finding(check, "passed", f"maps change for each of {tried}", numbers)


def judge_pairs(
    check: str,
    values: Mapping[str, NDArray[np.float64]],
    decisive: str,
    bound: float,
    said: VerdictTexts,
    seed: int,
) -> Finding:
    """Judge one number for each image.

    Args:
        check: name of the check.
        values: by measure, `(N,)`.
        decisive: the measure that is judged.
        bound: see `judge_similarity`.
        said: text for each verdict, with `{}` for the number.
        seed: seed of the intervals.

    Returns:
        The finding.
    """
    numbers = [(name, mean(found, seed)) for name, found in values.items()]
    number = dict(numbers)[decisive]
    return _finding(
        check, number, bound, {v: text.format(_said(number)) for v, text in said.items()}, numbers
    )


def judge_classes(values: Mapping[str, NDArray[np.float64]], bound: float, seed: int) -> Finding:
    """Judge the maps of the explained class against those of other classes.

    Args:
        values: by measure, `(N,)`; see `class_sensitivity`.
        bound: see `judge_similarity`.
        seed: seed of the intervals.

    Returns:
        The finding, judged by absolute values. Maps that are each other's negative also pass: with
        two classes, evidence for one is evidence against the other.
    """
    check = "class sensitivity"
    turned = mean(-values[SIGNED], seed)
    if judge_similarity(turned, bound) == "failed":  # here a high similarity is a pass
        numbers = tuple((name, mean(found, seed)) for name, found in values.items())
        sentence = (
            "maps for other classes are the negative of the map of the explained class "
            f"(rank correlation {_said(dict(numbers)[SIGNED])})"
        )
        return Finding(check, "passed", sentence, numbers)
    return judge_pairs(check, values, UNSIGNED, bound, _CLASSES, seed)


def judge_convergence(found: Convergence, bound: float, seed: int) -> Finding:
    """Judge the convergence of the backward signal.

    Args:
        found: cosines of two random backward signals.
        bound: see `judge_similarity`.
        seed: seed of the intervals.

    Returns:
        The finding, judged by the absolute cosine at the input; "not run" if the model has so few
        logits that unrelated vectors reach the bound.
    """
    chance = f"{found.unrelated:.2f} for unrelated vectors of {found.logits} logits"
    # Up to rounding: with three logits it is exactly 0.5.
    if found.unrelated >= bound or math.isclose(found.unrelated, bound):
        return not_run(
            CONVERGENCE, f"the absolute cosine is {chance}, which is not below {bound:g}"
        )
    numbers = [
        (f"absolute cosine {'at' if layer == INPUT else 'before'} {layer}", mean(abs(row), seed))
        for layer, row in zip(found.layers, found.cosines, strict=True)
    ]
    at_input = numbers[0][1]
    said: VerdictTexts = {
        "failed": "two random backward signals have a similar direction at the input (absolute "
        f"cosine {_said(at_input)}; {chance})",
        "passed": "two random backward signals have different directions at the input (absolute "
        f"cosine {_said(at_input)}; {chance})",
        "undecided": "it is undecided whether two random backward signals have different "
        f"directions at the input (absolute cosine {_said(at_input)}; {chance})",
    }
    return _finding(CONVERGENCE, at_input, bound, said, numbers)


_CLASSES: VerdictTexts = {
    "failed": "maps change little with the class (similarity {})",
    "passed": "maps change with the class (similarity {})",
    "undecided": "it is undecided whether maps change with the class (similarity {})",
}


def not_run(check: str, why: str) -> Finding:
    """The finding of a check that could not be run.

    Args:
        check: name of the check.
        why: the reason.

    Returns:
        The finding.
    """
    return Finding(check, "not run", why)


def _said(number: Estimate) -> str:
    if np.isnan(number.low):
        return f"{number.value:.2f}" if number.count else "not defined"
    return f"{number.value:.2f}, 95 % interval {number.low:.2f} to {number.high:.2f}"


def _finding(
    check: str,
    number: Estimate,
    bound: float,
    said: VerdictTexts,
    numbers: Sequence[tuple[str, Estimate]],
) -> Finding:
    verdict = judge_similarity(number, bound)
    return Finding(check, verdict, said[verdict] + _too_few(number), tuple(numbers))


def _too_few(number: Estimate) -> str:
    if not np.isnan(number.low):
        return ""
    if number.count == 1:
        return "; one image is too few for an interval"
    return f"; {number.count} images are too few for an interval"


def _by_layer(
    layers: Sequence[str], values: NDArray[np.float64], seed: int
) -> list[tuple[str, Estimate]]:
    """Estimates over re-initialisations and images; `values` are `(layers, R, N)`."""
    return [(layer, crossed_mean(each, seed)) for layer, each in zip(layers, values, strict=True)]
