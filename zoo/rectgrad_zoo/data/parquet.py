"""Rows of parquet files, with bounds on their size."""

import importlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import open_regular, read_regular
from rectgrad_zoo.limits import MOST_BYTES, limit

# The largest data set here, Fashion-MNIST, has 60,000 training images; CIFAR-10's take 120 MB.
MOST_ROWS = 100_000
_MOST_UNPACKED = 2**28  # bytes of a parquet file without its compression, and of rows in memory
_MOST_ROWS_AT_ONCE = 1_024


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
    parquet = _import_pyarrow()
    count = 0
    for file in files:
        for number, row in enumerate(_rows(parquet, file, columns)):
            where = f"{file}, row {number}"
            count += 1
            if count > MOST_ROWS:
                raise ZooError(f"{where}: expected at most {MOST_ROWS:,} rows in all files.")
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


def class_names(file: Path, column: str) -> list[object] | None:
    """Names of the classes that the Hub's libraries store in a parquet file.

    Args:
        file: The file.
        column: Name of the column of labels.

    Returns:
        The names, by label; `None` if the file has none.

    Raises:
        ZooError: If pyarrow is not installed.
    """
    parquet = _import_pyarrow()
    try:
        metadata = json.loads(parquet.read_schema(file).metadata[b"huggingface"])
        return list(metadata["info"]["features"][column]["names"])
    # The metadata are optional. `parquet_rows` names a file that is not readable.
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


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


def _import_pyarrow() -> ModuleType:
    """Import a package of the extra for training and measuring."""
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ZooError(
            "Reading parquet files needs pyarrow: pip install 'captum-rectgrad[studies]'"
        ) from error
