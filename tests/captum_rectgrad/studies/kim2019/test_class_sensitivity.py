"""The claims on class sensitivity, on made-up likenesses."""

import math

import numpy as np
import pytest

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements
from captum_rectgrad.studies.framework.result import Claim
from captum_rectgrad.studies.kim2019.attacks import MEASURES
from captum_rectgrad.studies.kim2019.class_sensitivity import claims, drop
from captum_rectgrad.studies.options import FINALS

FLIPPED = np.arange(200)[None] % 2 == 0
NOISE = np.random.default_rng(0).normal(0, 0.01, (3, 1, 200))
YES, NO, OPEN = "holds", "does not hold", "undecided"


def test_the_drop_by_hand() -> None:
    flipped = np.arange(40)[None] < 20
    numbers = np.where(flipped, 0.3, 0.9) + np.tile([-0.1, 0.1], 20)
    numbers[0, -1] = math.nan
    found = drop(numbers, flipped, seed=0)
    assert found.value == pytest.approx(0.6 - 0.1 / 19)
    assert found.count == 19
    assert 0.5 < found.low < found.high < 0.7


def claims_of(
    rectgrad: tuple[float, float],
    saliency: tuple[float, float],
    but: dict[str, tuple[float, float]] | None = None,
) -> list[Claim]:
    """From how alike maps are where the decision flipped and where it did not.

    Saliency has what `but` says for a measure.
    """
    values = {}
    for name in MEASURES:
        levels = (rectgrad, (but or {}).get(name, saliency), (0.0, 0.0))
        keys = ("rectgrad", "saliency", "random")
        values[name] = {
            key: np.where(FLIPPED, *alike) + noise
            for key, alike, noise in zip(keys, levels, NOISE, strict=True)
        }
    measured = MapMeasurements(choose_methods(["rectgrad", "saliency", "random"]), values)
    finals = FINALS[0], FINALS[-1]
    return claims({(final, 0.01): measured for final in finals}, {0.01: FLIPPED}, seed=0)


# It changes when the decision does; only then; as much as the other; beyond what it changes by
# anyway; where it changes little, so does the other.
@pytest.mark.parametrize(
    ("rectgrad", "saliency", "verdicts"),
    [
        ((0.2, 0.9), (0.6, 0.9), [YES, YES, YES, YES, OPEN]),
        ((0.6, 0.9), (0.2, 0.9), [YES, YES, NO, NO, NO]),
        # Its maps always change more, and no more when the decision does.
        ((0.2, 0.3), (0.6, 0.9), [YES, NO, YES, NO, OPEN]),
        # Equal is as much.
        ((0.9, 0.9), (0.9, 0.9), [OPEN, YES, YES, OPEN, YES]),
        # A little less, within the margin; and as much as the margin.
        ((0.62, 0.9), (0.6, 0.9), [YES, YES, YES, NO, YES]),
        ((0.65, 0.9), (0.6, 0.9), [YES, YES, OPEN, NO, YES]),
    ],
)
def test_claims(
    rectgrad: tuple[float, float], saliency: tuple[float, float], verdicts: list[str]
) -> None:
    found = claims_of(rectgrad, saliency)
    assert [claim.verdict for claim in found] == verdicts
    # A comparison also has the verdict without a final threshold.
    assert found[2].because.endswith(f"; none: {verdicts[2]}")


@pytest.mark.parametrize("name", MEASURES)
def test_no_measure_is_passed_over(name: str) -> None:
    found = claims_of((0.4, 0.9), (0.6, 0.9), but={name: (0.2, 0.9)})
    assert [claim.verdict for claim in found[2:4]] == [NO, NO]
    assert (
        f"{name}: does not hold (for 0 of 1 baselines), lowest for Saliency: -0."
        in found[2].because
    )
    assert (
        found[2].because.count(": holds (for 1 of 1 baselines), lowest for Saliency: 0.1")
        == len(MEASURES) - 1
    )


def test_figure_16_is_about_the_images_where_its_maps_stayed() -> None:
    found = claims_of((0.6, 0.9), (0.7, 0.9))[4]
    assert found.verdict == YES
    assert found.because.startswith("100 of 100 images with a similarity above 0.5")
    none = claims_of((0.3, 0.9), (0.7, 0.9))[4]
    assert none.because.startswith("0 of 100 images")
