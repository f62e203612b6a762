"""Lemma 1 and the sum of `D^T D`, by hand."""

import pytest
import torch

from captum_rectgrad.studies.nie2018.proof_steps import (
    lemma_gap,
    patches_of_each_pixel,
    proof_claims,
    unified_map,
)
from captum_rectgrad.studies.nie2018.random_networks import RandomCNN

IMAGES = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))


def test_the_number_of_patches_of_each_pixel_by_hand() -> None:
    expected = [[4, 6, 6, 4], [6, 9, 9, 6], [4, 6, 6, 4]]
    assert patches_of_each_pixel(3, 4).tolist() == expected
    # Relative to 9: four corners of -5/9, six edges of -1/3, two of 0.
    claim = proof_claims(IMAGES[:1, :, :3, :4], 3, 0)[1]
    assert claim.verdict == "does not hold"
    assert f"{((4 * (5 / 9) ** 2 + 6 / 9) / 12) ** 0.5:.4g}; it is p for 0.1667" in claim.because


@pytest.mark.parametrize(("size", "verdict"), [(8, "does not hold"), (32, "holds")])
def test_the_border_matters_less_in_larger_images(size: int, verdict: str) -> None:
    assert proof_claims(torch.randn(1, 1, size, size), 2, 0)[1].verdict == verdict


def test_the_form_of_lemma_1_by_hand() -> None:
    # One filter with the weight 2 at its centre: each patch gives its own pixel.
    model = RandomCNN(1, (1, 1, 3), torch.Generator())
    with torch.no_grad():
        model.filters.weight.zero_()[0, 0, 1, 1] = 2
        model.logit.weight.copy_(torch.tensor([[5.0, -3.0, 4.0]]))
    image = torch.tensor([[[1.0, 1.0, -1.0]]])  # the last patch is not active

    def found(*, forward: bool, backward: bool) -> list[float]:
        values = unified_map(model, image, forward=forward, backward=backward)
        return [float(value) for value in values.flatten()]

    assert found(forward=True, backward=False) == [10, -6, 0]
    assert found(forward=False, backward=True) == [10, 0, 8]
    assert found(forward=True, backward=True) == [10, 0, 0]


def test_the_three_methods_have_the_form_of_lemma_1() -> None:
    assert lemma_gap(IMAGES, 8, 0) < 1e-12
    assert proof_claims(IMAGES, 8, 0)[0].verdict == "holds"
