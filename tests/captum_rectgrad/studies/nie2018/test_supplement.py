"""The studies of the supplement's figures, small, and their parts by hand."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.sanity.randomisation import Randomisation
from captum_rectgrad.sanity.reinitialisation import Reinitialised
from captum_rectgrad.sanity.similarity import IMAGE, UNSIGNED
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.nie2018 import edges, layers, maps, percentiles
from captum_rectgrad.studies.nie2018.trained_and_untrained import (
    METHODS,
    inputs_of,
    networks,
    predicted,
)
from rectgrad_zoo.data.images import to_model_range
from tests.captum_rectgrad.studies.conftest import Tiny

pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")
TITLES = [method.title for method in METHODS]


def test_edges_are_differences_to_the_left() -> None:
    x = torch.tensor([[[[1.0, 4.0, 2.0], [0.0, 0.0, 5.0]]]])
    assert edges.vertical_edges(x).tolist() == [[[[0, 3, -2], [0, 0, 5]]]]


def test_the_edge_detector_is_a_method(context: Callable[..., StudyContext]) -> None:
    made = context()
    inputs = inputs_of(made, 3)
    model = made.network("plain").model
    found = attribute(edges.EDGE_DETECTOR, model, inputs, torch.zeros(3).long())
    assert torch.equal(found, edges.vertical_edges(inputs))


def test_the_untrained_network_shares_no_weights(context: Callable[..., StudyContext]) -> None:
    made = context()
    models = networks(made, inputs_of(made, 2))
    trained, untrained = (models[name][0].state_dict() for name in ("trained", "untrained"))
    assert not any(torch.equal(trained[key], untrained[key]) for key in trained)


def test_predictions_are_the_largest_logits(context: Callable[..., StudyContext]) -> None:
    made = context()
    inputs, model = inputs_of(made, 5), made.network("plain").model
    assert predicted(model, inputs, batch_size=2).tolist() == model(inputs).argmax(1).tolist()


def test_maps_has_a_row_for_each_network_and_rule(context: Callable[..., StudyContext]) -> None:
    result = maps.maps(maps.MapsConfig(images=10, drawn=1), context())
    assert [(row["network"], row["method"]) for row in result.rows] == [
        (network, title) for network in ("trained", "untrained") for title in TITLES
    ]
    recovered = {row["method"]: row["correlation with the image"] for row in result.rows[5:]}
    guided, saliency = recovered["Guided BP"], recovered["Saliency"]
    assert isinstance(guided, Estimate)
    assert isinstance(saliency, Estimate)
    assert guided.low > saliency.high
    assert len(result.figure.axes) > 0


def test_claims_on_maps_compare_with_saliency() -> None:
    noise = np.random.default_rng(0).normal(size=30) / 100

    def values(like: float, recovered: float) -> dict[str, np.ndarray]:
        return {UNSIGNED: like + noise, IMAGE: recovered + noise[::-1]}

    found = {("trained", title): values(0.2, 0.1) for title in TITLES}
    found["trained", "Guided BP"] = values(0.9, 0.0)
    verdicts = {claim.text: claim.verdict for claim in maps.claims(found, seed=0)}
    of = "than saliency (trained network)"
    assert verdicts[f"Guided BP is less class-sensitive {of}"] == "holds"
    assert verdicts[f"Guided BP recovers the image more {of}"] == "does not hold"
    assert verdicts[f"DeconvNet is less class-sensitive {of}"] != "holds"


def test_edges_compares_both_networks(context: Callable[..., StudyContext]) -> None:
    result = edges.edges(edges.EdgesConfig(images=3), context())
    assert len(result.rows) == 2 * len(TITLES)
    assert all(isinstance(row[edges.LIKE], Estimate) for row in result.rows)
    assert [claim.source for claim in result.claims][1] == "not in the paper"
    assert "of 20 images with masks" in result.claims[2].because
    without = replace(context(), study_data=Lacking())
    assert len(edges.edges(edges.EdgesConfig(images=3), without).claims) == 2


@dataclass(frozen=True)
class Lacking(Tiny):
    has_masks = False


def test_the_background_of_edges_written_naively(context: Callable[..., StudyContext]) -> None:
    made = context()
    data, model = made.masked(), made.network("plain").model
    guided, of_edges = edges.off_the_object(made, [model, model], data)
    assert guided.shape == of_edges.shape == (2, 20)
    pixels = to_model_range(data.images).double().numpy()
    for image, mask, share in zip(pixels, data.masks.numpy(), of_edges[1], strict=True):
        sums = np.abs(np.diff(image, axis=2).sum(axis=0))
        assert share == pytest.approx(sums[~mask[:, 1:]].sum() / sums.sum(), abs=1e-5)
    # A map of the object alone: nothing is off it.
    whole = replace(data, masks=torch.ones_like(data.masks))
    assert not edges.off_the_object(made, [model], whole)[0].any()


def test_layers_goes_through_all_of_them_both_ways(context: Callable[..., StudyContext]) -> None:
    result = layers.layers(layers.LayersConfig(images=2, steps=3, repeats=2), context())
    assert len(result.rows) == 2 * 3 * len(TITLES)
    first = result.rows[:3]
    assert [row["layer"] for row in first] == ["fc2", "conv4", "conv1"]
    assert [row["random layers"] for row in first] == [1, 3, 6]
    alone = [row for row in result.rows if row["random"] == layers.ORDERS["independent"]]
    assert {row["random layers"] for row in alone} == {1}


@pytest.mark.bitwise("both variants have the same backward signals")
def test_percentiles_checks_both_variants_beside_the_plain_methods(
    context: Callable[..., StudyContext],
) -> None:
    config = percentiles.PercentilesConfig(images=3, percentiles=(50.0, 98.0))
    result = percentiles.percentiles(config, context())
    assert [(row["method"], row["q"]) for row in result.rows] == [
        ("Saliency", ""),
        ("Gradient * Input", ""),
        *((title, q) for title in percentiles.VARIANTS for q in ("50", "98")),
    ]
    assert len(result.claims) == 7
    cosine = "absolute cosine of two random backward signals at the input"
    # The multiplication comes after it. Compared as text: three images have no interval (NaN).
    assert repr(result.rows[2][cosine]) == repr(result.rows[4][cosine])


def test_percentiles_are_judged_at_the_papers() -> None:
    high, low = np.full(20, 0.8) + np.arange(20) / 1000, np.arange(20) / 1000

    def checks(half: np.ndarray, image: np.ndarray) -> percentiles.Checks:
        each = np.stack([half, half])
        return percentiles.Checks(each, each, half, image, half, low)

    found: dict[tuple[str, float | None], percentiles.Checks] = {
        ("RectGrad", 80.0): checks(low, high),
        ("RectGrad", 98.0): checks(high, low),
        ("Saliency", None): checks(low, low),
        ("Gradient * Input", None): checks(low, high),
    }
    verdicts = {claim.text: claim.verdict for claim in percentiles.claims(found, seed=0)}
    assert verdicts == {
        "RectGrad ignores the later layers": "holds",
        "RectGrad hardly depends on the class": "holds",
        "RectGrad recovers the image more than Gradient * Input": "does not hold",
        "RectGrad's backward signal converges to one direction": "holds",
    }


def test_section_g_compares_convolutions_with_dense_layers_and_with_each_other(
    context: Callable[..., StudyContext],
) -> None:
    names = ("fc2", "fc1", "conv4", "conv3", "conv2", "conv1")
    likeness = np.array([0.9, 0.8, 0.3, 0.2, 0.2, 0.5])[:, None, None] + np.zeros((3, 20))
    run = Randomisation(
        order="independent",
        layers=names,
        randomised=(1,) * 6,
        chosen=False,
        similarity={UNSIGNED: likeness + np.arange(20) / 1000},
        logits=np.zeros((6, 3, 20)),
        empty=np.zeros((6, 3, 20), dtype=bool),
        first=torch.zeros(6, 3, 32, 32),
        made=Reinitialised((), ()),
        never_called=(),
    )
    model = context().network("plain").model
    found = layers.claims({"Guided BP": run, "NoBias RectGrad": run}, model, seed=0)
    assert [claim.verdict for claim in found] == ["holds", "does not hold"] * 2
    assert "randomised: 0.55" in found[0].because
    # The values of conv1 to conv4 are 0.5, 0.2, 0.2, 0.3: the first step is down.
    assert "lowest for conv2 minus conv1: -0.3 (" in found[1].because
    assert "Holm's correction for 3 comparisons" in found[1].because
    rising = np.array([0.9, 0.8, 0.6, 0.4, 0.3, 0.2])[:, None, None] + np.zeros((3, 20))
    ordered = replace(run, similarity={UNSIGNED: rising})
    found = layers.claims({"Guided BP": ordered, "NoBias RectGrad": ordered}, model, seed=0)
    assert [claim.verdict for claim in found] == ["holds", "holds"] * 2
    assert layers.over_networks([run]) is run
    repetitions = likeness + np.array([0.0, 0.1, 0.5])[:, None]
    other = replace(run, similarity={UNSIGNED: repetitions})
    both = layers.over_networks([run, other]).similarity[UNSIGNED]
    assert both.shape == (6, 2, 20)
    np.testing.assert_allclose(both[:, 0], run.similarity[UNSIGNED][:, 0])
    np.testing.assert_allclose(both[:, 1], repetitions[:, 0] + 0.2)
