"""Hand-computed answers, and a count written naively."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from captum_rectgrad.evaluation.intervals import proportion
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import judged_above
from captum_rectgrad.studies.kim2019.convolutions import convolution_activations
from captum_rectgrad.studies.kim2019.feature_maps import (
    RING,
    RING_AREA,
    active_share,
    apart,
    largest_in_ring,
    measure,
    mosaic,
    verdict_on,
    verdict_on_majority,
    verdict_on_ring,
)
from rectgrad_zoo.data.images import to_model_range

NOISE = np.random.default_rng(0).normal(size=100)


def test_active_units_by_hand() -> None:
    values = torch.zeros(2, 2, 2, 2)
    values[0, 0] = torch.tensor([[3.0, 0.0], [1.0, -1.0]])
    values[0, 1] = torch.tensor([[0.0, 2.0], [0.5, 0.0]])
    left = torch.tensor([[True, False], [True, False]])
    region = torch.stack([left, torch.zeros(2, 2, dtype=torch.bool)])
    found = active_share(values, region)
    assert found[0].item() == 3 / 4
    assert found[1].isnan()
    assert active_share(values, ~region).tolist() == [1 / 4, 0.0]


def test_every_layer_counted_naively(context: Callable[..., StudyContext]) -> None:
    made = context()
    model, data = made.network("plain").model, made.masked()
    inputs = to_model_range(data.images)
    layers = convolution_activations(model, inputs[:1])
    found = measure(made, model, layers, data)
    assert list(found) == ["conv1", "conv2", "conv3", "conv4"]
    with torch.no_grad():
        hidden = model.get_submodule("relu1")(model.get_submodule("conv1")(inputs))
        hidden = model.get_submodule("relu2")(model.get_submodule("conv2")(hidden))
        pooled = model.get_submodule("pool1")(hidden)
        third = model.get_submodule("relu3")(model.get_submodule("conv3")(pooled))
    for i in (0, 6, 7, 19):  # of the first batch of 7, of the second, and the last
        active: dict[bool, list[bool]] = {True: [], False: []}
        for row, column in itertools.product(range(32), range(32)):
            active[bool(data.masks[i, row, column])] += (hidden[i, :, row, column] > 0).tolist()
        assert found["conv2"]["object"][i] == pytest.approx(np.mean(active[True]), abs=1e-4)
        assert found["conv2"]["background"][i] == pytest.approx(np.mean(active[False]), abs=1e-4)
        # At half the resolution four pixels share a position.
        active = {True: [], False: []}
        for row, column in itertools.product(range(16), range(16)):
            covered = data.masks[i, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].sum() >= 2
            active[bool(covered)] += (third[i, :, row, column] > 0).tolist()
        assert found["conv3"]["object"][i] == pytest.approx(np.mean(active[True]), abs=1e-3)


def test_the_ring_by_hand() -> None:
    values = torch.zeros(4, 2, 4, 5)
    values[0, 1, 0, 2], values[0, 0, 2, 2] = 3, 2  # of all channels the largest counts
    values[1, 0, 1, 3] = 1
    values[2, 1, 2, 4] = 1
    inside, area = largest_in_ring(values)
    assert inside[:3].tolist() == [1, 0, 1]
    assert inside[3].isnan()  # all are zero
    assert area == 14 / 20


@pytest.mark.parametrize(
    ("often", "verdict"),
    [
        ((0.4, 0.2), "holds"),
        ((0.1, 0.1), "does not hold"),
        ((0.25, 0.1), "undecided"),
        ((0.297, 0.1), "undecided"),  # above 0.25 at 95 %, not with the correction
    ],
)
def test_high_at_any_layer_is_enough(often: tuple[float, float], verdict: str) -> None:
    shares = {
        f"conv{number}": {
            RING: (np.arange(400) < round(400 * share)).astype(float),
            RING_AREA: np.full(400, 0.25),
        }
        for number, share in enumerate(often)
    }
    assert verdict_on_ring(shares).verdict == verdict
    assert judged_above(proportion(shares["conv0"][RING]), 0.25) == (
        "holds" if often[0] > 0.29 else "does not hold" if often[0] < 0.2 else "undecided"
    )


def test_differences_by_hand() -> None:
    found = {"object": np.array([0.3, 0.0, 0.5]), "background": np.array([0.1, 0.0, np.nan])}
    assert apart(found, relative=False)[:2].tolist() == pytest.approx([0.2, 0.0])
    relative = apart(found, relative=True)
    assert relative[0] == pytest.approx(1.0)
    assert np.isnan(relative[1:]).all()


def test_small_is_judged_in_both_ways() -> None:
    # A difference of 0.03 is within 0.05 of all units, but 30 % of those that are active.
    sparse = {"object": 0.115 + 0.001 * NOISE, "background": 0.085 + 0.001 * NOISE[::-1]}
    same = {"object": 0.5 + 0.01 * NOISE, "background": 0.5 + 0.01 * NOISE[::-1]}
    shares = {"conv1": same, "conv2": sparse}
    assert verdict_on(shares, 0, relative=False).verdict == "holds"
    assert verdict_on({"conv1": same}, 0, relative=True).verdict == "holds"
    relative = verdict_on(shares, 0, relative=True)
    assert relative.verdict == "does not hold"
    assert "conv2 0.2998 (0.29" in relative.because


def test_a_majority_is_needed_in_each_region_of_each_layer() -> None:
    few, many = 0.2 + 0.01 * NOISE, 0.7 + 0.01 * NOISE
    found = verdict_on_majority({"conv1": {"object": few, "background": few}}, 0)
    assert found.verdict == "holds"
    shares = {
        "conv1": {"object": few, "background": few},
        "conv2": {"object": few, "background": many},
    }
    found = verdict_on_majority(shares, 0)
    assert found.verdict == "does not hold"
    assert "lowest at conv2 background: 0.29" in found.because


def test_a_mosaic_of_channels() -> None:
    values = torch.zeros(6, 2, 3)
    values[1] = torch.tensor([[2.0, 4.0, 0.0], [-1.0, 0.0, 1.0]])
    values[4, 0, 0] = 7.0
    found = mosaic(values)
    assert found.shape == (11, 15)
    assert found[:2, 4:7].tolist() == [[0.5, 1.0, 0.0], [0.0, 0.0, 0.25]]
    assert found[3, 0].item() == 1.0
    assert found[2].isnan().all()  # between the lines
    assert found[3:5, 8:].isnan().all()  # there is no seventh channel
