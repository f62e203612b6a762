"""The images of a command line: files, folders, glob patterns, URLs and standard input."""

import fnmatch
import glob
import io
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from PIL import Image

from captum_rectgrad.cli.download import LIMIT_BYTES, download, is_url
from captum_rectgrad.cli.suggestions import did_you_mean_file
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.plotting.image_formats import image_endings
from captum_rectgrad.plotting.images import check_size, folder_files, read_image

STDIN = "-"
_STDIN_PLACE = "standard input"


@dataclass(frozen=True)
class ImageSource:
    """One image that is not decoded yet.

    Attributes:
        label: short name.
        place: path, URL, or "standard input".
        content: the bytes of an image that is not a file on this machine.
        pattern: the glob pattern of the file names by which it was found, "*" of a folder; None:
            the image was named itself.
    """

    label: str
    place: str
    content: bytes | None = None
    pattern: str | None = None

    @property
    def file_name(self) -> str:
        """Name of the file with its ending, also on the web; or "standard input"."""
        if self.content is None:
            return Path(self.place).name
        return PurePosixPath(unquote(urlsplit(self.place).path)).name or self.label

    def read(self) -> Image.Image:
        """Decode the image; see `read_image`."""
        file = self.place if self.content is None else io.BytesIO(self.content)
        return read_image(file, self.place)


class Images(Mapping[str, Image.Image]):
    """Images by name, in order; each is decoded when it is asked for, and not kept.

    Args:
        sources: the images. The name of one is its label, or its place if two labels are equal.
    """

    def __init__(self, sources: Sequence[ImageSource]) -> None:
        self._given = tuple(sources)
        labels = Counter(source.label for source in sources)
        self.sources = {
            source.label if labels[source.label] == 1 else source.place: source
            for source in sources
        }

    def __getitem__(self, name: str) -> Image.Image:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RectGradWarning)  # given by `check` already
            return self.sources[name].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    def files(self) -> set[Path]:
        """Resolved paths of the given files on this machine, readable or not, also as stdin."""
        own = {Path(each.place) for each in self._given if each.content is None}
        if any(each.place == _STDIN_PLACE and each.content for each in self._given):
            own.add(Path("/dev/stdin"))  # on Linux a link to the file
        return {place.resolve() for place in own}

    def found_again(self, file: Path) -> bool:
        """Whether the next run with the same folders and patterns would find a new file.

        Args:
            file: path of a file that does not have to exist.
        """
        if file.suffix.lower() not in image_endings():
            return False
        places = {
            (Path(each.place).parent.resolve(), each.pattern)
            for each in self._given
            if each.pattern is not None
        }
        folder = file.parent.resolve()
        return any(
            folder == place and fnmatch.fnmatch(file.name, pattern) for place, pattern in places
        )

    def check(self) -> None:
        """Decode every image once.

        An image of a folder or a pattern that cannot be read, or is too small, is left out with a
        warning: folders of users have files of other programs, and damaged ones.

        Raises:
            ValueError: an image that was named itself cannot be read or is too small, or none of
                the images can be read. The message has the reason of each.
        """
        errors: dict[str, str] = {}
        for name, source in self.sources.items():
            try:
                check_size(source.read(), source.place)
            except ValueError as error:  # noqa: PERF203 (all are reported)
                errors[name] = str(error)
        named = [errors[name] for name in errors if self.sources[name].pattern is None]
        if named or len(errors) == len(self.sources):
            raise ValueError(_all_of(named or list(errors.values())))
        for reason in errors.values():
            warnings.warn(f"skipped an image: {reason}", RectGradWarning, stacklevel=2)
        self.sources = {name: source for name, source in self.sources.items() if name not in errors}


def find_images(given: Sequence[str]) -> Images:
    """Find the images of a command line; URLs are downloaded.

    Args:
        given: paths of files and folders, glob patterns, URLs, or `-` for standard input.

    Returns:
        The images.

    Raises:
        ValueError: a file does not exist, a folder or a pattern has no image, a URL cannot be
            downloaded, standard input is empty or too long, or an image is given twice. The
            message has the reason of each argument.
    """
    sources: list[ImageSource] = []
    errors = []
    for argument in given:
        try:
            sources += _sources(argument)
        except ValueError as error:  # noqa: PERF203 (all are reported)
            errors.append(str(error))
    if errors:
        raise ValueError(_all_of(errors))
    places = Counter(source.place for source in sources)
    twice = [place for place, count in places.items() if count > 1]
    if twice:
        raise ValueError(f"the image {min(twice)!r} is given twice; give each image once")
    return Images(sources)


def _sources(argument: str) -> list[ImageSource]:
    if not argument:  # an unset variable of a shell; pathlib takes it for the working directory
        raise ValueError("got an empty name for an image; give . for the working directory")
    if argument == STDIN:
        return [ImageSource("stdin", _STDIN_PLACE, _standard_input())]
    if is_url(argument):
        return [ImageSource(_last_part(argument), argument, download(argument))]
    files, pattern = _files(argument)
    return [ImageSource(path.stem, str(path), pattern=pattern) for path in files]


def _files(argument: str) -> tuple[list[Path], str | None]:
    """The files of an argument, and the `ImageSource.pattern` of their names."""
    path = Path(argument).expanduser()
    if path.is_dir():
        return folder_files(path), "*"
    if path.exists():
        return [path], None
    if glob.has_magic(argument):
        found = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207 (any root)
        files = [match for match in found if match.is_file()]
        if not files:
            raise ValueError(f"no file matches the pattern {argument!r}")
        return files, path.name
    if not path.parent.is_dir():
        raise ValueError(
            f"cannot read {argument!r} as an image: the folder {str(path.parent)!r} does not exist"
        )
    raise ValueError(f"cannot read {argument!r} as an image: no such file{did_you_mean_file(path)}")


def _all_of(errors: Sequence[str]) -> str:
    """One message of several errors, numbered because each may have several sentences."""
    if len(errors) == 1:
        return errors[0]
    numbered = "; ".join(f"({number}) {error}" for number, error in enumerate(errors, start=1))
    return f"{len(errors)} images cannot be used: {numbered}"


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        raise ValueError("got - for standard input, which is a terminal; pipe an image into it")
    content = sys.stdin.buffer.read(LIMIT_BYTES + 1)
    if not content:
        raise ValueError("standard input is empty, expected an image")
    if len(content) > LIMIT_BYTES:
        raise ValueError(f"standard input has more than {LIMIT_BYTES // 10**6} MB")
    return content


def _last_part(url: str) -> str:
    parts = urlsplit(url)
    return PurePosixPath(unquote(parts.path)).stem or parts.hostname or url
