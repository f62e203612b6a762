"""What the checks found: for each a plain sentence, a verdict, and its numbers."""

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
Said: TypeAlias = Mapping[Verdict, str]
CONVERGENCE = "convergence of the backward signal"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: its name.
        verdict: "failed" where the interval is above the bound, "passed" where it is below.
        sentence: what it means, in plain words.
        numbers: what was measured, by name.
    """

    check: str
    verdict: Verdict
    sentence: str
    numbers: tuple[tuple[str, Estimate], ...] = ()


def judged(found: Estimate, bound: float) -> Verdict:
    """Whether maps that should differ do.

    Args:
        found: how alike they are.
        bound: the most that is called different.

    Returns:
        The verdict; "undecided" where the bound is in the interval, or there is none.
    """
    if found.high < bound:
        return "passed"
    return "failed" if found.low > bound else "undecided"


def of_cascade(found: Randomisation, bound: float, seed: int) -> Finding:
    """The later half of the layers was re-initialised, from the output on.

    Args:
        found: with the order `"cascading"`.
        bound: see `judged`.
        seed: of the intervals.

    Returns:
        The finding, judged at the first step that has at least half of those layers random that
        are in the end.
    """
    numbers = _by_layer(found.layers, found.similarity[UNSIGNED], seed)
    decisive = numbers[found.half][1]
    value = _said(decisive)
    of = f"{found.randomised[-1]} {'chosen ' if found.chosen else ''}layers"
    how_many = f"{found.randomised[found.half]} of the {of}"
    said: Said = {
        "failed": f"with the last {how_many} random, maps are much as they were ({value}): they "
        "hardly depend on what these layers have learnt",
        "passed": f"with the last {how_many} random, maps are others ({value})",
        "undecided": f"with the last {how_many} random, maps are alike to a degree ({value}) "
        "that decides nothing",
    }
    return _finding("cascading randomisation", decisive, bound, said, numbers)


def of_single_layers(found: Randomisation, bound: float, seed: int) -> Finding:
    """Each layer was re-initialised alone.

    Where the logits hardly change either, nothing follows of the method from maps that stay as they
    were; a normalisation, say, is not random when it is made anew.

    Args:
        found: with the order `"independent"`.
        bound: see `judged`; of maps, and of logits.
        seed: of the intervals.

    Returns:
        The finding, judged by that layer which matters least to the maps, of those that change the
        logits for certain.
    """
    check = "independent randomisation"
    maps = _by_layer(found.layers, found.similarity[UNSIGNED], seed)
    # Of these random parameters, not of all there could be: so over images alone.
    logits = [
        (layer, mean(each.mean(axis=0), seed))
        for layer, each in zip(found.layers, found.logits, strict=True)
    ]
    numbers = (*maps, *((f"logits' rank correlation: {layer}", number) for layer, number in logits))
    verdicts = {
        layer: judged(number, bound)
        for (layer, number), (_, change) in zip(maps, logits, strict=True)
        if judged(change, bound) == "passed"
    }
    tried = f"the {len(verdicts)} that change the logits, of {len(maps)} layers tried"
    if not verdicts:
        sentence = f"none of the {len(maps)} layers tried changes the logits for certain by itself"
        return Finding(check, "undecided", sentence + _too_few(logits[0][1]), numbers)
    deaf = [layer for layer, verdict in verdicts.items() if verdict == "failed"]
    if deaf:
        which = deaf[0] if len(deaf) == 1 else f"one of {', '.join(deaf)}"
        sentence = (
            f"maps stay much as they were when {which} alone is random ({len(deaf)} of {tried})"
        )
        return Finding(check, "failed", sentence, numbers)
    unsure = [layer for layer, verdict in verdicts.items() if verdict == "undecided"]
    if unsure:
        of = dict(maps)
        said = ", ".join(f"{layer} ({_said(of[layer])})" for layer in unsure)
        sentence = (
            f"whether the maps change when one of these alone is random is not decided: {said}"
        )
        return Finding(check, "undecided", sentence + _too_few(of[unsure[0]]), numbers)
    return Finding(check, "passed", f"maps change with each of {tried}", numbers)


def of_pairs(
    check: str,
    values: Mapping[str, NDArray[np.float64]],
    decisive: str,
    bound: float,
    said: Said,
    seed: int,
) -> Finding:
    """One number for each image.

    Args:
        check: its name.
        values: by measure, `(N,)`.
        decisive: the measure that is judged.
        bound: see `judged`.
        said: for each verdict what it means, with `{}` for the number.
        seed: of the intervals.

    Returns:
        The finding.
    """
    numbers = [(name, mean(found, seed)) for name, found in values.items()]
    number = dict(numbers)[decisive]
    return _finding(
        check, number, bound, {v: text.format(_said(number)) for v, text in said.items()}, numbers
    )


def of_classes(values: Mapping[str, NDArray[np.float64]], bound: float, seed: int) -> Finding:
    """Maps of the explained class beside those of others.

    Args:
        values: by measure, `(N,)`; see `class_sensitivity`.
        bound: see `judged`.
        seed: of the intervals.

    Returns:
        The finding, judged without the maps' signs; but maps with the signs turned, as for the two
        classes of a model that has no others, do show what speaks for one and against the other.
    """
    check = "class sensitivity"
    turned = mean(-values[SIGNED], seed)
    if judged(turned, bound) == "failed":  # as alike as that is what is asked for here
        numbers = tuple((name, mean(found, seed)) for name, found in values.items())
        sentence = (
            "maps for other classes are those of this one with the signs turned (rank correlation "
            f"{_said(dict(numbers)[SIGNED])}): it is by their signs alone that they differ"
        )
        return Finding(check, "passed", sentence, numbers)
    return of_pairs(check, values, UNSIGNED, bound, _CLASSES, seed)


def of_convergence(found: Convergence, bound: float, seed: int) -> Finding:
    """Two random vectors were sent backwards.

    Args:
        found: their cosines.
        bound: see `judged`.
        seed: of the intervals.

    Returns:
        The finding, judged at the input, whatever the cosine's sign; not run where the model has so
        few logits that vectors of them are alike by chance.
    """
    chance = f"{found.unrelated:.2f} for unrelated vectors of {found.logits} logits"
    # To rounding: of three logits it is 0.5 but for the last digit.
    if found.unrelated >= bound or math.isclose(found.unrelated, bound):
        return not_run(
            CONVERGENCE, f"absolute cosines are {chance} already, held against {bound:g}"
        )
    numbers = [
        (f"absolute cosine {'at' if layer == INPUT else 'before'} {layer}", mean(abs(row), seed))
        for layer, row in zip(found.layers, found.cosines, strict=True)
    ]
    at_input = numbers[0][1]
    said: Said = {
        "failed": "whatever is sent backwards arrives at the input in much the same direction, or "
        f"its opposite (absolute cosine {_said(at_input)}; {chance}): the rule forgets what was "
        "asked",
        "passed": "what is sent backwards arrives at the input in directions of its own (absolute "
        f"cosine {_said(at_input)}; {chance})",
        "undecided": "what is sent backwards arrives at the input in directions that are alike to "
        f"a degree (absolute cosine {_said(at_input)}; {chance}) that decides nothing",
    }
    return _finding(CONVERGENCE, at_input, bound, said, numbers)


_CLASSES: Said = {
    "failed": "maps for other classes are much the same ({}): they do not show what speaks for one",
    "passed": "maps for other classes are others ({})",
    "undecided": "maps for other classes are alike to a degree ({}) that decides nothing",
}


def not_run(check: str, why: str) -> Finding:
    """A check that could not be made.

    Args:
        check: its name.
        why: in words.

    Returns:
        The finding.
    """
    return Finding(check, "not run", why)


def _said(number: Estimate) -> str:
    if np.isnan(number.low):
        return f"{number.value:.2f}" if number.count else "not defined"
    return f"{number.value:.2f}, {number.low:.2f} to {number.high:.2f}"


def _finding(
    check: str,
    number: Estimate,
    bound: float,
    said: Said,
    numbers: Sequence[tuple[str, Estimate]],
) -> Finding:
    verdict = judged(number, bound)
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
    """Over re-initialisations and images; `values` are `(layers, R, N)`."""
    return [(layer, crossed_mean(each, seed)) for layer, each in zip(layers, values, strict=True)]
