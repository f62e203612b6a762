"""Ranks by hand and against a sort of one image, ties among them, files written once and whole."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from captum_rectgrad.evaluation.methods import Method, choose_methods
from captum_rectgrad.studies.compute.maps import final_threshold
from captum_rectgrad.studies.data.shapes import shapes
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.roar_kar.config import FORMS, forms_of
from captum_rectgrad.studies.roar_kar.ranks import (
    RankFiles,
    importance,
    pixel_ranks,
    rank_all,
    tie_order,
    write_ranks,
)
from tests.captum_rectgrad.studies.conftest import IMAGES
from tests.captum_rectgrad.studies.roar_kar.conftest import SPLITS


def test_ranks_by_hand() -> None:
    values = torch.tensor([[0.5, 2.0, -1.0, 0.0], [1.0, 0.0, 1.0, -0.0]])
    order = torch.tensor([[0, 1, 2, 3], [3, 1, 2, 0]])
    ranks = pixel_ranks(values, order)
    # The second image: of the ones the third pixel comes first, of the zeros the fourth.
    assert ranks.tolist() == [[1, 0, 3, 2], [1, 3, 0, 2]]


def test_ranks_are_those_of_a_plain_sort() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(-3, 4, (5, 30), generator=generator).double()
    order = torch.stack([torch.randperm(30, generator=generator) for _ in range(5)])
    ranks = pixel_ranks(values, order)
    for image in range(5):
        first = sorted(order[image].tolist(), key=lambda p: -float(values[image, p]))
        assert ranks[image, first].tolist() == list(range(30))


def test_as_many_pixels_as_two_bytes_number() -> None:
    most = pixel_ranks(torch.arange(65536.0)[None], torch.arange(65536)[None])
    assert most[0, 0] == 65535
    with pytest.raises(ValueError, match="images of 65537 pixels"):
        pixel_ranks(torch.zeros(1, 65537), torch.arange(65537)[None])


def test_the_order_of_ties_is_each_images_own() -> None:
    together = tie_order(slice(0, 6), 50, seed=3, split="train")
    apart = torch.cat([tie_order(slice(i, i + 2), 50, 3, "train") for i in (0, 2, 4)])
    assert torch.equal(together, apart)
    orders = {tuple(row) for row in together.tolist()}
    orders |= {tuple(row) for row in tie_order(slice(0, 6), 50, 3, "test").tolist()}
    orders |= {tuple(row) for row in tie_order(slice(0, 6), 50, 4, "train").tolist()}
    assert len(orders) == 18
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_importance_by_hand() -> None:
    maps = torch.tensor([[[[1.0, -5.0]], [[2.0, 1.0]]]])  # two channels of two pixels
    assert importance(maps, "signed", None).tolist() == [[3, -4]]
    assert importance(maps, "absolute", None).tolist() == [[3, 4]]
    # Half of the four values stay: 2 alone exceeds 1.
    assert importance(maps, "thresholded", 50).tolist() == [[2, 0]]
    assert final_threshold(maps, 50).flatten().tolist() == [0, 0, 2, 0]


def test_forms_are_the_baselines() -> None:
    saliency, rectgrad, random = choose_methods(("saliency", "rectgrad", "random"))
    assert forms_of(saliency, FORMS, 95) == FORMS
    assert forms_of(saliency, FORMS, None) == ("signed", "absolute")
    assert forms_of(rectgrad, FORMS, 95) == forms_of(random, FORMS, 95) == ("signed",)


@pytest.mark.parametrize("key", ["rectgrad", "rectgrad-prr"])
def test_maps_of_rectgrad_rank_the_same_without_their_sign(
    key: str, context: Callable[..., StudyContext]
) -> None:
    made = context(key)
    images = made.images("test").images
    targets = torch.zeros(len(images), dtype=torch.int64)
    for batch in made.maps(made.methods[0], made.network("plain"), images, targets):
        assert batch.maps.any()
        assert not (batch.maps < 0).any()


class StoppedError(Exception):
    """Where a test stops a run."""


def test_files_are_whole_and_written_once(exact_context: Callable[..., StudyContext]) -> None:
    made = exact_context("saliency")
    files = RankFiles(made.folder)
    made.folder.mkdir()
    (method,), network = made.methods, made.network("plain")
    images = made.images("train").images
    targets = torch.arange(len(images)) % 10
    calls = []

    def attribute(model: torch.nn.Module, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        if len(calls) == 2:
            raise StoppedError
        return method.attribute(model, x, target)

    def write(method: Method, *forms: str) -> list[int]:
        done: list[int] = []
        wanted = {f: files.file("saliency", f, "train") for f in FORMS if f in forms}
        ties = tie_order(slice(0, len(images)), 1024, made.seed, "train")
        write_ranks(made, network, method, images, targets, wanted, "train", ties, done.append)
        return done

    watched = replace(method, attribute=attribute)
    with pytest.raises(StoppedError):
        write(watched, "signed")
    assert not list(made.folder.iterdir())
    assert write(watched, "signed") == [7, 7, 6]
    before = len(calls)
    assert write(watched, "signed") == [IMAGES]
    assert len(calls) == before
    # Another form is added without a change to the one that is there.
    kept = np.load(files.file("saliency", "signed", "train"))
    write(watched, "signed", "absolute")
    assert (np.load(files.file("saliency", "signed", "train")) == kept).all()
    whole = replace(made, final_percentile=None)
    maps = torch.cat([batch.maps for batch in whole.maps(method, network, images, targets)])
    for form in ("signed", "absolute"):
        found = np.load(files.file("saliency", form, "train"))
        order = tie_order(slice(0, IMAGES), 1024, made.seed, "train")
        assert (found == pixel_ranks(importance(maps, form, None), order).numpy()).all()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-500])


def never_written(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-500] + bytes(500))


def a_number_changed(file: Path) -> None:
    ranks = np.load(file)
    ranks[3, 100] ^= 1
    np.save(file, ranks)


def of_fewer_images(file: Path) -> None:
    np.save(file, np.load(file)[1:])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def an_archive(file: Path) -> None:
    with file.open("wb") as stream:
        np.savez(stream, ranks=np.zeros(3))


def of_another_format(file: Path) -> None:
    file.write_bytes(b"PK\x03\x04" + bytes(100))


@pytest.mark.parametrize(
    "damage",
    [cut, never_written, a_number_changed, of_fewer_images, empty, an_archive, of_another_format],
)
def test_damaged_ranks_are_made_again_with_a_warning(
    damage: Callable[[Path], None],
    context: Callable[..., StudyContext],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = context("random")
    network, (random,), data = made.network("plain"), made.methods, made.images("test")

    def rank() -> RankFiles:
        same = dict.fromkeys(SPLITS, (data.images, data.labels))
        return rank_all(made, network, {random: ("signed",)}, same, lambda _: None)

    file = rank().file("random", "signed", "test")
    expected = file.read_bytes()
    assert rank().file("random", "signed", "test").read_bytes() == expected
    assert not caplog.records
    damage(file)
    assert rank().file("random", "signed", "test").read_bytes() == expected
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{file} is damaged")


def test_random_ranks_of_training_and_test_images_have_nothing_in_common(
    context: Callable[..., StudyContext],
) -> None:
    made = context("random")
    network, (random,) = made.network("plain"), made.methods
    data = made.images("test")
    same = dict.fromkeys(SPLITS, (data.images, data.labels))
    found = rank_all(made, network, {random: ("signed",)}, same, lambda _: None)
    rows = np.concatenate(found.read("random", "signed"))
    assert len(np.unique(rows, axis=0)) == len(rows) == 2 * IMAGES


def test_masks_of_random_maps_alone_tell_nothing(context: Callable[..., StudyContext]) -> None:
    """The generated images' labels follow from their numbers, and so must not the masks."""
    made = replace(context("random"), batch_size=200)
    network, (random,) = made.network("plain"), made.methods
    data = shapes(400, 1)
    same = dict.fromkeys(SPLITS, (data.images, data.labels))
    ranks = rank_all(made, network, {random: ("signed",)}, same, lambda _: None)
    gone = [(pixels < 512).astype(np.float64) for pixels in ranks.read("random", "signed")]
    # What learns masks by heart as no network could: the label of the nearest one.
    nearest = (gone[1] @ gone[0].T).argmax(axis=1)
    labels = data.labels.numpy()
    # Chance is 0.1, of 400 images give or take 0.015.
    assert (labels[nearest] == labels).mean() < 0.17
