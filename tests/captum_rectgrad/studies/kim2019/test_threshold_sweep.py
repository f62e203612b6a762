"""The sweep of thresholds: by hand, and against RectGrad written naively."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import kurtosis, skew
from torch import Tensor, nn

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019 import threshold_measurements as sweep
from captum_rectgrad.studies.kim2019.map_identities import CLAIM_2, identity_claim, identity_gaps
from captum_rectgrad.studies.kim2019.score_moments import KURTOSIS, SKEWNESS, score_moments
from captum_rectgrad.studies.kim2019.score_moments import moments as moments_of
from captum_rectgrad.studies.kim2019.threshold_claims import not_gaussian, ring, sparsity
from captum_rectgrad.studies.kim2019.threshold_measurements import Sweep, measure, title_of
from captum_rectgrad.studies.kim2019.threshold_sweep import ThresholdSweepConfig, threshold_sweep
from rectgrad_zoo.data.images import to_model_range
from tests.captum_rectgrad.studies.conftest import Tiny

# Four pixels of one channel; none is left of the last map.
FIRST = torch.tensor([[[[4.0, -2.0], [1.0, 1.0]]]])
LOW = torch.tensor([[[[-2.0, 4.0], [1.0, 0.0]]]])
HIGHER = torch.tensor([[[[0.0, 2.0], [0.0, 0.0]]]])
EMPTY = torch.zeros(1, 1, 2, 2)
Q = [title_of(q) for q in (10.0, 20.0, 98.0, 99.5)]
MAPS = {sweep.TAU: FIRST, Q[0]: FIRST, Q[1]: LOW, Q[2]: HIGHER, Q[3]: EMPTY}


def by_title(name: str) -> list[float]:
    found = sweep.on_maps(MAPS)[name]
    assert list(found) == list(MAPS)
    return [value.item() for value in found.values()]


def test_what_is_left_by_hand() -> None:
    assert by_title(sweep.NOT_ZERO) == [1.0, 1.0, 0.75, 0.25, 0.0]
    assert by_title(sweep.ENERGY) == [1.0, 1.0, 7 / 8, 2 / 8, 0.0]
    assert by_title(sweep.EMPTY) == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_cancelling_channels_are_zero_pixels_but_not_an_empty_map() -> None:
    maps = torch.cat([FIRST, -FIRST], dim=1)
    found = sweep.on_maps({sweep.TAU: FIRST.repeat(1, 2, 1, 1), Q[1]: maps})
    assert found[sweep.NOT_ZERO][Q[1]].item() == 0
    assert found[sweep.EMPTY][Q[1]].item() == 0


def test_similarity_of_attacked_maps_by_hand() -> None:
    # The highest tenth of four pixels is one: the first, the first, the second, the second.
    assert by_title(sweep.OVERLAP_TAU)[:4] == [1.0, 1.0, 0.0, 0.0]
    assert by_title(sweep.OVERLAP_REFERENCE)[:4] == [0.0, 0.0, 1.0, 1.0]
    lower = by_title(sweep.OVERLAP_LOWER)
    assert lower[2:4] == [0.0, 1.0]
    assert math.isnan(lower[0])
    assert math.isnan(lower[1])  # there is no lower q
    assert math.isnan(lower[4])  # nothing is left
    # Ranks 4, 1, 2.5, 2.5 and 1, 4, 3, 2: products of the centred sum to -4.5.
    expected = -4.5 / math.sqrt(4.5 * 5)
    assert by_title(sweep.RANK_TAU)[2] == pytest.approx(expected)
    assert by_title(sweep.RANK_REFERENCE)[0] == pytest.approx(expected)
    assert by_title(sweep.RANK_LOWER)[2] == pytest.approx(expected)


def test_measures_beside_other_maps_by_hand() -> None:
    # Two channels of 3 x 3: 6 at the centre, -1 and 2 in the ring; the first pixel is negative.
    found = torch.zeros(1, 2, 3, 3)
    found[0, :, 1, 1] = torch.tensor([4.0, 2.0])
    found[0, 0, 0, 0], found[0, 1, 0, 1] = -1.0, 2.0
    maps = {sweep.TAU: found, Q[2]: found.clone()}
    values = sweep.beside_others(maps, -found, {Q[2]: found[:, :, :, [1, 0, 2]]})
    assert {name: [v.item() for v in one.values()] for name, one in values.items()} == {
        sweep.POSITIVE: [pytest.approx(2 / 9)] * 2,
        sweep.RANK_GUIDED: [pytest.approx(-1)] * 2,
        sweep.RING: [pytest.approx(3 / 9)] * 2,
        # The centre is now in the ring, and the pixel of 2 too.
        sweep.RING_NO_TRICK: [pytest.approx(math.nan, nan_ok=True), pytest.approx(1.0)],
    }


def test_moments_of_the_scores_that_are_not_zero_by_hand() -> None:
    scores = torch.tensor([[0.0, 1, -1, 1, -1, 0], [0, 0, 0, 3, 0, 0], [1, 1, 1, 0, 5, 0]])
    found = moments_of(scores)
    # 1, 1, 1, 5: deviations of -1, -1, -1, 3; the mean square is 3, of cubes 6, of fourths 21.
    assert found[SKEWNESS][[0, 2]].tolist() == pytest.approx([0, 6 / 3**1.5])
    assert found[KURTOSIS][[0, 2]].tolist() == pytest.approx([-2, 21 / 9 - 3])
    assert found[KURTOSIS][1].isnan()


def naive_scores(
    network: nn.Sequential, x: Tensor, target: int, percentile: float
) -> list[NDArray[np.float64]]:
    """The scores of a net of two dense layers, one image, from the definition."""
    one, two, three = (layer for layer in network if isinstance(layer, nn.Linear))
    first = one(x).clamp(min=0)
    second = two(first).clamp(min=0)
    arrived = three.weight[target]
    last_scores = (second * arrived).detach().numpy()
    threshold = np.percentile(last_scores, percentile, method="nearest")
    passed = np.where(last_scores > threshold, arrived.detach().numpy(), 0)
    return [first.detach().numpy() * (passed @ two.weight.detach().numpy()), last_scores]


def test_zero_thresholds_and_scores_written_naively() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 4)
    ).double()
    inputs, targets = torch.rand(3, 6, dtype=torch.float64), torch.tensor([2, 0, 3])
    found = sweep.layers_at_zero(network, inputs, targets)
    assert found.layers == ("ReLU after '0'", "ReLU after '2'")
    titles = [sweep.TAU, *(title_of(q) for q in sweep.PERCENTILES)]
    assert found.thresholds[0].all()  # tau = 0
    seen = set()
    for percentile in (0.0, 20.0, 40.0, 90.0):
        title = title_of(percentile)
        for number in range(3):
            scores = naive_scores(network, inputs[number], int(targets[number]), percentile)
            zero = [np.percentile(s, percentile, method="nearest") == 0 for s in scores]
            seen |= set(zero)
            assert found.thresholds[titles.index(title), :, number].tolist() == zero
            assert found.shares[sweep.THRESHOLDS][title][number].item() == np.mean(zero)
            expected = np.mean([np.mean(s == 0) for s in scores])
            assert found.shares[sweep.SCORES][title][number].item() == pytest.approx(expected)
    assert seen == {True, False}


def test_moments_of_each_layer_written_naively() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(6, 60), nn.ReLU(), nn.Linear(60, 90), nn.ReLU(), nn.Linear(90, 4)
    ).double()
    inputs, targets = torch.rand(3, 6, dtype=torch.float64), torch.tensor([2, 0, 3])
    found = score_moments(network, inputs, targets)
    assert list(found) == ["ReLU after '0'", "ReLU after '2'"]
    for number in range(3):
        scores = naive_scores(network, inputs[number], int(targets[number]), 98.0)
        for layer, values in zip(found.values(), scores, strict=True):
            used = values[values != 0]
            assert layer[KURTOSIS][number].item() == pytest.approx(kurtosis(used))
            assert layer[SKEWNESS][number].item() == pytest.approx(skew(used))


def test_a_gaussian_at_one_layer_is_enough_against_the_footnote() -> None:
    drawn = np.random.default_rng(0)
    heavy = moments_of(torch.from_numpy(drawn.laplace(size=(40, 2000))))
    normal = moments_of(torch.from_numpy(drawn.normal(size=(40, 2000))))
    assert not_gaussian({"one": heavy, "two": heavy}, 0).verdict == "holds"
    assert not_gaussian({"one": heavy, "two": normal}, 0).verdict == "does not hold"


@pytest.mark.parametrize(
    ("left", "verdicts"),
    [
        (0.35, ("does not hold", "holds")),
        (0.052, ("holds", "holds")),
        (0.01, ("does not hold",) * 2),
    ],
)
def test_sparsity_beside_thresholded_baselines(left: float, verdicts: tuple[str, str]) -> None:
    found = sparsity(Estimate(left, left - 0.001, left + 0.001, 100))
    assert tuple(claim.verdict for claim in found) == verdicts


def test_a_ring_that_the_padding_trick_erases_is_fainter() -> None:
    shares = np.random.default_rng(0).uniform(0.05, 0.15, 50)
    assert ring(shares, shares * 1.1, 0)[0].verdict == "holds"
    assert ring(shares * 0.1, shares, 0)[0].verdict == "does not hold"


def _keep_positive(_: nn.Module, gradients: Any, __: object) -> tuple[Tensor]:
    return (gradients[0].clamp(min=0),)


def test_at_tau_zero_it_is_guided_backprop_times_input(
    exact_context: Callable[..., StudyContext],
) -> None:
    made = exact_context()
    network, data = made.network("plain"), made.images("test")
    targets = made.predictions(network, data.images)
    assert identity_gaps(CLAIM_2, made, [network], data.images, [targets]).max() < 1e-6
    # Written once more: the gradient, of active units and positive alone.
    inputs = to_model_range(data.images[:2]).requires_grad_()
    hooks = [
        module.register_full_backward_hook(_keep_positive)
        for module in network.model.modules()
        if isinstance(module, nn.ReLU)
    ]
    logits = network.model(inputs)[torch.arange(2), targets[:2]]
    (gradient,) = torch.autograd.grad(logits.sum(), inputs)
    for hook in hooks:
        hook.remove()
    column = sweep._column("", tau=0.0, padding_trick=False, final_threshold=True)
    maps = made.few_maps(column, network, data.images[:2], targets[:2])
    torch.testing.assert_close(maps, (gradient * inputs).clamp(min=0).detach())


def test_an_identity_is_judged_by_its_largest_gap() -> None:
    equal = np.full(1000, 1e-7)
    assert identity_claim(CLAIM_2, equal).verdict == "holds"
    # One image of a thousand: the mean would not see it.
    equal[17] = 1e-3
    broken = identity_claim(CLAIM_2, equal)
    assert broken.verdict == "does not hold"
    assert "largest difference of all images" in broken.because
    assert "0.001" in broken.because


def test_the_sweep_does_not_depend_on_batches(exact_context: Callable[..., StudyContext]) -> None:
    found: list[Sweep] = []
    for size in (3, 20):
        made = replace(exact_context(), batch_size=size)
        network, data = made.network("plain"), made.images("test", 8)
        found.append(measure(made, network, data.images, data.labels))
    for name, values in found[0].values.items():
        for title, numbers in values.items():
            assert len(numbers) == 8
            np.testing.assert_allclose(numbers, found[1].values[name][title], atol=1e-4)
    np.testing.assert_allclose(found[0].at_zero, found[1].at_zero)


def test_rows_and_figure(context: Callable[..., StudyContext]) -> None:
    result = threshold_sweep(ThresholdSweepConfig(images=6, drawn=2), context())
    titles = [column.title for column in sweep.thresholds()]
    assert [row["threshold"] for row in result.rows] == titles
    first = result.rows[0]
    energy, zero = first["energy"], first["thresholds at zero"]
    assert isinstance(energy, Estimate)
    assert isinstance(zero, Estimate)
    assert (energy.value, energy.count) == (1.0, 6)
    assert math.isnan(energy.low)  # of six images
    # Of six proportions that are 1 the interval is the exact one.
    assert (zero.value, zero.high) == (1.0, 1.0)
    assert zero.low == pytest.approx(0.025 ** (1 / 6))
    assert first["empty maps"] == 0
    assert first["thresholds at zero, ReLU after 'conv1'"] == 1.0
    block = result.figure.axes[0]
    assert [label.get_text() for label in block.get_xticklabels()] == titles
    captions = [label.get_text() for label in block.get_yticklabels()]
    assert len(captions) == 2
    assert captions[0] == captions[1]
    assert captions[0] in Tiny.classes
