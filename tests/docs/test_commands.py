"""Every `rectgrad` command that the documentation shows is one: its arguments are taken."""

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from captum_rectgrad.cli.main import main
from captum_rectgrad.cli.parser import Parser, parse

ROOT = Path(__file__).resolve().parents[2]
PARSED = 99  # no exit status of a command
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


@pytest.fixture
def unrun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are parsed as ever, and not run."""

    def parse_only(parser: Parser, line: Sequence[str] | None) -> argparse.Namespace:
        args = parse(parser, line)
        assert callable(args.run)
        args.run = lambda _: PARSED
        return args

    monkeypatch.setattr("captum_rectgrad.cli.main.parse", parse_only)


@pytest.mark.usefixtures("unrun")
@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_its_arguments_are_taken(page: str, command: str) -> None:
    assert main(shlex.split(command, comments=True)[1:]) == PARSED, page


@pytest.mark.usefixtures("unrun")
def test_a_wrong_one_would_be_found() -> None:
    with pytest.raises(SystemExit):
        main(["explain", "--no-such-option"])


def test_there_are_some_of_each_command() -> None:
    shown = {command.split()[1] for _, command in commands()}
    assert {"app", "board", "explain", "check", "reproduce", "zoo"} <= shown
