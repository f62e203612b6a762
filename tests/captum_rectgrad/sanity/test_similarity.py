import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr
from skimage.metrics import structural_similarity

from captum_rectgrad.sanity.similarity import (
    RECOVERIES,
    SIMILARITIES,
    absolute_ranks,
    empty,
    input_correlation,
    input_structure,
    signed_ranks,
    structure,
)

MAPS = torch.randn(3, 2, 9, 9, generator=torch.Generator().manual_seed(0))
OTHERS = MAPS + torch.randn(3, 2, 9, 9, generator=torch.Generator().manual_seed(1))


def test_ranks_are_scipys() -> None:
    one, other = MAPS.sum(1).flatten(1).numpy(), OTHERS.sum(1).flatten(1).numpy()
    signed = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    absolute = [spearmanr(abs(a), abs(b)).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(signed_ranks(MAPS, OTHERS), signed, atol=1e-12)
    np.testing.assert_allclose(absolute_ranks(MAPS, OTHERS), absolute, atol=1e-12)


@pytest.mark.parametrize("name", SIMILARITIES)
def test_equal_maps_of_different_scale_have_similarity_one(name: str) -> None:
    np.testing.assert_allclose(SIMILARITIES[name](MAPS, 3 * MAPS), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["rank correlation of absolute values", "SSIM"])
def test_absolute_measures_ignore_the_sign(name: str) -> None:
    np.testing.assert_allclose(SIMILARITIES[name](MAPS, -MAPS), 1, atol=1e-6)
    np.testing.assert_allclose(signed_ranks(MAPS, -MAPS), -1, atol=1e-12)


@pytest.mark.parametrize("name", SIMILARITIES)
def test_similarity_is_nan_for_an_empty_map_and_zero_for_one_that_becomes_empty(name: str) -> None:
    some = MAPS.clone()
    some[1] = 0
    assert np.isnan(SIMILARITIES[name](some, MAPS)).tolist() == [False, True, False]
    assert np.isnan(SIMILARITIES[name](some, some)).tolist() == [False, True, False]
    assert SIMILARITIES[name](MAPS, 0 * MAPS).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", SIMILARITIES)
def test_a_map_of_nan_is_not_an_empty_map(name: str) -> None:
    assert np.isnan(SIMILARITIES[name](MAPS, MAPS * float("nan"))).all()


def test_channels_that_cancel_are_an_empty_map() -> None:
    one = torch.randn(2, 1, 5, 5)
    assert empty(torch.cat([one, -one], dim=1)).tolist() == [True, True]
    assert not empty(one).any()


def test_structure_is_scikit_images() -> None:
    one, other = (abs(maps.sum(1).double().numpy()) for maps in (MAPS, OTHERS))
    expected = [
        structural_similarity(a / a.max(), b / b.max(), win_size=7, data_range=1)
        for a, b in zip(one, other, strict=True)
    ]
    np.testing.assert_allclose(structure(MAPS, OTHERS), expected, atol=1e-12)


def test_correlation_with_the_image_is_scipys_without_its_sign() -> None:
    pairs = zip(-MAPS.flatten(1).double().numpy(), OTHERS.flatten(1).double().numpy(), strict=True)
    expected = [-pearsonr(a, b).statistic for a, b in pairs]
    np.testing.assert_allclose(input_correlation(-MAPS, OTHERS), expected, atol=1e-12)
    assert min(expected) > 0


@pytest.mark.parametrize("name", RECOVERIES)
def test_the_image_itself_is_recovered_and_a_constant_is_not(name: str) -> None:
    np.testing.assert_allclose(RECOVERIES[name](2 * MAPS, MAPS), 1, atol=1e-6)
    assert np.isnan(RECOVERIES[name](torch.ones_like(MAPS), MAPS)).all()


def test_structure_of_the_image_ignores_brightness_and_contrast() -> None:
    np.testing.assert_allclose(input_structure(0.1 * MAPS + 5, MAPS), 1, atol=1e-4)
