"""Which pixel of an image comes first: computed once for each method, kept as two bytes a pixel."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.map_metrics import channel_sum
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.maps import final_threshold
from captum_rectgrad.studies.data.material import Network
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.roar_kar.config import Form
from rectgrad_zoo.data.cifar10 import Split

Ranks = NDArray[np.uint16]
RankPair = tuple[Ranks, Ranks]  # of training and test images, each (N, P)
_CHECKED_AT_ONCE = 2000  # images
_LOG = logging.getLogger(__name__)
_SPLITS: tuple[Split, Split] = ("train", "test")


def pixel_ranks(values: NDArray[np.float64], order: NDArray[np.uint64]) -> Ranks:
    """Rank the pixels of each image.

    Args:
        values: importance, `(N, P)`.
        order: of two pixels of the same importance the one with the lower number comes first,
            `(N, P)`.

    Returns:
        `(N, P)`: 0 for the most important pixel, P - 1 for the least.

    Raises:
        ValueError: there are more pixels than two bytes can number.
    """
    pixels = values.shape[1]
    if pixels - 1 > np.iinfo(np.uint16).max:
        raise ValueError(f"images of {pixels} pixels: two bytes number 65536 at most")
    chosen = np.lexsort((order, -values), axis=1)
    ranks = np.empty(values.shape, dtype=np.uint16)
    np.put_along_axis(ranks, chosen, np.arange(pixels, dtype=np.uint16)[None], axis=1)
    return ranks


def tie_order(images: slice, pixels: int, seed: int, split: Split) -> NDArray[np.uint64]:
    """An order of its own for the pixels of each image, which no batch size changes.

    Args:
        images: which images these are.
        pixels: of each image, P.
        seed: of the study.
        split: which the images are of.

    Returns:
        `(N, P)`, from the raw stream of NumPy's PCG64, which no version of NumPy changes.
    """
    which = _SPLITS.index(split)
    return np.stack(
        [
            np.random.PCG64([seed, which, image]).random_raw(pixels)
            for image in range(images.start, images.stop)
        ]
    )


def importance(maps: Tensor, form: Form, percentile: float | None) -> NDArray[np.float64]:
    """What the pixels of a map are ranked by.

    Args:
        maps: `(N, C, H, W)`, whole.
        form: `thresholded`: of what exceeds the percentile, the sum over the channels, as in the
            paper; `signed`: the sum over the channels; `absolute`: its absolute value.
        percentile: of all values of a map, for `thresholded`; None: no threshold.

    Returns:
        `(N, H * W)`.
    """
    if form == "thresholded" and percentile is not None:
        maps = final_threshold(maps, percentile)
    sums = channel_sum(maps).flatten(1)
    found: NDArray[np.float64] = (sums.abs() if form == "absolute" else sums).numpy()
    return found


@dataclass(frozen=True)
class RankFiles:
    """Ranks of training and test images, a file for each method, form and split.

    Attributes:
        folder: where they are.
    """

    folder: Path

    def file(self, method: str, form: Form, split: Split) -> Path:
        """Where the ranks of a split are."""
        return self.folder / f"{method}-{form}-{split}.npy"

    def read(self, method: str, form: Form) -> RankPair:
        """The ranks of the training and of the test images, `(N, P)`; of a file, no copy."""
        train, test = (np.load(self.file(method, form, split), mmap_mode="r") for split in _SPLITS)
        return train, test


def is_whole(file: Path, images: int, pixels: int) -> bool:
    """Whether a file has the ranks of so many images; a warning is logged where it is damaged.

    Ranks carry their own check: each pixel of an image has another one. A file that was cut, or of
    which a part was never written, does not pass, nor does one in which a number has changed.

    Args:
        file: which.
        images: how many it must be of.
        pixels: of each image.

    Returns:
        Whether it is there and whole.
    """
    if not file.exists():
        return False
    try:
        ranks = np.load(file, mmap_mode="r")
        whole = bool(ranks.dtype == np.uint16 and ranks.shape == (images, pixels))
        every = np.arange(pixels)
        for start in range(0, images if whole else 0, _CHECKED_AT_ONCE):
            part = np.sort(ranks[start : start + _CHECKED_AT_ONCE], axis=1, kind="stable")
            whole = whole and bool((part == every).all())
    except (OSError, ValueError, EOFError):
        whole = False
    if not whole:
        _LOG.warning("%s is damaged: it is made again", file)
    return whole


def write_ranks(
    lab: Lab,
    network: Network,
    method: Method,
    images: Tensor,
    targets: Tensor,
    files: Mapping[Form, Path],
    split: Split,
    advance: Callable[[int], object],
) -> None:
    """Attribute images once and write the ranks that are not there yet or damaged, each file whole.

    Args:
        lab: the machine, and the baselines' final threshold.
        network: what is explained.
        method: by what.
        images: `(N, C, H, W)`, uint8, as the network is to see them.
        targets: the classes to explain, `(N,)`.
        files: what to write.
        split: which the images are of.
        advance: called with the number of images that were done.
    """
    pixels = images.shape[-2] * images.shape[-1]
    missing = {
        form: file for form, file in files.items() if not is_whole(file, len(images), pixels)
    }
    if not missing:
        advance(len(images))
        return
    unfinished = {form: file.with_name(f".{file.name}") for form, file in missing.items()}
    arrays = {
        form: np.lib.format.open_memmap(
            file, mode="w+", dtype=np.uint16, shape=(len(images), pixels)
        )
        for form, file in unfinished.items()
    }
    whole = replace(lab, final_percentile=None)  # each form thresholds or not
    for batch in whole.maps(method, network, images, targets, split):
        order = tie_order(batch.images, pixels, lab.seed, split)
        for form, array in arrays.items():
            values = importance(batch.maps, form, lab.final_percentile)
            array[batch.images] = pixel_ranks(values, order)
        advance(len(batch.maps))
    for form, array in arrays.items():
        array.flush()
        unfinished[form].replace(missing[form])


def rank_all(
    lab: Lab,
    network: Network,
    methods: Mapping[Method, Sequence[Form]],
    splits: Mapping[Split, tuple[Tensor, Tensor]],
    progress: Callable[[int], object],
) -> RankFiles:
    """Rank the pixels of all images by all methods, whatever is not there yet.

    Args:
        lab: its folder gets a folder `ranks`.
        network: what is explained.
        methods: and their forms.
        splits: images and the classes to explain.
        progress: called with the number of images that were done.

    Returns:
        Where the ranks are.
    """
    ranks = RankFiles(lab.folder / "ranks")
    ranks.folder.mkdir(parents=True, exist_ok=True)
    for method, forms in methods.items():
        for split, (images, targets) in splits.items():
            files = {form: ranks.file(method.key, form, split) for form in forms}
            write_ranks(lab, network, method, images, targets, files, split, progress)
    return ranks
