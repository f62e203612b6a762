"""The maps of the playground and their numbers, on a tiny network."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from torch import Tensor, nn

from captum_rectgrad import RectGrad, Saliency
from captum_rectgrad.app.networks import Network
from captum_rectgrad.plotting.single_map import capped_map
from site_build.playground_maps import (
    OTHERS,
    PERCENTILES,
    Explained,
    explain,
    means,
    similarities,
    sprite,
)

SIDE = 16
CLASSES = 5


def transform(image: Image.Image) -> Tensor:
    pixels = np.asarray(image.resize((SIDE, SIDE)), dtype=np.float32)
    return torch.from_numpy(pixels).permute(2, 0, 1) / 255


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * SIDE**2, CLASSES),
    )
    return Network(model.eval(), transform, [f"name {index}" for index in range(CLASSES)])


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def explained(network: Network, photograph: Image.Image) -> Explained:
    return explain(network, photograph)


def test_each_map_is_that_of_its_class_and_form(
    network: Network, photograph: Image.Image, explained: Explained
) -> None:
    x = transform(photograph)[None]
    probabilities = network.model(x)[0].softmax(dim=0).tolist()
    order = sorted(range(CLASSES), key=lambda index: -probabilities[index])
    chosen = [order[0], order[1], order[-1]]
    assert [name for name, _ in explained.classes] == [f"name {index}" for index in chosen]
    assert [share for _, share in explained.classes] == pytest.approx(
        [probabilities[index] for index in chosen], rel=1e-5
    )
    for model, found in (
        (network.model, explained.trained),
        (network.randomised, explained.random),
    ):
        assert found.shape == (3, len(OTHERS) + len(PERCENTILES), 3, SIDE, SIDE)
        for row, target in enumerate(chosen):
            gradient = Saliency(model).attribute(x, target=target, abs=False)[0]
            torch.testing.assert_close(found[row, OTHERS.index("saliency")], gradient)
            for column, q in enumerate(PERCENTILES, len(OTHERS)):
                expected = RectGrad(model, q).attribute(x, target=target)[0]
                torch.testing.assert_close(found[row, column], expected)


def naive(first: Tensor, second: Tensor) -> float:
    one, other = (np.abs(each.double().sum(dim=0).numpy()).ravel() for each in (first, second))
    return float(spearmanr(one, other).statistic)


def test_similarities_are_rank_correlations(explained: Explained) -> None:
    found = similarities(explained.trained, explained.random)
    networks = (explained.trained, explained.random)
    for number, maps in enumerate(networks):
        for own in range(3):
            at_80 = maps[own, len(OTHERS) + PERCENTILES.index(80)]
            for step in range(len(PERCENTILES)):
                expected = naive(maps[own, len(OTHERS) + step], at_80)
                assert found.percentile[number, own, step] == pytest.approx(expected)
            for form in range(maps.shape[1]):
                for other in range(3):
                    expected = naive(maps[own, form], maps[other, form])
                    shown = found.another_class[number, own, other, form]
                    assert shown == pytest.approx(expected)
    for own in range(3):
        for form in range(len(OTHERS) + len(PERCENTILES)):
            expected = naive(explained.trained[own, form], explained.random[own, form])
            assert found.network[own, form] == pytest.approx(expected)


def test_means_are_over_photographs(explained: Explained) -> None:
    found = [
        similarities(explained.trained, explained.random),
        similarities(explained.random, explained.trained),
    ]
    gradient, at_98 = 0, -1
    shown = means(found)
    maps = (explained.trained, explained.random)
    first, last = (naive(each[0, gradient], each[2, gradient]) for each in maps)
    assert shown["class-of-saliency"] == pytest.approx((first + last) / 2)
    first, last = (naive(each[0, at_98], each[2, at_98]) for each in maps)
    assert shown["class-at-default"] == pytest.approx((first + last) / 2)


def test_a_constant_map_is_an_error(explained: Explained) -> None:
    maps = explained.trained.clone()
    maps[1, 2] = 0
    with pytest.raises(ValueError, match=r"constant maps at .*\[\[1, 1, 2\]\].* choose another"):
        similarities(explained.trained, maps)


def test_a_pixel_of_the_sprite_is_sign_and_opacity(explained: Explained) -> None:
    pixels = np.asarray(sprite(explained.trained), dtype=float)
    assert pixels.shape == (3 * SIDE, (len(OTHERS) + len(PERCENTILES)) * SIDE)
    for row, column in ((0, 0), (2, 1), (1, 10)):
        tile = pixels[row * SIDE :, column * SIDE :][:SIDE, :SIDE]
        values = capped_map(explained.trained[row, column])
        shares = values / abs(values).max()
        opacity = abs(tile - 128) / 127
        np.testing.assert_allclose(opacity, np.sqrt(abs(shares)), atol=1 / 127)
        assert (np.sign(tile - 128) * np.sign(shares) >= 0).all()
    assert (pixels < 128).any(), "the map of the gradient has negative values"
