from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.methods import methods
from captum_rectgrad.studies.framework.bounds import Bound
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    MapMeasurements,
    by_primary,
    channels_note,
    less_than,
    measure_maps,
    rows,
    similar,
)
from captum_rectgrad.studies.framework.result import Claim, Verdict
from captum_rectgrad.studies.options import Final

VERDICTS: dict[Final, Verdict] = {
    "pixels": "holds",
    "values": "undecided",
    "none": "does not hold",
}
GENERATOR = np.random.default_rng(0)
NOISE = GENERATOR.normal(size=200)


def measured(values: Mapping[str, object]) -> MapMeasurements:
    known = {method.key: method for method in methods()}
    arrays = {key: np.asarray(numbers, dtype=float) for key, numbers in values.items()}
    return MapMeasurements(tuple(known[key] for key in values), {"length": arrays})


def claim_of(values: Mapping[str, object]) -> tuple[str, str]:
    claim = less_than(
        measured(values), "length", "rectgrad", ["saliency", "deeplift"], "less", "here", seed=0
    )
    return claim.verdict, claim.because


def test_less_than_all_by_pairs() -> None:
    verdict, because = claim_of(
        {
            "saliency": 5 + 9 * NOISE,
            "deeplift": 3 + 9 * NOISE,
            "rectgrad": 2 + 9 * NOISE + 0.01 * NOISE[::-1],
        }
    )
    assert verdict == "holds"
    assert "length is 0.9998 lower than DeepLIFT's (" in because
    assert "not significantly lower" not in because


def test_a_baseline_without_a_higher_value_is_named() -> None:
    verdict, because = claim_of({"saliency": 5 + NOISE, "deeplift": NOISE[::-1], "rectgrad": NOISE})
    assert verdict == "undecided"
    assert "than DeepLIFT's (" in because
    verdict, because = claim_of({"saliency": 5 + NOISE, "deeplift": NOISE - 1, "rectgrad": NOISE})
    assert verdict == "does not hold"


def test_does_not_hold_is_corrected_for_the_number_of_baselines() -> None:
    # An interval of 95 % ends just below 0, one of 97.5 % does not.
    centred = NOISE - NOISE.mean()
    error = float(centred.std() / np.sqrt(len(centred)))
    behind = {"deeplift": centred - 2.1 * error, "rectgrad": np.zeros(200)}
    assert claim_of(behind)[0] == "does not hold"
    verdict, because = claim_of({"saliency": 5 + NOISE, **behind})
    assert verdict == "undecided"
    assert "judged with Holm's correction for 2 comparisons" in because


def test_without_methods_the_claim_is_undecided() -> None:
    assert claim_of({"rectgrad": NOISE})[0] == "undecided"
    assert claim_of({"saliency": NOISE})[0] == "undecided"
    assert claim_of({"saliency": NOISE, "rectgrad": np.full(200, np.nan)})[0] == "undecided"


HALF = Bound(0.5, 0, "similar", "of this test")


@pytest.mark.parametrize(
    ("gap", "verdict"),
    [(0.0, "holds"), (-0.4, "holds"), (0.5, "undecided"), (-0.6, "does not hold")],
)
def test_similar_is_within_a_margin_either_way(gap: float, verdict: str) -> None:
    values = {"rectgrad": NOISE, "deeplift": NOISE + gap + 0.1 * (NOISE[::-1] - NOISE.mean())}
    claim = similar(
        measured(values), "length", ("rectgrad", "deeplift"), HALF, "similar", "here", seed=0
    )
    assert claim.verdict == verdict
    assert "than DeepLIFT's (" in claim.because
    alone = measured({"rectgrad": NOISE})
    claim = similar(alone, "length", ("rectgrad", "deeplift"), HALF, "similar", "here", seed=0)
    assert claim.verdict == "undecided"


def test_methods_whose_channels_cancel_are_named() -> None:
    one = measured({"saliency": [1.0, 2.0], "rectgrad": [1.0, 2.0]})
    apart = {"saliency": np.array([1.0, 2.5]), "rectgrad": np.array([1.0, 2.0])}
    both = MapMeasurements(one.methods, {**one.values, "apart": apart})
    assert "in this run for: Saliency." in channels_note([both], "length", "apart")
    assert "in this run for: no method." in channels_note([both], "length", "length")


def test_rows_say_how_many_maps_have_a_measure_only_where_some_have_not() -> None:
    whole = rows(measured({"saliency": [1.0, 2.0, 6.0]}), 0, network="n")
    assert list(whole[0]) == ["network", "method", "length", "median length"]
    assert whole[0]["median length"] == 2.0
    part = rows(measured({"saliency": [1.0, 2.0], "rectgrad": [np.nan, 4.0]}), 0)
    assert [row["images with a length"] for row in part] == [2, 1]
    found = part[1]["length"]
    assert isinstance(found, Estimate)
    assert (found.value, found.count) == (4.0, 1)


def test_every_map_is_measured_once_with_its_index(context: Callable[..., StudyContext]) -> None:
    made = context("saliency", "random")
    network, data = made.network("plain"), made.images("test")
    assert made.finals == ("pixels", "values", "none")

    def index(maps: Tensor, images: slice) -> Tensor:
        assert maps.shape[::2] == (images.stop - images.start, 32)
        return torch.arange(images.start, images.stop).double()

    found = measure_maps(made, [network, network], [data.images] * 2, {"index": index})
    for measured in found.values():
        for key in ("saliency", "random"):
            assert measured.values["index"][key].tolist() == [list(range(20))] * 2


def test_networks_are_units_as_images_are() -> None:
    apart = np.array([[0.5], [1.0], [1.5]])  # of three networks, with no noise between images
    networks = measured({"saliency": NOISE + apart, "rectgrad": np.tile(NOISE, (3, 1))})
    claim = less_than(networks, "length", "rectgrad", ["saliency"], "less", "here", seed=0)
    # The mean of three networks has an error of 0.29 and two degrees of freedom: 1 +- 1.24.
    assert claim.verdict == "undecided"
    assert "1 lower than Saliency's (95 % interval -0.2421 to 2.242)" in claim.because
    assert claim.because.endswith("by network 0.5, 1, 1.5")
    (row, _) = rows(networks, 0)
    assert row["length, by network"] == ", ".join(f"{NOISE.mean() + x:.3g}" for x in (0.5, 1, 1.5))
    one = measured({"saliency": (NOISE + 0.5)[None], "rectgrad": NOISE[None]})
    claim = less_than(one, "length", "rectgrad", ["saliency"], "less", "here", seed=0)
    assert claim.verdict == "holds"
    assert "by network" not in claim.because


def test_an_image_without_a_value_for_one_network_counts_for_none() -> None:
    values = np.array([[1.0, np.nan, 3.0], [5.0, 6.0, 9.0]])
    (row,) = rows(measured({"saliency": values}), 0)
    assert row["length, by network"] == "2, 7"
    assert row["median length"] == 4
    assert row["images with a length"] == 2
    (row,) = rows(measured({"saliency": np.full((2, 3), np.nan)}), 0)
    assert row["length, by network"] == "not defined"


def test_a_claim_has_the_verdicts_of_all_final_thresholds() -> None:
    made = {final: Claim("less", "here", verdict, "1 lower") for final, verdict in VERDICTS.items()}
    (claim,) = by_primary({final: [one] for final, one in made.items()})
    assert claim.verdict == "holds"
    assert claim.because == (
        "1 lower. By final threshold of the baselines, the first is primary: 95th percentile of "
        "the pixels: holds; 95th percentile of the values of all channels: undecided; none: does "
        "not hold"
    )
    assert by_primary({"none": [made["none"]]}) == [made["none"]]
