"""Every `rectgrad` command that the documentation shows is one: its arguments are taken."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from captum_rectgrad.cli import _parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    *ROOT.glob("*.md"),
    *(ROOT / "zoo").glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "how-to").glob("*.md"),
)


def commands() -> Iterator[tuple[str, str]]:
    """Pages, and the lines of their blocks of commands that call `rectgrad`."""
    for page in sorted(PAGES):
        text = page.read_text(encoding="utf-8")
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            lines = block.splitlines() if language in {"", "shell"} else []
            yield from ((page.name, line) for line in lines if line.startswith("rectgrad "))


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_its_arguments_are_taken(page: str, command: str) -> None:
    _, name, *rest = shlex.split(command, comments=True)
    parsed = _parser(name).parse_args([name, *rest])  # exits where they are not
    assert callable(parsed.run), page


def test_there_are_some_of_each_command() -> None:
    shown = {command.split()[1] for _, command in commands()}
    assert {"explain", "check", "reproduce", "zoo"} <= shown


def test_a_wrong_one_would_be_found() -> None:
    with pytest.raises(SystemExit):
        _parser("explain").parse_args(["explain", "--no-such-option"])
