import pytest
import torch
from torchvision.transforms import v2

from rectgrad_zoo.data.augmentation import Augmentation, augmented
from rectgrad_zoo.data.images import LabelledImages

# Every pixel is another: a window and its direction can be read from the corner.
PICTURE = torch.arange(1, 1 + 32 * 32).reshape(32, 32) % 251 + 1
IMAGES = PICTURE.to(torch.uint8).expand(400, 3, 32, 32).clone()
DATA = LabelledImages(IMAGES, torch.arange(400))


def change(augmentation: Augmentation, seed: int = 0) -> LabelledImages:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return augmented(DATA, augmentation)


def test_without_augmentation_the_data_are_as_they_were() -> None:
    assert augmented(DATA, None) is DATA


def test_half_of_the_images_are_mirrored_each_on_its_own() -> None:
    result = change(Augmentation(crop_padding=0, flip=True))
    mirrored = (result.images == IMAGES.flip(-1)).flatten(1).all(dim=1)
    same = (result.images == IMAGES).flatten(1).all(dim=1)
    assert bool((mirrored ^ same).all())
    assert abs(int(mirrored.sum()) - 200) < 50  # five standard deviations of 10
    assert torch.equal(result.labels, DATA.labels)


def test_crops_are_windows_of_the_image_in_a_black_border() -> None:
    result = change(Augmentation(crop_padding=2, flip=False))
    bordered = torch.zeros(36, 36, dtype=torch.uint8)
    bordered[2:34, 2:34] = PICTURE
    windows = torch.stack(
        [bordered[top : top + 32, left : left + 32] for top in range(5) for left in range(5)]
    )
    equal = (result.images[:, 0, None] == windows).flatten(2).all(dim=2)
    assert bool((equal.sum(dim=1) == 1).all())
    assert bool(equal.any(dim=0).all())  # all 25 windows occur among 400 images
    assert torch.equal(result.images[:, 0], result.images[:, 2])


@pytest.mark.parametrize("augmentation", [Augmentation(4, True), Augmentation(0, True)])
def test_images_are_those_of_torchvision_one_after_the_other(augmentation: Augmentation) -> None:
    crop = v2.RandomCrop([32, 32], padding=augmentation.crop_padding)
    change_one = v2.Compose([crop, v2.RandomHorizontalFlip(0.5)])
    with torch.random.fork_rng():
        torch.manual_seed(7)
        expected = torch.stack([change_one(image) for image in IMAGES])
    assert torch.equal(change(augmentation, seed=7).images, expected)


def test_the_generator_decides() -> None:
    both = Augmentation(crop_padding=4, flip=True)
    assert torch.equal(change(both, seed=1).images, change(both, seed=1).images)
    assert not torch.equal(change(both, seed=1).images, change(both, seed=2).images)
