"""Files that a command writes, checked before the computation."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from matplotlib.backends.backend_agg import FigureCanvasAgg

NAME = "{name}"  # in --out: one figure per image
_TIFF = (b"II*\0", b"MM\0*")
# The first bytes of a file of each format; "raw" and "rgba" have none.
_STARTS: Mapping[str, tuple[bytes, ...]] = {
    "avif": (b"\0\0\0",),
    "eps": (b"%!PS",),
    "gif": (b"GIF8",),
    "jpeg": (b"\xff\xd8",),
    "jpg": (b"\xff\xd8",),
    "npz": (b"PK",),
    "onnx": (b"\x08",),  # the version of the format, the first field
    "pdf": (b"%PDF",),
    "png": (b"\x89PNG",),
    "ps": (b"%!PS",),
    "svg": (b"<?xml", b"<svg"),
    "svgz": (b"\x1f\x8b",),
    "tif": _TIFF,
    "tiff": _TIFF,
    "webp": (b"RIFF",),
}
_LONGEST = max(len(start) for starts in _STARTS.values() for start in starts)


def figure_files(out: str, names: Sequence[str]) -> dict[str, Path] | None:
    """The file of each image's own figure, if `--out` asks for one figure per image.

    Args:
        out: value of `--out`: a file, a folder (it exists, or ends with a slash), or a pattern
            with `{name}`.
        names: names of the images.

    Returns:
        By name, the file; None if `out` is one file for all images.

    Raises:
        ValueError: two images would have the same file, or `out` has another placeholder.
    """
    other = re.sub(re.escape(NAME), "", out)
    if placeholder := re.search(r"\{[^{}/]*\}", other):
        raise ValueError(
            f"--out: got the placeholder {placeholder[0]} in {out!r}, expected {NAME}, the name of "
            f"each image; did you mean {NAME}?"
        )
    if NAME not in out:
        if not (out.endswith(("/", os.sep)) or Path(out).is_dir()):
            return None
        out = os.path.join(out, f"{NAME}.png")  # noqa: PTH118 (a pattern, not yet a path)
    files = {name: Path(out.replace(NAME, _file_name(name))) for name in names}
    if len(set(files.values())) < len(files):
        raise ValueError(f"two images would be written to the same file of {out!r}; rename one")
    return files


def _file_name(name: str) -> str:
    """A name that may be a path or a URL, as a part of a file name."""
    refused = '/\\:?*"<>|'
    return "".join(
        letter if letter.isprintable() and letter not in refused else "_" for letter in name
    ).strip("._ ")


def check_figure_format(file: Path) -> None:
    """Check that a file name ends in a format that matplotlib writes.

    Raises:
        ValueError: the ending is missing or not supported.
    """
    # LaTeX's format keeps its images in further files, which are not renamed with it.
    known = sorted(FigureCanvasAgg.get_supported_filetypes().keys() - {"pgf"})
    if file.suffix[1:].lower() not in known:
        raise ValueError(
            f"{str(file)!r} must end in one of: {', '.join('.' + each for each in known)}; or in a "
            "slash, for a folder"
        )


def check_output(file: Path, inputs: Collection[Path], *, create: bool = False) -> None:
    """Check that a file can be written, and that no file of another kind is lost.

    Args:
        file: the file.
        inputs: resolved paths of files that the command reads.
        create: whether the folder is created if it does not exist.

    Raises:
        ValueError: the file cannot be written, is one of the inputs, or has another format than
            its ending says.
    """
    try:
        target = file.resolve()  # the file behind a link
    except (OSError, RuntimeError) as error:  # before Python 3.13 a loop of links is a RuntimeError
        raise ValueError(f"cannot write {str(file)!r}: its links form a loop") from error
    if target in inputs or any(_is_same(target, read) for read in inputs):
        raise ValueError(f"{str(file)!r} is an input and would be overwritten; choose another file")
    if create and not file.parent.exists():
        there = next(folder for folder in file.parents if folder.exists())
        if not there.is_dir():
            raise ValueError(f"cannot write {str(file)!r}: {str(there)!r} is a file")
        try:
            with TemporaryFile(dir=there):
                return
        except OSError as error:
            raise ValueError(
                f"cannot write {str(file)!r}: no files can be made in {str(there)!r}; choose a "
                "folder with write permission"
            ) from error
    try:
        start = _start(target)
    except OSError as error:
        raise ValueError(
            f"cannot write {str(file)!r}; choose an existing folder with write permission"
        ) from error
    starts = _STARTS.get(file.suffix[1:].lower())
    if start and starts is not None and not start.startswith(starts):
        raise ValueError(
            f"{str(file)!r} exists and is not a {file.suffix} file, so it is not overwritten; "
            "choose another file"
        )


def _is_same(file: Path, other: Path) -> bool:
    """Whether two paths are one existing file, by a hard link or on a case-insensitive disk."""
    try:
        return file.samefile(other)
    except OSError:
        return False


def _start(file: Path) -> bytes:
    """The first bytes of a file, and none of a new file or a device; nothing is created or changed.

    Raises:
        OSError: the file cannot be written.
    """
    if not file.exists():
        with TemporaryFile(dir=file.parent):
            return b""
    if file.is_dir() or not os.access(file, os.W_OK):
        raise PermissionError
    if not file.is_file():
        return b""
    with file.open("rb") as opened:
        return opened.read(_LONGEST)
