import hashlib

import pytest
import torch

from rectgrad_zoo.data import LabelledImages
from rectgrad_zoo.occlusion import Occlusion, occlude, occluded, occlusion_patch

PATCH = Occlusion(size=10, seed=0)
PINNED = "514a845e304f597e80484804e4e99084dd71d114c4edc1ab091e9f7d7d68136f"


def test_the_patch_is_the_one_the_embedded_checkpoint_was_trained_behind() -> None:
    patch = occlusion_patch(PATCH)
    assert patch.shape == (3, 10, 10)
    assert patch.dtype == torch.uint8
    assert hashlib.sha256(patch.numpy().tobytes()).hexdigest() == PINNED


def test_the_patch_depends_on_its_seed_and_on_nothing_else() -> None:
    torch.manual_seed(1)
    first = occlusion_patch(PATCH)
    torch.manual_seed(2)
    assert torch.equal(first, occlusion_patch(PATCH))
    assert not torch.equal(first, occlusion_patch(Occlusion(size=10, seed=1)))


def test_the_patch_is_uniform_over_the_levels_of_a_picture() -> None:
    levels = occlusion_patch(Occlusion(size=256, seed=0)).flatten()
    counts = torch.bincount(levels.long(), minlength=256).double()
    expected = levels.numel() / 256
    # Chi-square with 255 degrees of freedom: mean 255, standard deviation 22.6.
    assert float(((counts - expected) ** 2 / expected).sum()) < 255 + 5 * 22.6


def test_every_image_gets_the_same_patch_and_keeps_the_rest() -> None:
    images = torch.randint(0, 256, (5, 3, 32, 32)).to(torch.uint8)
    before = images.clone()
    result = occlude(images, PATCH)
    assert torch.equal(result[:, :, :10, :10], occlusion_patch(PATCH).expand(5, 3, 10, 10))
    assert torch.equal(result[:, :, 10:, :], images[:, :, 10:, :])
    assert torch.equal(result[:, :, :, 10:], images[:, :, :, 10:])
    assert torch.equal(images, before)


def test_without_a_patch_the_data_are_as_they_were() -> None:
    data = LabelledImages(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.zeros(2))
    assert occluded(data, None) is data
    assert occluded(data, PATCH).labels is data.labels
    assert bool(occluded(data, PATCH).images.any())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 3, 32, 32), "Expected uint8 images"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), r"got torch\.uint8 of shape \(3, 32, 32\)"),
        (torch.zeros(1, 3, 8, 32, dtype=torch.uint8), "10 x 10 pixels does not fit"),
    ],
)
def test_other_images_are_refused(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        occlude(images, PATCH)
