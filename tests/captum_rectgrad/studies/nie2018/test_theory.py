"""Estimates and verdicts of `nie-theory` on samples whose answer is known, and the study, small."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kurtosis, skew

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.framework.bounds import SKEWED
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.nie2018.moments import (
    excess_kurtosis,
    mean_over_size,
    of_its_own_image,
    pair_correlation,
    relative_variance,
    skewness,
)
from captum_rectgrad.studies.nie2018.random_networks import random_dense
from captum_rectgrad.studies.nie2018.simulation import (
    RULES,
    Sample,
    simulate_maps,
    simulate_signals,
)
from captum_rectgrad.studies.nie2018.theory import SHARED, TheoryConfig, claims, theory

RNG = np.random.default_rng(0)


def sample(
    *,
    correlation: float = 0.0,
    tails: str = "normal",
    shared: float = 0.0,
    center: float = 0.0,
    networks: int = 60,
) -> Sample:
    size = (networks, 24)
    drawn = RNG.standard_normal(size) if tails == "normal" else RNG.laplace(size=size)
    near = correlation + 0.01 * RNG.standard_normal(networks)
    product = shared + center**2 + 0.01 * RNG.standard_normal(networks)
    pairs = np.stack([product, np.ones(networks), np.full(networks, center)], axis=1)
    far = 0.01 * RNG.standard_normal(networks)
    return Sample(near, far, near, drawn, pairs)


def test_the_excess_kurtosis_of_a_gaussian_and_of_a_laplace_distribution() -> None:
    gaussian = excess_kurtosis(sample(), seed=0)
    assert gaussian.low < 0 < gaussian.high
    assert gaussian.count == 60
    assert excess_kurtosis(sample(tails="laplace"), seed=0).low > 1  # 3 in the limit


def test_moments_of_all_values_together_are_scipys() -> None:
    leaning = replace(sample(), values=RNG.gamma(3, size=(60, 24)))
    assert skewness(leaning, seed=0).value == pytest.approx(skew(leaning.values, axis=None))
    assert excess_kurtosis(leaning, 0).value == pytest.approx(kurtosis(leaning.values, axis=None))


def test_what_leans_or_has_another_variance_is_no_standard_gaussian() -> None:
    gaussian = sample(networks=200)
    leaning = RNG.gamma(16, size=(200, 24))  # skewness 0.5, excess kurtosis 0.375
    assert skewness(replace(gaussian, values=leaning), seed=0).low > SKEWED.value
    half = replace(gaussian, pairs=gaussian.pairs * [1, 0.5, 1])
    assert relative_variance(half, seed=0).value == pytest.approx(0.5)

    def verdict(of: Sample, text: str = "Values of Saliency maps are standard Gaussian") -> str:
        maps = dict.fromkeys(RULES, of)
        judged = claims({64: maps}, {32: maps}, Estimate(1, 1, 1, 9), seed=0)
        found = {claim.text: claim.verdict for claim in judged}
        return found[text]

    assert verdict(gaussian) == "holds"
    assert verdict(replace(gaussian, values=leaning)) == "does not hold"
    assert verdict(half) == "does not hold"
    double = replace(gaussian, pairs=gaussian.pairs * [1, 2, 1])
    appendix = "Saliency maps have the variance that appendix C derives"
    assert [verdict(of, appendix) for of in (gaussian, double)] == ["does not hold", "holds"]


def test_the_correlation_of_pairs_is_a_ratio_of_means() -> None:
    pairs = np.array([[1.0, 2.0, 0.5], [0.0, 6.0, -0.1]])
    none = np.zeros(2)
    found = pair_correlation(Sample(none, none, none, np.zeros((2, 3)), pairs), seed=0)
    assert found.value == pytest.approx((0.5 - 0.04) / (4 - 0.04))
    assert mean_over_size(Sample(none, none, none, none, pairs), 0).value == pytest.approx(0.1)


def test_similarity_to_the_own_image_ignores_the_sign() -> None:
    # A map is the image or its negative: the signed mean is 0, and it shows all of it.
    signs = np.where(np.arange(40) % 2, 1.0, -1.0)
    shows = Sample(signs, 0.1 * signs, signs, RNG.standard_normal((40, 24)), np.ones((40, 3)))
    assert of_its_own_image(shows, seed=0).value == pytest.approx(0.9)


def test_verdicts() -> None:
    maps = {
        "Saliency": sample(),
        "DeconvNet": sample(tails="laplace", shared=0.3),
        "Guided BP": sample(correlation=0.98),
    }
    guided = sample(correlation=0.3, center=0.2)
    signals = {"Saliency": sample(), "DeconvNet": sample(), "Guided BP": guided}
    limit = Estimate(0.97, 0.96, 0.98, 60)
    judged = claims({64: maps}, {32: signals}, limit, seed=0)
    found = {claim.text: claim.verdict for claim in judged}
    assert found["Guided backpropagation converges to the image"] == "holds"
    assert found["Saliency maps keep no information on the image"] == "holds"
    assert found["Values of Saliency maps are standard Gaussian"] == "holds"
    assert found["Pixels of Saliency maps are uncorrelated"] == "holds"
    assert found["Values of DeconvNet maps are standard Gaussian"] == "does not hold"
    assert found["Pixels of DeconvNet maps are uncorrelated"] == "does not hold"
    assert found["Backward signals of Saliency are uncorrelated"] == "holds"
    assert found["Backward signals of Guided BP are uncorrelated"] == "holds"
    assert found["Backward signals of Guided BP have mean 0"] == "does not hold"
    of = "do not depend on the forward pass"
    assert found[f"Backward signals of Guided BP {of}"] == "does not hold"
    assert found[f"Backward signals of DeconvNet {of}"] == "holds"


def test_what_still_rises_may_yet_arrive() -> None:
    limit = Estimate(1, 1, 1, 60)
    signals = {8: dict.fromkeys(RULES, sample())}

    def first(*correlations: float) -> str:
        maps = {
            4**n: {**dict.fromkeys(RULES, sample()), "Guided BP": sample(correlation=value)}
            for n, value in enumerate(correlations)
        }
        return claims(maps, signals, limit, seed=0)[0].verdict

    assert first(0.5, 0.8) == "undecided"
    assert first(0.8, 0.8) == "does not hold"
    assert first(0.8, 0.98) == "holds"


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_the_study_has_a_row_for_each_size_and_rule(context: Callable[..., StudyContext]) -> None:
    config = TheoryConfig(filters=(4, 32), widths=(16,), networks=12)
    result = theory(config, context())
    assert len(result.rows) == 3 * len(RULES)
    guided = [row for row in result.rows if (row["of"], row["rule"]) == ("map", "Guided BP")]
    assert [row["size"] for row in guided] == ["filters 4", "filters 32"]
    numbers = [row["correlation with image or activations"] for row in guided]
    assert isinstance(numbers[0], Estimate)
    assert isinstance(numbers[1], Estimate)
    assert 0 < numbers[0].value < numbers[1].value < 1


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_what_the_notes_say_of_pixels_and_signals(context: Callable[..., StudyContext]) -> None:
    images = model_inputs(context().images("test").images)
    deconvnet = simulate_maps(32, images, 60, seed=0)["DeconvNet"]
    apart = pair_correlation(deconvnet, seed=0)
    assert apart.low < SHARED < apart.high
    size = np.sqrt(deconvnet.pairs[:, 1].mean())
    assert abs(size - 1) < 0.15  # the theory's standard deviation is 1
    guided = simulate_signals(64, images, 60, seed=0)["Guided BP"]
    assert abs(pair_correlation(guided, seed=0).value) < 0.02
    assert mean_over_size(guided, seed=0).low > 0.1


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_signals_are_the_gradient_at_the_first_layer_by_hand(
    context: Callable[..., StudyContext],
) -> None:
    images = model_inputs(context().images("test", 2).images)
    found = simulate_signals(16, images, 2, seed=0)["Saliency"]
    for number, image in enumerate(images):
        x = image.flatten()
        generator = torch.Generator().manual_seed(derived_seed(0, "width", 16, number))
        weights = [w.detach() for w in random_dense(16, len(x), generator).parameters()]
        h1 = (weights[0] @ x).clamp(min=0)
        h2 = (weights[1] @ h1).clamp(min=0)
        h3 = (weights[2] @ h2).clamp(min=0)
        signal = weights[1].T @ ((weights[2].T @ (weights[3][0] * (h3 > 0))) * (h2 > 0))
        expected = signal.double().numpy() / np.sqrt((signal.double().numpy() ** 2).mean())
        np.testing.assert_allclose(found.values[number], expected, rtol=1e-3, atol=1e-4)
        products = [a * b for a, b in itertools.permutations(expected, 2)]
        moments = [np.mean(products), 1, expected.mean()]
        np.testing.assert_allclose(found.pairs[number], moments, atol=1e-4)
        own = np.corrcoef(expected, h1.numpy())[0, 1]
        assert found.with_input[number] == pytest.approx(own, abs=1e-4)
