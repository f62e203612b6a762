"""Ranks of pixels, computed once for each method and saved with two bytes per pixel."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.map_metrics import channel_sum
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.maps import final_threshold
from captum_rectgrad.studies.compute.masking import ranks_by_importance
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.roar_kar.config import Form
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.input_files import open_regular
from rectgrad_zoo.written_whole import remove_unfinished, written_whole

Ranks = NDArray[np.uint16]
RankPair = tuple[Ranks, Ranks]  # of training and test images, each (N, P)
_CHECKED_AT_ONCE = 2000  # images
_LOG = logging.getLogger(__name__)
_SPLITS: tuple[Split, Split] = ("train", "test")


def pixel_ranks(values: Tensor, order: Tensor) -> Tensor:
    """Rank the pixels of each image, on the device of the values.

    Args:
        values: importance, `(N, P)`.
        order: permutation of the pixels of each image, `(N, P)`, from `tie_order`; pixels of equal
            importance are ranked in this order.

    Returns:
        `(N, P)`, int64: 0 for the most important pixel, P - 1 for the least important.

    Raises:
        ValueError: there are more pixels than two bytes can number.
    """
    pixels = values.shape[1]
    if pixels - 1 > np.iinfo(np.uint16).max:
        raise ValueError(f"got images of {pixels} pixels, expected at most 65536 (two-byte ranks)")
    return ranks_by_importance(values, order.to(values.device, torch.int64))


def tie_order(images: slice, pixels: int, seed: int, split: Split) -> Tensor:
    """A random order of the pixels of each image, independent of the batch size.

    Args:
        images: slice of the images.
        pixels: number of pixels of each image, P.
        seed: seed of the study.
        split: split of the images.

    Returns:
        `(N, P)`, int32, permutations: the order of numbers from the raw stream of NumPy's PCG64,
        which is stable between NumPy versions.
    """
    which = _SPLITS.index(split)
    order = np.empty((images.stop - images.start, pixels), dtype=np.int32)
    for row, image in enumerate(range(images.start, images.stop)):
        order[row] = np.random.PCG64([seed, which, image]).random_raw(pixels).argsort(kind="stable")
    return torch.from_numpy(order)


def importance(maps: Tensor, form: Form, percentile: float | None) -> Tensor:
    """Importance of the pixels of maps.

    Args:
        maps: `(N, C, H, W)`, without final threshold.
        form: `signed`: the sum over the channels; `thresholded`: the same of values above the
            percentile; `absolute`: the absolute value of the sum.
        percentile: percentile of all values of a map, for `thresholded`; None: no threshold.

    Returns:
        `(N, H * W)`, float64.
    """
    if form == "thresholded" and percentile is not None:
        maps = final_threshold(maps, percentile)
    sums = channel_sum(maps).flatten(1)
    return sums.abs() if form == "absolute" else sums


@dataclass(frozen=True)
class RankFiles:
    """Files of ranks, one for each method, form and split.

    Attributes:
        folder: folder of the files.
    """

    folder: Path

    def file(self, method: str, form: Form, split: Split) -> Path:
        """Path of the ranks of a split."""
        return self.folder / f"{method}-{form}-{split}.npy"

    def read(self, method: str, form: Form) -> RankPair:
        """The ranks of the training and the test images, `(N, P)`, memory-mapped."""
        train, test = (np.load(self.file(method, form, split), mmap_mode="r") for split in _SPLITS)
        return train, test


@contextmanager
def rank_file(file: Path, images: int, pixels: int) -> Iterator[BinaryIO]:
    """Write a rank file image by image; it has its name once it is complete and checked.

    Args:
        file: path of the file.
        images: number of images.
        pixels: number of pixels of each image.

    Yields:
        The file behind its header, to which two bytes for each pixel are appended.

    Raises:
        RectGradError: the file that was written does not have the ranks.
    """
    with written_whole(file) as unfinished:
        with unfinished.open("wb") as stream:
            header = {"descr": "<u2", "fortran_order": False, "shape": (images, pixels)}
            np.lib.format.write_array_header_1_0(stream, header)
            yield stream
        if not _has_ranks(unfinished, images, pixels):
            raise RectGradError(f"{file} was written incorrectly; check the disk, and run it again")


def is_whole(file: Path, images: int, pixels: int) -> bool:
    """Whether a file has complete ranks; a warning is logged if it is damaged.

    Args:
        file: path of the file.
        images: expected number of images.
        pixels: number of pixels of each image.

    Returns:
        Whether the file exists and is complete.
    """
    if not file.exists():
        return False
    whole = _has_ranks(file, images, pixels)
    if not whole:
        _LOG.warning("%s is damaged and will be computed again", file)
    return whole


def _has_ranks(file: Path, images: int, pixels: int) -> bool:
    """Whether all images have ranks.

    The ranks of an image are a permutation, which detects truncated files, unwritten parts and
    changed numbers.
    """
    every = np.arange(pixels)
    try:
        with open_regular(file, sys.maxsize) as opened:
            np.lib.format.read_magic(opened)
            shape, _, dtype = np.lib.format.read_array_header_1_0(opened)
            if shape != (images, pixels) or dtype != np.dtype("<u2"):
                return False
            for start in range(0, images, _CHECKED_AT_ONCE):
                count = min(_CHECKED_AT_ONCE, images - start)
                ranks = np.fromfile(opened, dtype, count * pixels).reshape(count, pixels)
                if not (np.sort(ranks, axis=1, kind="stable") == every).all():
                    return False
    except (OSError, ValueError):
        return False
    return True


def write_ranks(
    context: StudyContext,
    network: Network,
    method: Method,
    images: Tensor,
    targets: Tensor,
    files: Mapping[Form, Path],
    split: Split,
    ties: Tensor,
    advance: Callable[[int], object],
) -> None:
    """Attribute images once and write missing or damaged rank files atomically.

    Args:
        context: device, and the baselines' final threshold.
        network: the explained network.
        method: the method.
        images: `(N, C, H, W)`, uint8, with the network's noise.
        targets: the classes to explain, `(N,)`.
        files: the files.
        split: split of the images.
        ties: order of pixels of equal importance, from `tie_order`.
        advance: called with the number of finished images.
    """
    pixels = images.shape[-2] * images.shape[-1]
    missing = {
        form: file for form, file in files.items() if not is_whole(file, len(images), pixels)
    }
    if not missing:
        advance(len(images))
        return
    with ExitStack() as files_open:
        written = {
            form: files_open.enter_context(rank_file(file, len(images), pixels))
            for form, file in missing.items()
        }
        for batch in context.maps(method, network, images, targets, split):
            maps = batch.maps.to(context.device)
            for form, file in written.items():
                values = importance(maps, form, context.final_percentile)
                ranks = pixel_ranks(values, ties[batch.images])
                file.write(ranks.cpu().numpy().astype("<u2").tobytes())
            advance(len(maps))


def rank_all(
    context: StudyContext,
    network: Network,
    methods: Mapping[Method, Sequence[Form]],
    splits: Mapping[Split, tuple[Tensor, Tensor]],
    progress: Callable[[int], object],
) -> RankFiles:
    """Rank the pixels of all images by all methods, unless the files exist.

    Args:
        context: its folder gets a subfolder `ranks`.
        network: the explained network.
        methods: methods and their forms.
        splits: images and the classes to explain.
        progress: called with the number of finished images.

    Returns:
        The files.
    """
    ranks = RankFiles(context.folder / "ranks")
    ranks.folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(ranks.folder)
    for split, (images, targets) in splits.items():
        every, pixels = slice(0, len(images)), images.shape[-2] * images.shape[-1]
        ties = tie_order(every, pixels, context.seed, split).to(context.device)
        for method, forms in methods.items():
            files = {form: ranks.file(method.key, form, split) for form in forms}
            write_ranks(context, network, method, images, targets, files, split, ties, progress)
    return ranks
