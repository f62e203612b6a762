"""What a tutorial printed and drew, kept until the tutorial or something that it runs changes.

Running the tutorials is nearly all of a build. `.tutorials/` has one folder for each tutorial, with
its name and a hash of it, of the packages of this repository and of the installed versions.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from site_build.pages import ROOT

PACKAGES = (
    "captum_rectgrad",
    "zoo/rectgrad_zoo",
    "site_build/tutorial.py",
    "site_build/external_weights.py",
)


def kept(source: Path, run: Callable[[Path, Path], str], folder: Path) -> tuple[Path, str]:
    """The output of a tutorial: that of an earlier run of the same, else of a new one.

    Args:
        source: the tutorial.
        run: runs a tutorial and writes its output to a folder. Returns what went wrong, or nothing.
        folder: where outputs are kept.

    Returns:
        The folder of the output, and what went wrong, or nothing. Only a success is kept.
    """
    place = folder / f"{source.stem}-{fingerprint([source], _environment())}"
    if place.is_dir():
        return place, ""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        made = Path(name) / "made"
        made.mkdir()
        if failure := run(source, made):
            return place, failure
        for stale in folder.glob(f"{source.stem}-*"):
            shutil.rmtree(stale)
        made.rename(place)
    return place, ""


def fingerprint(files: Sequence[Path], also: str = "") -> str:
    """A hash of names and contents of files, and of a text."""
    digest = hashlib.sha256(also.encode())
    for file in files:
        digest.update(f"{file.name} {file.stat().st_size} ".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _environment() -> str:
    """What all tutorials run: the packages of this repository, and the installed versions."""
    files = [
        file
        for package in PACKAGES
        for file in sorted([ROOT / package, *(ROOT / package).rglob("*")])
        if file.is_file() and file.suffix != ".pyc"
    ]
    versions = sorted(f"{each.name} {each.version}" for each in distributions())
    return fingerprint(files, "\n".join(versions))
