"""CIFAR-10 from parquet files, a folder of pictures, or a data set of the Hub."""

from pathlib import Path

from rectgrad_zoo.data.data_sets import CIFAR10, Split
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.read_data_set import read_data_set

__all__ = ["Split", "read_cifar10"]


def read_cifar10(source: str | Path, split: Split) -> LabelledImages:
    """Read one split of CIFAR-10.

    Args:
        source: A folder with `plain_text/train-*.parquet` and `plain_text/test-*.parquet`, with
            the columns `img` (`bytes` of an image file, `path`) and `label` (0 to 9); or a folder
            with `train/CLASS/*` and `test/CLASS/*`, one folder of image files per class; or, if no
            such folder exists, the name of a Hub data set with such parquet files, which is read
            from the cache of `huggingface_hub` or downloaded into it (`HF_HOME` and related
            variables apply).
        split: `"train"` or `"test"`.

    Returns:
        The decoded images, in the order of the files.

    Raises:
        ZooError: If the data are absent or have another layout, or a required package is not
            installed.
    """
    return read_data_set(CIFAR10, source, split)
