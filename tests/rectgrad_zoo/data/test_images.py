from pathlib import Path

import pytest
import torch

from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.data.images import LabelledImages, split_validation, to_model_range


def test_the_fingerprint_tells_sets_apart_by_one_pixel_or_label(data_folder: Path) -> None:
    data = read_cifar10(data_folder, "test")
    pixel, label = data.images.clone(), data.labels.clone()
    pixel[3, 1, 4, 5] += 1
    label[3] += 1
    fingerprints = {
        data.fingerprint(),
        LabelledImages(pixel, data.labels).fingerprint(),
        LabelledImages(data.images, label).fingerprint(),
    }
    assert len(fingerprints) == 3
    assert read_cifar10(data_folder, "test").fingerprint() in fingerprints


def test_the_model_range_is_minus_one_to_one() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1)
    expected = torch.tensor([-1.0, -0.6, 1.0]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(to_model_range(images), expected)
    with pytest.raises(TypeError, match="Expected uint8 images"):
        to_model_range(images.float())


def test_the_validation_split_is_a_partition_chosen_by_its_seed() -> None:
    data = LabelledImages(torch.zeros(100, 3, 1, 1, dtype=torch.uint8), torch.arange(100))
    train, validation = split_validation(data, size=20, seed=0)
    assert len(train) == 80
    assert sorted([*train.labels.tolist(), *validation.labels.tolist()]) == list(range(100))
    again = split_validation(data, size=20, seed=0)[1].labels
    assert torch.equal(validation.labels, again)
    assert not torch.equal(validation.labels, split_validation(data, size=20, seed=1)[1].labels)


@pytest.mark.parametrize("size", [-1, 100, 101])
def test_a_validation_split_of_everything_is_refused(size: int) -> None:
    data = LabelledImages(torch.zeros(100, 3, 1, 1, dtype=torch.uint8), torch.arange(100))
    with pytest.raises(ValueError, match=f"expected 0 to 99, got {size}"):
        split_validation(data, size, seed=0)


def test_without_validation_images_the_order_is_kept() -> None:
    data = LabelledImages(torch.zeros(3, 3, 1, 1, dtype=torch.uint8), torch.tensor([7, 1, 4]))
    training, validation = split_validation(data, 0, seed=1)
    assert training.labels.tolist() == [7, 1, 4]
    assert not len(validation)
