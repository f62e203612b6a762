"""Verdicts and sentences on numbers whose answer is known."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from captum_rectgrad.sanity.convergence import Convergence
from captum_rectgrad.sanity.findings import (
    Finding,
    judge_cascade,
    judge_classes,
    judge_convergence,
    judge_single_layers,
)
from captum_rectgrad.sanity.randomisation import Order, Randomisation
from captum_rectgrad.sanity.reinitialisation import Reinitialised
from captum_rectgrad.sanity.similarity import SIGNED, UNSIGNED

NAMES = ("c", "b", "a")  # from the output on
SPREAD = np.linspace(-0.01, 0.01, 20)


def values(of_layers: tuple[float, ...], repeats: tuple[float, ...]) -> NDArray[np.float64]:
    """`(layers, R, N)`, with what each re-initialisation adds."""
    parts = np.array(of_layers)[:, None, None] + np.array(repeats)[None, :, None]
    return np.asarray(parts + SPREAD)


def run(
    order: Order,
    maps: tuple[float, ...],
    logits: tuple[float, ...] = (0.0, 0.0, 0.0),
    *,
    repeats: tuple[float, ...] = (0.0, 0.0, 0.0),
    images: int = 20,
    chosen: bool = False,
) -> Randomisation:
    likeness, change = (values(each, repeats)[..., :images] for each in (maps, logits))
    return Randomisation(
        order=order,
        layers=NAMES,
        randomised=(1, 2, 3) if order == "cascading" else (1, 1, 1),
        chosen=chosen,
        similarity={UNSIGNED: likeness},
        logits=change,
        empty=np.zeros(likeness.shape, dtype=bool),
        first=torch.zeros(3, 3, 8, 8),
        made=Reinitialised((), ()),
        never_called=(),
    )


def single(*arguments: tuple[float, ...], images: int = 20) -> Finding:
    return judge_single_layers(run("independent", *arguments, images=images), 0.5, seed=0)


def test_the_cascade_is_judged_where_half_of_the_layers_are_random() -> None:
    found = judge_cascade(run("cascading", (0.9, 0.7, 0.1)), 0.5, seed=0)
    assert found.verdict == "failed"
    assert found.sentence.startswith("maps change little when the last 2 of 3 layers")
    chosen = judge_cascade(run("cascading", (0.9, 0.3, 0.1), chosen=True), 0.5, seed=0)
    assert chosen.verdict == "passed"
    assert chosen.sentence.startswith("maps change when the last 2 of 3 chosen layers")


@pytest.mark.parametrize(
    ("repeats", "verdict"), [((0.0, 0.01, -0.01), "passed"), ((0.0, 0.2, -0.2), "undecided")]
)
def test_what_varies_with_the_new_parameters_is_in_the_interval(
    repeats: tuple[float, ...], verdict: str
) -> None:
    found = judge_cascade(run("cascading", (0.4, 0.4, 0.4), repeats=repeats), 0.5, seed=0)
    assert found.verdict == verdict


def test_a_layer_that_hardly_changes_the_logits_is_not_judged() -> None:
    found = single((0.2, 0.9, 0.2), (0.1, 0.9, 0.1))
    assert found.verdict == "passed"
    assert (
        found.sentence == "maps change for each of the 2 layers that change the logits, of 3 tried"
    )
    numbers = dict(found.numbers)
    assert numbers["b"].value == pytest.approx(0.9)
    assert numbers["logits' rank correlation: b"].value == pytest.approx(0.9)
    deaf = single((0.2, 0.9, 0.2), (0.1, 0.1, 0.9))
    assert deaf.verdict == "failed"
    assert "when b alone is randomised (1 of the 2 layers" in deaf.sentence


def test_where_no_layer_changes_the_logits_nothing_follows() -> None:
    found = single((0.9, 0.9, 0.9), (0.8, 0.8, 0.8))
    assert found.verdict == "undecided"
    assert found.sentence.startswith("none of the 3 layers tried")
    few = single((0.9, 0.9, 0.9), images=5)
    assert few.verdict == "undecided"
    assert few.sentence.endswith("; 5 images are too few for an interval")


def test_what_is_not_decided_has_its_numbers() -> None:
    found = single((0.2, 0.5, 0.2))
    assert found.verdict == "undecided"
    assert "b (0.50, 95 % interval 0.50 to 0.50)" in found.sentence


@pytest.mark.parametrize(
    ("signed", "verdict", "sentence"),
    [
        (0.9, "failed", "maps change little with the class (similarity 0.90"),
        (0.0, "failed", "maps change little with the class (similarity 0.90"),
        (-0.9, "passed", "maps for other classes are the negative of the map"),
    ],
)
def test_maps_of_other_classes_may_differ_by_their_signs(
    signed: float, verdict: str, sentence: str
) -> None:
    """Of two classes that exclude each other, what speaks for one speaks against the other."""
    found = judge_classes({SIGNED: signed + SPREAD, UNSIGNED: 0.9 + SPREAD}, 0.5, seed=0)
    assert found.verdict == verdict
    assert found.sentence.startswith(sentence)


def test_three_logits_are_too_few_for_cosines() -> None:
    cosines = np.zeros((1, 20))
    found = judge_convergence(Convergence(("input",), cosines, logits=3), 0.5, seed=0)
    assert found.verdict == "not run"
    assert judge_convergence(Convergence(("input",), cosines, logits=4), 0.5, seed=0).numbers
