from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.studies.compute.maps import (
    final_threshold,
    finished,
    predictions,
    stream_maps,
)
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.options import FINALS
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import to_model_range

SPLITS: tuple[Split, Split] = ("train", "test")


def test_streamed_maps_are_the_maps(exact_context: Callable[..., StudyContext]) -> None:
    network, data = exact_context().network("plain"), exact_context().images("test")
    targets = predictions(network.model, data.images, batch_size=6)
    inputs = to_model_range(data.images)
    assert torch.equal(targets, network.model(inputs).argmax(dim=1))
    for method in choose_methods(["saliency", "rectgrad"]):
        batches = list(
            stream_maps(method, network.model, data.images, targets, batch_size=6, seed=0)
        )
        assert [len(batch.maps) for batch in batches] == [6, 6, 6, 2]
        assert batches[2].images == slice(12, 18)
        streamed = torch.cat([batch.maps for batch in batches])
        torch.testing.assert_close(streamed, attribute(method, network.model, inputs, targets))


@pytest.mark.bitwise("the maps are the same before their final threshold")
def test_only_baselines_get_the_final_threshold(context: Callable[..., StudyContext]) -> None:
    network, data = context().network("plain"), context().images("test", 4)
    targets = torch.zeros(4, dtype=torch.int64)
    kept = {}
    for method in choose_methods(["saliency", "rectgrad"]):
        (batch,) = stream_maps(method, network.model, data.images, targets, batch_size=9, seed=0)
        for final in FINALS:
            kept[method.key, final] = finished(method, batch.maps, final)
    maps = kept["rectgrad", "none"]
    assert all(torch.equal(kept["rectgrad", final], maps) for final in FINALS)
    maps = kept["saliency", "none"]
    assert torch.equal(final_threshold(maps), kept["saliency", "values"])
    assert torch.equal(final_threshold(maps.sum(1, keepdim=True)), kept["saliency", "pixels"])
    # 3072 values: the 95th percentile has the index 2917 from below, and 154 exceed it. Of 1024
    # pixels 51 exceed the index 972.
    for final, count in (("values", 154), ("pixels", 51)):
        assert (kept["saliency", final] != 0).sum(dim=(1, 2, 3)).tolist() == [count] * 4


def test_batches_draw_differently_and_again_the_same(context: Callable[..., StudyContext]) -> None:
    made = context("random")
    network, data = made.network("plain"), made.images("test", 14)
    targets = torch.zeros(14, dtype=torch.int64)
    (random,) = made.methods
    first, second = ([*made.maps(random, network, data.images, targets)] for _ in range(2))
    assert torch.equal(first[1].maps, second[1].maps)
    assert not torch.equal(first[0].maps, first[1].maps)


def test_maps_of_a_part_equal_those_of_the_whole(context: Callable[..., StudyContext]) -> None:
    network, data = context().network("plain"), context().images("test", 12)
    targets = torch.zeros(12, dtype=torch.int64)
    (random,) = choose_methods(["random"])

    def maps(part: slice) -> torch.Tensor:
        stream = stream_maps(
            random,
            network.model,
            data.images[part],
            targets[part],
            batch_size=6,
            seed=0,
            start=part.start,
        )
        return torch.cat([batch.maps for batch in stream])

    assert torch.equal(maps(slice(0, 12))[6:], maps(slice(6, 12)))


def test_no_other_split_and_no_other_seed_draws_the_same(
    context: Callable[..., StudyContext],
) -> None:
    made = replace(context("random"), batch_size=2)
    network, data = made.network("plain"), made.images("test", 6)
    targets = torch.zeros(6, dtype=torch.int64)
    (random,) = made.methods
    drawn = [
        batch.maps[0].flatten()
        for seed in range(5)  # neighbours, which a sum of seed and index would mix up
        for split in SPLITS
        for batch in replace(made, seed=seed).maps(random, network, data.images, targets, split)
    ]
    assert len(torch.unique(torch.stack(drawn), dim=0)) == len(drawn) == 5 * 2 * 3


def test_final_threshold_by_hand() -> None:
    maps = torch.tensor([1.0, -9.0, 3.0, 2.0, 5.0]).view(1, 1, 1, 5)
    assert final_threshold(maps, 50).flatten().tolist() == [0, 0, 3.0, 0, 5.0]
    assert final_threshold(maps, 100).count_nonzero() == 0
