"""CIFAR-10 from parquet files, a folder of pictures, or a data set of the Hub."""

import importlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import DatasetFolder
from torchvision.datasets.folder import IMG_EXTENSIONS

from rectgrad_zoo.data.images import CIFAR10_CLASSES, LabelledImages
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.data_set import data_set_files
from rectgrad_zoo.hub.names import HubName, is_repository
from rectgrad_zoo.input_files import open_regular, read_regular
from rectgrad_zoo.limits import MOST_BYTES, limit

IMAGE_SIZE = (32, 32)
# CIFAR-10 has 50,000 training images, of 120 MB in all and 3 kB each.
_MOST_ROWS = 100_000
_MOST_UNPACKED = 2**28  # bytes of a parquet file without its compression, and of rows in memory
_MOST_ROWS_AT_ONCE = 1_024
_MOST_PICTURE_BYTES = 2**20

Split = Literal["train", "test"]

# Those of torchvision's folders. Pillow would hand EPS to another program.
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_IMAGES, _LABELS = "img", "label"
_COLUMNS = (_IMAGES, _LABELS)
_LAYOUTS = (
    "plain_text/{split}-*.parquet (a copy of the Hub data set uoft-cs/cifar10), nor pictures in "
    "{split}/airplane/ to {split}/truck/"
)


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
    folder = Path(source)
    if not folder.is_dir():
        if not is_repository(str(source)) or folder.exists():
            raise ZooError(
                f"{source} is neither a local folder nor the name of a data set on the Hub. "
                "Expected OWNER/NAME, or the folder that contains plain_text/ with parquet files."
            )
        files = data_set_files(HubName(str(source)), split)
        _check_classes(files[0], str(source))
        return _of_parquet(files, str(source))
    files = sorted((folder / "plain_text").glob(f"{split}-*.parquet"))
    if files:
        return _of_parquet(files, str(source))
    if (folder / split).is_dir():
        return _stacked(_picture_rows(folder / split), str(source))
    hint = f" Pass the parent folder: {folder.absolute().parent}." if _is_inner(folder) else ""
    raise ZooError(f"{folder} has neither {_LAYOUTS.format(split=split)}.{hint}")


def _of_parquet(files: list[Path], source: str) -> LabelledImages:
    rows = ((row[_IMAGES], row[_LABELS], where) for row, where in parquet_rows(files, _COLUMNS))
    return _stacked(rows, source)


def _is_inner(folder: Path) -> bool:
    return folder.absolute().name == "plain_text" and any(folder.glob("*.parquet"))


def _check_classes(file: Path, name: str) -> None:
    """Refuse other classes than those of CIFAR-10, which the Hub's libraries store in the file."""
    parquet = _import_extra("pyarrow.parquet", "Reading parquet files")
    try:
        metadata = json.loads(parquet.read_schema(file).metadata[b"huggingface"])
        classes = metadata["info"]["features"][_LABELS]["names"]
    # The metadata are optional. `parquet_rows` names a file that is not readable.
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if classes != list(CIFAR10_CLASSES):
        raise ZooError(
            f"{name} has the classes {classes!r:.200}, expected {list(CIFAR10_CLASSES)}."
        )


def parquet_rows(
    files: Iterable[Path], columns: Sequence[str]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Read the rows of parquet files.

    Args:
        files: The files, in order.
        columns: The columns to read. A struct of `bytes` and `path` becomes the bytes of the image
            file.

    Yields:
        The row by column, and its location for errors.

    Raises:
        ZooError: If a file cannot be read or lacks a column, the files have more than 100,000 rows,
            a file takes more than 256 MiB without its compression, or pyarrow is not installed.
    """
    parquet = _import_extra("pyarrow.parquet", "Reading parquet files")
    count = 0
    for file in files:
        for number, row in enumerate(_rows(parquet, file, columns)):
            where = f"{file}, row {number}"
            count += 1
            if count > _MOST_ROWS:
                raise ZooError(f"{where}: expected at most {_MOST_ROWS:,} rows in all files.")
            yield {key: _content(cell, where, file.parent) for key, cell in row.items()}, where


def _rows(parquet: Any, file: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a file, few at once, because a dictionary repeats a value without its bytes."""
    try:
        with open_regular(file, int(limit(MOST_BYTES))) as opened:
            content = parquet.ParquetFile(opened)
            _check_columns(content.schema_arrow.names, str(file), columns)
            about = content.metadata
            groups = (about.row_group(number) for number in range(about.num_row_groups))
            unpacked = sum(group.total_byte_size for group in groups)
            if unpacked > _MOST_UNPACKED:
                raise ZooError(
                    f"{file} has {unpacked:,} bytes without its compression, expected at most "
                    f"{_MOST_UNPACKED:,}."
                )
            # No value is larger than the file without its compression.
            at_once = max(1, min(_MOST_ROWS_AT_ONCE, _MOST_UNPACKED // max(1, unpacked)))
            for batch in content.iter_batches(at_once, columns=list(columns)):
                yield from batch.to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors are subclasses of these
        raise ZooError(f"{file} is not a readable parquet file: {error}") from error


class _Pictures(DatasetFolder):  # type: ignore[misc]
    """Pictures in one folder per class, without hidden folders."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Sorted names of the folders, and their indices."""
        classes, _ = super().find_classes(directory)
        shown = [name for name in classes if not name.startswith(".")]
        return shown, {name: index for index, name in enumerate(shown)}


def _picture_rows(folder: Path) -> Iterator[tuple[bytes, int, str]]:
    try:
        found = _Pictures(str(folder), loader=str, extensions=IMG_EXTENSIONS)
    except FileNotFoundError as error:
        raise ZooError(
            f"{folder}: expected one folder of pictures per class, found none ({error})."
        ) from error
    # The order of CIFAR-10's ten classes is alphabetical, as in DatasetFolder.
    if tuple(found.classes) != CIFAR10_CLASSES:
        raise ZooError(
            f"{folder} has the folders {found.classes}, expected {list(CIFAR10_CLASSES)}."
        )
    for path, label in found.samples:
        yield read_regular(path), label, path


def _stacked(rows: Iterable[tuple[bytes, int, str]], source: str) -> LabelledImages:
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for content, label, where in rows:
        if not isinstance(label, int) or label not in range(len(CIFAR10_CLASSES)):
            raise ZooError(f"{where}: expected a label from 0 to 9, got {label!r}.")
        images.append(decode_image(content, where, "RGB"))
        labels.append(label)
    if not labels:
        raise ZooError(f"{source}: expected images, got no rows.")
    return LabelledImages(
        images=torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(),
        labels=torch.tensor(labels, dtype=torch.int64),
    )


def _check_columns(names: list[str], where: str, columns: Sequence[str]) -> None:
    missing = sorted(set(columns) - set(names))
    if missing:
        raise ZooError(
            f"{where} has the columns {names}, expected {', '.join(columns)} (images as bytes and "
            f"path); missing: {missing}."
        )


def _content(cell: Any, where: str, folder: Path) -> Any:
    """The bytes of an image file, read from disk if the data set stores a path."""
    if not isinstance(cell, dict):
        return cell
    if cell.get("bytes") is not None or cell.get("path") is None:
        return cell.get("bytes")
    try:
        file = (folder / cell["path"]).resolve()
        inside = folder.resolve() in file.parents
        content = read_regular(file) if inside else b""
    # No file, no text, or no path at all.
    except (OSError, TypeError, ValueError, ZooError) as error:
        raise ZooError(f"{where}: cannot read the image file: {error}") from error
    if not inside:
        raise ZooError(f"{where}: the path {cell['path']!r} leads out of the folder {folder}.")
    return content


def decode_image(encoded: object, where: str, mode: Literal["RGB", "L"]) -> NDArray[np.uint8]:
    """Decode an image file of 32 x 32 pixels.

    Args:
        encoded: Content of the file, as bytes.
        where: Location of the image, for errors.
        mode: `RGB`, or `L` for grey levels.

    Returns:
        Array of shape `(32, 32, 3)`, or `(32, 32)` for grey levels, 0 to 255.

    Raises:
        ZooError: If the content is not an image file or has another size.
    """
    if not isinstance(encoded, bytes):
        raise ZooError(f"{where}: expected an image file, got {encoded!r:.80}.")
    if len(encoded) > _MOST_PICTURE_BYTES:
        raise ZooError(
            f"{where}: expected an image file of at most {_MOST_PICTURE_BYTES:,} bytes, got "
            f"{len(encoded):,}."
        )
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            size = image.size  # checked before the pixels are decoded
            if size == IMAGE_SIZE:
                return np.asarray(image.convert(mode))
    # Pillow may raise anything for arbitrary bytes.
    except Exception as error:
        raise ZooError(
            f"{where}: expected an image file of 32 x 32 pixels, got {len(encoded)} bytes that "
            f"cannot be decoded ({type(error).__name__})."
        ) from error
    raise ZooError(f"{where}: expected an image of 32 x 32, got {size[::-1]}.")


def _import_extra(module: str, purpose: str) -> ModuleType:
    """Import a package of the extra for training and measuring."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".", maxsplit=1)[0]
        raise ZooError(
            f"{purpose} needs {package}: pip install 'captum-rectgrad[studies]'"
        ) from error
