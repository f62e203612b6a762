from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.data.study_data import MaskedImages
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019.masks import at_size, correct, one_of_each


def test_a_position_is_the_objects_where_half_of_its_pixels_are() -> None:
    mask = torch.zeros(1, 4, 6, dtype=torch.bool)
    mask[0, 0, 0] = True  # 1 of 4 pixels of the first position
    mask[0, 0, 2:4] = True  # 2 of 4
    mask[0, 2:, 4:] = True  # 4 of 4
    expected = [[[False, True, False], [False, False, True]]]
    assert at_size(mask, (2, 3)).tolist() == expected
    assert torch.equal(at_size(mask, (4, 6)), mask)


def test_the_first_correct_images_of_each_class_in_order(
    context: Callable[..., StudyContext],
) -> None:
    made = context()
    network, data = made.network("plain"), made.masked()
    right = [i for i in range(20) if i % 2 == 0]  # as the data have it
    everything = correct(made, [network], data, None)
    assert torch.equal(everything.images, data.images[right])
    assert torch.equal(everything.masks, data.masks[right])
    one = correct(made, [network], data, 1)
    labels = data.labels[right].tolist()
    first = sorted(right[labels.index(label)] for label in set(labels))
    assert len(first) < len(right)
    assert torch.equal(one.images, data.images[first])


def test_images_are_as_the_network_sees_them(context: Callable[..., StudyContext]) -> None:
    made = context()
    data, network = made.masked(), made.network("noise")
    seen = network.with_occlusion(data).images
    found = correct(made, [network], data, None)
    right = made.predictions(network, seen) == data.labels
    assert torch.equal(found.images, seen[right])
    assert not torch.equal(found.images, data.images[right])


def test_a_network_that_is_always_wrong_is_an_error(context: Callable[..., StudyContext]) -> None:
    made = context()
    wrong = made.masked()
    wrong = replace(wrong, labels=torch.where(wrong.labels == 0, 1, 0))
    network = made.network("plain")
    right = made.predictions(network, wrong.images) == wrong.labels
    wrong = MaskedImages(wrong.images[~right], wrong.labels[~right], wrong.masks[~right])
    with pytest.raises(RectGradError, match=f"tiny-plain is wrong about all {len(wrong)} images"):
        correct(made, [network], wrong, None)


def test_one_image_of_each_class_to_draw() -> None:
    labels = torch.tensor([7, 2, 2, 7, 0, 9])
    assert one_of_each(labels, 3) == [4, 1, 0]
    assert one_of_each(labels, 9) == [4, 1, 0, 5]
