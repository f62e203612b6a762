"""Estimates and verdicts of `nie-theory` on samples whose answer is known, and the study, small."""

from collections.abc import Callable

import numpy as np
import pytest

from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.nie.simulation import RULES, Sample
from captum_rectgrad.studies.nie.theory import (
    TheoryConfig,
    claims,
    excess_kurtosis,
    pair_correlation,
    theory,
)
from captum_rectgrad.studies.result import Estimate

RNG = np.random.default_rng(0)


def sample(
    *, correlation: float = 0.0, tails: str = "normal", shared: float = 0.0, networks: int = 60
) -> Sample:
    size = (networks, 24)
    drawn = RNG.standard_normal(size) if tails == "normal" else RNG.laplace(size=size)
    near = correlation + 0.01 * RNG.standard_normal(networks)
    pairs = np.stack([shared + 0.01 * RNG.standard_normal(networks), np.ones(networks)], axis=1)
    return Sample(near, near, drawn, pairs)


def test_the_excess_kurtosis_of_a_gaussian_and_of_a_laplace_distribution() -> None:
    gaussian = excess_kurtosis(sample(), seed=0)
    assert gaussian.low < 0 < gaussian.high
    assert gaussian.count == 60
    assert excess_kurtosis(sample(tails="laplace"), seed=0).low > 1  # 3 in the limit


def test_the_correlation_of_pairs_is_a_ratio_of_means() -> None:
    pairs = np.array([[1.0, 2.0], [0.0, 6.0]])
    found = pair_correlation(Sample(np.zeros(2), np.zeros(2), np.zeros((2, 3)), pairs), seed=0)
    assert found.value == 1 / 8


def test_verdicts() -> None:
    maps = {
        "Saliency": sample(),
        "DeconvNet": sample(tails="laplace", shared=0.3),
        "Guided BP": sample(correlation=0.98),
    }
    signals = {"Saliency": sample(), "DeconvNet": sample(), "Guided BP": sample(shared=0.06)}
    found = {
        claim.text: claim.verdict
        for claim in claims(maps, signals, Estimate(0.97, 0.96, 0.98, 60), seed=0)
    }
    assert found["Guided backpropagation converges to the image"] == "holds"
    assert found["Saliency maps keep no information on the image"] == "holds"
    assert found["Values of Saliency maps are Gaussian"] == "holds"
    assert found["Pixels of Saliency maps are uncorrelated"] == "holds"
    assert found["Values of DeconvNet maps are Gaussian"] == "does not hold"
    assert found["Pixels of DeconvNet maps are uncorrelated"] == "does not hold"
    assert found["Backward signals of Saliency are uncorrelated"] == "holds"
    assert found["Backward signals of Guided BP are uncorrelated"] == "does not hold"


@pytest.mark.filterwarnings("ignore:the map of sample")
def test_the_study_has_a_row_for_each_size_and_rule(lab: Callable[..., Lab]) -> None:
    config = TheoryConfig(filters=(4, 32), widths=(16,), networks=12)
    result = theory(config, lab())
    assert len(result.rows) == 3 * len(RULES)
    guided = [row for row in result.rows if (row["of"], row["rule"]) == ("map", "Guided BP")]
    assert [row["size"] for row in guided] == ["filters 4", "filters 32"]
    numbers = [row["correlation with image or activations"] for row in guided]
    assert isinstance(numbers[0], Estimate)
    assert isinstance(numbers[1], Estimate)
    assert 0 < numbers[0].value < numbers[1].value < 1
