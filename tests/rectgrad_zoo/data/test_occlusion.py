import hashlib

import pytest
import torch

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.occlusion import (
    PER_IMAGE,
    Occlusion,
    occlude,
    occluded,
    occlusion_patch,
    occlusion_patches,
)

PATCH = Occlusion(size=10, seed=0)
PINNED_NOISE = "dba68f50b40a9ac5db9a5a736066b9dea7c9b7160c885f52412ad657ceaa106e"
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


NOISE = Occlusion(size=10, seed=0, kind="per_image")


def test_every_image_has_noise_of_its_own_by_its_index_alone() -> None:
    patches = occlusion_patches(NOISE, range(40))
    assert patches.shape == (40, 3, 10, 10)
    assert patches.dtype == torch.uint8
    assert len({patch.numpy().tobytes() for patch in patches}) == 40
    assert torch.equal(occlusion_patches(NOISE, range(7)), patches[:7])
    assert torch.equal(occlusion_patches(NOISE, [31, 2, 31]), patches[[31, 2, 31]])
    assert occlusion_patches(NOISE, []).shape == (0, 3, 10, 10)


def test_noise_is_another_in_every_draw_and_for_every_seed() -> None:
    draws = [occlusion_patches(NOISE, range(3), draw) for draw in range(3)]
    seeds = [
        occlusion_patches(Occlusion(size=10, seed=seed, kind="per_image"), range(3))
        for seed in (1, 2)
    ]
    assert len({patches.numpy().tobytes() for patches in (*draws, *seeds)}) == 5


def test_the_noise_to_measure_with_is_pinned() -> None:
    # The published accuracy of the checkpoint trained behind it is measured with it.
    patches = occlusion_patches(NOISE, range(2))
    assert hashlib.sha256(patches.numpy().tobytes()).hexdigest() == PINNED_NOISE


def test_a_part_of_a_set_is_occluded_as_in_the_whole() -> None:
    images = torch.randint(0, 256, (6, 3, 32, 32)).to(torch.uint8)
    whole = occlude(images, NOISE)
    assert torch.equal(occlude(images[3:5], NOISE, indices=[3, 4]), whole[3:5])
    assert torch.equal(whole[:, :, 10:], images[:, :, 10:])
    data = LabelledImages(images, torch.zeros(6))
    assert torch.equal(occluded(data, NOISE).images, whole)
    assert not torch.equal(occluded(data, NOISE, draw=1).images, whole)


def test_a_fixed_patch_is_the_same_for_every_index_and_draw() -> None:
    patches = occlusion_patches(PATCH, [5, 9], draw=3)
    assert torch.equal(patches, occlusion_patch(PATCH).expand(2, 3, 10, 10))


def test_noise_of_its_own_is_no_patch() -> None:
    with pytest.raises(ValueError, match="'per_image', expected 'fixed'"):
        occlusion_patch(NOISE)


def test_noise_of_each_image_never_is_the_fixed_patch_of_its_seed() -> None:
    fixed, own = Occlusion(10, 0), Occlusion(10, 0, PER_IMAGE)
    for draw in range(3):
        patches = occlusion_patches(own, range(2), draw)
        assert not any(torch.equal(patch, occlusion_patch(fixed)) for patch in patches)
