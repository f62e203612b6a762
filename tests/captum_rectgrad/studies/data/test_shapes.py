import itertools

import numpy as np
import torch

from captum_rectgrad.studies.data import shapes as module
from captum_rectgrad.studies.data.shapes import SHAPE_CLASSES, shapes


def test_images_labels_and_masks() -> None:
    drawn = shapes(25, seed=4)
    assert drawn.images.shape == (25, 3, 32, 32)
    assert drawn.images.dtype == torch.uint8
    assert drawn.labels.tolist() == [number % 10 for number in range(25)]
    assert drawn.masks.shape == (25, 32, 32)
    area = drawn.masks.double().mean(dim=(1, 2))
    assert 0.02 < area.min() < area.max() < 0.5


def test_the_seed_and_the_place_decide_and_nothing_else() -> None:
    few, many = shapes(5, seed=4), shapes(25, seed=4)
    assert torch.equal(few.images, many.images[:5])
    assert few.fingerprint() == shapes(5, seed=4).fingerprint()
    assert few.fingerprint() != shapes(5, seed=5).fingerprint()


def test_the_class_is_in_the_mask_alone() -> None:
    # With the same draws, images of two classes agree wherever their masks do.
    for seed in range(20):
        drawn = [module._one(label, [seed]) for label in range(len(SHAPE_CLASSES))]
        for (image, mask), (other, other_mask) in itertools.combinations(drawn, 2):
            same = mask == other_mask
            assert np.array_equal(image[same], other[same])
            assert not same.all()


def test_the_mask_is_exact() -> None:
    # Inside, the colour of the shape; outside, what is there without a shape.
    for seed in range(20):
        (disk, mask), (cross, cross_mask) = (module._one(label, [seed]) for label in (0, 3))
        only = mask & ~cross_mask
        assert (disk[only] != cross[only]).any(axis=1).mean() > 0.95
