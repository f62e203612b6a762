"""Imputed pixels by hand, against the equations solved by scipy, and against Quantus."""

import numpy as np
import pytest
import torch
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve
from torch import Tensor

from captum_rectgrad.studies.compute.imputation import imputed

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.rand(3, 3, 9, 8, generator=GENERATOR) * 2 - 1


def gone_pixels(fraction: float) -> Tensor:
    count = round(72 * fraction)
    orders = torch.stack([torch.randperm(72, generator=GENERATOR) for _ in range(len(INPUTS))])
    return orders < count


def test_one_pixel_by_hand() -> None:
    inputs = torch.zeros(1, 1, 3, 3)
    inputs[0, 0, 0, 1] = 6  # above: a sixth
    inputs[0, 0, 2, 2] = 12  # diagonal: a twelfth
    inputs[0, 0, 1, 1] = 99
    gone = torch.arange(9)[None] == 4
    found = imputed(inputs, gone, seed=0, noise=0)
    assert found[0, 0, 1, 1].item() == pytest.approx(2, abs=1e-4)
    # A corner has three neighbours; their weights are 1/6, 1/6 and 1/12 of 5/12.
    corner = imputed(inputs, torch.arange(9)[None] == 0, seed=0, noise=0)
    assert corner[0, 0, 0, 0].item() == pytest.approx((6 / 6 + 99 / 12) / (5 / 12), rel=1e-4)
    assert torch.equal(
        found.flatten()[[0, 1, 2, 3, 5, 6, 7, 8]], inputs.flatten()[[0, 1, 2, 3, 5, 6, 7, 8]]
    )


def naive(image: Tensor, gone: Tensor) -> Tensor:
    """Equation by equation, for one image `(C, H, W)`."""
    _, height, width = image.shape
    unknown = torch.nonzero(gone)[:, 0].tolist()
    matrix = lil_matrix((len(unknown), len(unknown)))
    wanted = np.zeros((len(unknown), len(image)))
    for row, pixel in enumerate(unknown):
        y, x = divmod(pixel, width)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                inside = 0 <= y + dy < height and 0 <= x + dx < width
                if not inside or (dy, dx) == (0, 0):
                    continue
                weight = 1 / 12 if dy and dx else 1 / 6
                other = (y + dy) * width + x + dx
                matrix[row, row] += weight
                if other in unknown:
                    matrix[row, unknown.index(other)] -= weight
                else:
                    wanted[row] += weight * image[:, y + dy, x + dx].numpy()
    result = image.flatten(1).clone()
    result[:, unknown] = torch.from_numpy(spsolve(matrix.tocsc(), wanted).T).float()
    return result.view_as(image)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.95])
def test_against_equations_one_by_one(fraction: float) -> None:
    gone = gone_pixels(fraction)
    found = imputed(INPUTS, gone, seed=0, noise=0)
    for image, where, mine in zip(INPUTS, gone, found, strict=True):
        torch.testing.assert_close(mine, naive(image, where), atol=1e-4, rtol=0)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_against_quantus(fraction: float) -> None:
    perturb = pytest.importorskip("quantus.functions.perturb_func")
    gone = gone_pixels(fraction)
    found = imputed(INPUTS, gone, seed=0, noise=0)
    for image, where, mine in zip(INPUTS, gone, found, strict=True):
        indices = np.flatnonzero(where.numpy())
        theirs = perturb.noisy_linear_imputation(image.numpy(), indices, noise=0.0)
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-4)


def test_the_noise_is_on_what_was_imputed_alone() -> None:
    inputs = torch.zeros(50, 3, 9, 8)
    gone = torch.rand(50, 72, generator=GENERATOR) < 0.5
    found = imputed(inputs, gone, seed=1, noise=0.25)
    where = gone.view(50, 1, 9, 8).expand_as(found)
    assert not found[~where].any()
    assert found[where].std().item() == pytest.approx(0.25, rel=0.05)
    assert torch.equal(found, imputed(inputs, gone, seed=1, noise=0.25))
    assert not torch.equal(found, imputed(inputs, gone, seed=2, noise=0.25))
