"""Labelled images of a data set from parquet files, other local files, or the Hub."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from rectgrad_zoo.data.data_sets import DataSet, Split
from rectgrad_zoo.data.idx_files import has_idx_files, idx_file_names, read_idx_files
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.parquet import class_names, parquet_rows
from rectgrad_zoo.data.pictures import decode_image, picture_rows
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.data_set import data_set_files
from rectgrad_zoo.hub.names import HubName, is_repository

_LABELS = "label"


def read_data_set(data_set: DataSet, source: str | Path, split: Split) -> LabelledImages:
    """Read one split of a data set.

    Args:
        data_set: The data set, of `rectgrad_zoo.data.data_sets`.
        source: A folder with parquet files as in the Hub's repository, such as
            `plain_text/train-*.parquet` for CIFAR-10, with the columns of the images (`bytes` of an
            image file, `path`) and `label`; or a folder in the data set's other layout: for
            CIFAR-10 `train/CLASS/*` and `test/CLASS/*`, one folder of image files per class, for
            Fashion-MNIST the four idx files of its authors; or, if no such folder exists, the name
            of a Hub data set with such parquet files, which is read from the cache of
            `huggingface_hub` or downloaded into it (`HF_HOME` and related variables apply).
        split: `"train"` or `"test"`.

    Returns:
        The decoded images, in the order of the files.

    Raises:
        ZooError: If the data are absent, damaged or have another layout, or a required package is
            not installed.
    """
    folder = Path(source)
    if not folder.is_dir():
        if not is_repository(str(source)) or folder.exists():
            raise ZooError(
                f"{source} is neither a local folder nor the name of a data set on the Hub. "
                f"Expected OWNER/NAME, or the folder that contains {data_set.parquet_folder}/ with "
                "parquet files."
            )
        files = data_set_files(HubName(str(source)), split)
        _check_classes(data_set, files[0], str(source))
        return _of_parquet(data_set, files, str(source))
    files = sorted((folder / data_set.parquet_folder).glob(f"{split}-*.parquet"))
    if files:
        return _of_parquet(data_set, files, str(source))
    if data_set.other_layout == "pictures" and (folder / split).is_dir():
        rows = picture_rows(folder / split, data_set.classes)
        return _stacked(data_set, rows, str(source))
    if data_set.other_layout == "idx" and has_idx_files(folder, split):
        return _of_idx_files(data_set, folder, split)
    inner = folder.absolute().name == data_set.parquet_folder and any(folder.glob("*.parquet"))
    hint = f" Pass the parent folder: {folder.absolute().parent}." if inner else ""
    raise ZooError(f"{folder} has neither {_layouts(data_set, split)}.{hint}")


def _layouts(data_set: DataSet, split: Split) -> str:
    first, last = data_set.classes[0], data_set.classes[-1]
    if data_set.other_layout == "pictures":
        other = f"pictures in {split}/{first}/ to {split}/{last}/"
    else:
        other = " and ".join(f"{name}.gz" for name in idx_file_names(split))
    return (
        f"{data_set.parquet_folder}/{split}-*.parquet (a copy of the Hub data set "
        f"{data_set.name}), nor {other}"
    )


def _check_classes(data_set: DataSet, file: Path, name: str) -> None:
    """Refuse other classes than those of the data set, but for spaces."""
    classes = class_names(file, _LABELS)
    if classes is None:
        return
    if [str(each).replace(" ", "") for each in classes] != [
        each.replace(" ", "") for each in data_set.classes
    ]:
        raise ZooError(
            f"{name} has the classes {classes!r:.200}, expected {list(data_set.classes)}."
        )


def _of_parquet(data_set: DataSet, files: list[Path], source: str) -> LabelledImages:
    images = data_set.image_column
    found = parquet_rows(files, (images, _LABELS))
    return _stacked(data_set, ((row[images], row[_LABELS], where) for row, where in found), source)


def _of_idx_files(data_set: DataSet, folder: Path, split: Split) -> LabelledImages:
    images, labels = read_idx_files(folder, split, data_set.size)
    if not len(labels):
        raise ZooError(f"{folder}: expected images, got none.")
    last = len(data_set.classes) - 1
    if labels.max() > last:
        raise ZooError(f"{folder}: expected labels from 0 to {last}, got {labels.max()}.")
    return LabelledImages(
        images=torch.from_numpy(images).unsqueeze(1),
        labels=torch.from_numpy(labels.astype(np.int64)),
    )


def _stacked(
    data_set: DataSet, rows: Iterable[tuple[bytes, int, str]], source: str
) -> LabelledImages:
    count, (channels, *size) = len(data_set.classes), data_set.input_size
    mode: Literal["RGB", "L"] = "L" if channels == 1 else "RGB"
    images, labels = [], []
    for content, label, where in rows:
        if not isinstance(label, int) or label not in range(count):
            raise ZooError(f"{where}: expected a label from 0 to {count - 1}, got {label!r}.")
        images.append(decode_image(content, where, mode, data_set.size))
        labels.append(label)
    if not labels:
        raise ZooError(f"{source}: expected images, got no rows.")
    pixels = torch.from_numpy(np.stack(images)).reshape(len(images), *size, channels)
    return LabelledImages(
        images=pixels.permute(0, 3, 1, 2).contiguous(),
        labels=torch.tensor(labels, dtype=torch.int64),
    )
