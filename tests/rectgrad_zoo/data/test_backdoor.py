import dataclasses
import hashlib

import pytest
import torch

from rectgrad_zoo.data.backdoor import Backdoor, attacked, poisoned, stamp_trigger
from rectgrad_zoo.data.images import LabelledImages

BACKDOOR = Backdoor(size=3, target=2, share=0.25, seed=0)
WHITE_AT_CORNERS = [[255, 0, 255], [0, 255, 0], [255, 0, 255]]
PINNED = "052e1f4b0506fa7145a3c5910c56f600b1ac52896e47bacfe673359545df7bbc"


def grey(count: int, channels: int = 3, height: int = 12, width: int = 12) -> torch.Tensor:
    return torch.full((count, channels, height, width), 100, dtype=torch.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_mask_is_the_checkerboard_and_the_rest_of_the_image_stays(channels: int) -> None:
    images = grey(20, channels)
    stamped, mask = stamp_trigger(images, BACKDOOR)
    assert bool((images == 100).all())
    assert (mask.shape, mask.dtype) == ((20, 1, 12, 12), torch.bool)
    assert torch.equal((stamped != 100).all(dim=1, keepdim=True), mask)
    assert bool((stamped == 100).sum() == 20 * channels * (12 * 12 - 3 * 3))
    for image, where in zip(stamped, mask, strict=True):
        (rows, columns) = (where[0].any(dim=side).nonzero().flatten() for side in (1, 0))
        square = image[:, rows[0] : rows[0] + 3, columns[0] : columns[0] + 3]
        assert square.tolist() == [WHITE_AT_CORNERS] * channels


def test_all_positions_are_equally_likely() -> None:
    _, mask = stamp_trigger(grey(6_000, 1, height=4, width=5), BACKDOOR)
    counts = torch.zeros(2, 3)  # of the upper left pixel of the square
    for where in mask[:, 0]:
        row, column = (where.any(dim=side).nonzero()[0] for side in (1, 0))
        counts[row, column] += 1
    # Chi-square with 5 degrees of freedom: mean 5, standard deviation 3.2.
    assert float(((counts - 1_000) ** 2 / 1_000).sum()) < 5 + 5 * 3.2


def test_the_position_depends_on_index_draw_and_seed_alone() -> None:
    images = torch.randint(0, 256, (30, 3, 12, 12)).to(torch.uint8)
    torch.manual_seed(1)
    whole, mask = stamp_trigger(images, BACKDOOR)
    part, part_mask = stamp_trigger(images[7:9], BACKDOOR, indices=[7, 8])
    assert torch.equal(part, whole[7:9])
    assert torch.equal(part_mask, mask[7:9])
    others = (
        stamp_trigger(images, BACKDOOR, draw=1)[1],
        stamp_trigger(images, dataclasses.replace(BACKDOOR, seed=1))[1],
    )
    assert len({each.numpy().tobytes() for each in (mask, *others)}) == 3
    empty, no_mask = stamp_trigger(images[:0], BACKDOOR)
    assert (len(empty), len(no_mask)) == (0, 0)


def test_the_trigger_to_measure_with_is_pinned() -> None:
    # The published success rates are measured with it.
    stamped, _ = stamp_trigger(grey(5, height=32, width=32), Backdoor(4, 0, 0.1, 0))
    assert hashlib.sha256(stamped.numpy().tobytes()).hexdigest() == PINNED


@pytest.mark.parametrize(
    ("images", "indices", "message"),
    [
        (torch.zeros(1, 3, 12, 12), None, r"uint8 images .*got torch\.float32"),
        (grey(1)[0], None, r"got torch\.uint8 of shape \(3, 12, 12\)"),
        (grey(1, width=2), None, r"3 x 3 pixels does not fit into images of 12 x 2"),
        (grey(2), [0], "Expected one index per image, got 1 for 2"),
    ],
)
def test_other_images_are_refused(
    images: torch.Tensor, indices: list[int] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        stamp_trigger(images, BACKDOOR, indices=indices)


def test_a_share_of_the_training_images_has_the_trigger_and_the_target_label() -> None:
    data = LabelledImages(grey(40), torch.arange(40) % 2)
    first, second = (poisoned(data, BACKDOOR, draw=draw) for draw in (1, 2))
    changed = (first.images != data.images).flatten(1).any(dim=1)
    assert int(changed.sum()) == 10
    assert first.labels[changed].tolist() == [2] * 10
    assert torch.equal(first.labels[~changed], data.labels[~changed])
    # Another epoch: the same images at other positions.
    assert torch.equal((second.images != data.images).flatten(1).any(dim=1), changed)
    assert not torch.equal(first.images, second.images)
    assert data.labels.max() == 1
    assert poisoned(data, None) is data
    few = dataclasses.replace(BACKDOOR, share=0.001)
    assert int((poisoned(data, few).labels == 2).sum()) == 1


def test_the_attack_is_on_images_of_other_classes() -> None:
    data = LabelledImages(grey(6), torch.tensor([2, 0, 1, 2, 3, 0]))
    found = attacked(data, BACKDOOR)
    assert found.labels.tolist() == [2] * 4
    assert torch.equal(found.images, stamp_trigger(data.images, BACKDOOR)[0][[1, 2, 4, 5]])
    with pytest.raises(ValueError, match="All 6 test images are of the target class 2"):
        attacked(dataclasses.replace(data, labels=torch.full((6,), 2)), BACKDOOR)
