"""What the checks found: for each a plain sentence, a verdict, and its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.estimate import Estimate
from captum_rectgrad.sanity.convergence import INPUT, Convergence
from captum_rectgrad.sanity.randomisation import Randomisation
from captum_rectgrad.sanity.similarity import UNSIGNED
from captum_rectgrad.statistics import mean

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
        The finding, judged at the first step that has at least half of the layers random.
    """
    numbers = _by_layer(found, seed)
    decisive = numbers[found.half][1]
    value = _said(decisive)
    how_many = f"{found.randomised[found.half]} of {found.randomised[-1]} layers"
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

    Args:
        found: with the order `"independent"`.
        bound: see `judged`.
        seed: of the intervals.

    Returns:
        The finding, judged by the layer that matters least.
    """
    numbers = _by_layer(found, seed)
    verdicts = {
        layer: judged(number, bound)
        for layer, (_, number) in zip(found.layers, numbers, strict=True)
    }
    deaf = [layer for layer, verdict in verdicts.items() if verdict == "failed"]
    if deaf:
        sentence = (
            f"maps stay much as they were when one of {', '.join(deaf)} alone is random "
            f"({len(deaf)} of the {len(numbers)} layers tried)"
        )
        return Finding("independent randomisation", "failed", sentence, tuple(numbers))
    if all(verdict == "passed" for verdict in verdicts.values()):
        sentence = f"each of the {len(numbers)} layers tried changes the maps when it is random"
        return Finding("independent randomisation", "passed", sentence, tuple(numbers))
    unsure = [layer for layer, verdict in verdicts.items() if verdict == "undecided"]
    sentence = f"whether {', '.join(unsure)} alone changes the maps is not decided"
    return Finding("independent randomisation", "undecided", sentence, tuple(numbers))


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


def of_convergence(found: Convergence, bound: float, seed: int) -> Finding:
    """Two random vectors were sent backwards.

    Args:
        found: their cosines.
        bound: see `judged`.
        seed: of the intervals.

    Returns:
        The finding, judged at the input.
    """
    numbers = [
        (f"cosine at {layer}" if layer == INPUT else f"cosine before {layer}", mean(row, seed))
        for layer, row in zip(found.layers, found.cosines, strict=True)
    ]
    at_input = numbers[0][1]
    said: Said = {
        "failed": "whatever is sent backwards arrives at the input in much the same direction "
        f"(cosine {_said(at_input)}): the rule forgets what was asked",
        "passed": f"what is sent backwards arrives at the input in directions of its own (cosine "
        f"{at_input})",
        "undecided": f"what is sent backwards arrives at the input in directions that are alike to "
        f"a degree (cosine {_said(at_input)}) that decides nothing",
    }
    return _finding(CONVERGENCE, at_input, bound, said, numbers)


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
    return f"{number.value:.2f}, {number.low:.2f} to {number.high:.2f}"


def _finding(
    check: str,
    number: Estimate,
    bound: float,
    said: Said,
    numbers: Sequence[tuple[str, Estimate]],
) -> Finding:
    verdict = judged(number, bound)
    sentence = said[verdict]
    if np.isnan(number.low):
        sentence += f"; {number.count} images are too few for an interval"
    return Finding(check, verdict, sentence, tuple(numbers))


def _by_layer(found: Randomisation, seed: int) -> list[tuple[str, Estimate]]:
    return [
        (layer, mean(values, seed))
        for layer, values in zip(found.layers, found.similarity[UNSIGNED], strict=True)
    ]
