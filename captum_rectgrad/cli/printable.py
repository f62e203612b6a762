"""The text of a command without characters that command a terminal."""
# ruff: noqa: T201 (a command prints)

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# What tqdm draws bars with: the start of a line; or line ends and "one line up", and no text.
_BARS = re.compile(r"\n*(?:\x1b\[A)*\Z|\r")


def printable(text: str, kept: str = "") -> str:
    """Replace control characters, such as escape sequences, and characters that reorder text.

    Args:
        text: text with names or messages of others: of files, models, tensors, servers.
        kept: control characters that are kept.

    Returns:
        The text with "?" in their place.
    """
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or letter in kept or unicodedata.category(letter) == "Zs"
        else "?"
        for letter in text
    )


def one_line(text: str) -> str:
    """A text as one printable line.

    Args:
        text: text with names or messages of others, which may have line ends.

    Returns:
        The text with single spaces.
    """
    return printable(" ".join(text.split()))


def say(text: str) -> None:
    """Print a text as one line of standard error, after the name of the command."""
    print(f"rectgrad: {one_line(text)}", file=sys.stderr, flush=True)


class PrintableStream:
    """A text stream that writes printable characters, line ends and tabs only.

    tqdm may also write what it draws bars with: a carriage return at the start, or moves between
    lines.

    Args:
        stream: the stream that is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text; returns its length."""
        start = ""
        # By the caller, since others print texts of servers, which can look like a bar.
        if sys._getframe(1).f_globals.get("__name__", "").startswith("tqdm."):  # noqa: SLF001
            found = _BARS.match(text)
            start = found[0] if found else ""
        self._stream.write(start + printable(text[len(start) :], kept="\n\t"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)


@contextmanager
def printable_output() -> Iterator[None]:
    """Let the standard output and standard error of this process have printable text only."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (PrintableStream(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
