"""The page of the command line has every option of every command."""

import argparse
import re

import pytest

from captum_rectgrad.cli.main import _parser
from site_build.command_line import PAGE, PLACE, commands, with_commands
from site_build.pages import DOCS

WRITTEN = with_commands((DOCS / PAGE).read_text("utf-8"))
PARSERS = {parser.prog: parser for parser, _ in commands(_parser(), "")}


@pytest.mark.parametrize("name", PARSERS)
def test_every_option_is_there_with_its_help(name: str) -> None:
    sections = re.split(r"^## ", WRITTEN, flags=re.MULTILINE)
    (section,) = (each for each in sections if each.startswith(f"{name}\n"))
    rows = dict(re.findall(r"^\| `(.+?)` \| (.*) \|$", section, re.MULTILINE))
    for action in PARSERS[name]._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        options = set(action.option_strings)
        shown = [row for row in rows if options <= set(re.split("[, ]+", row))]
        assert shown, action
        assert all(rows[row].strip() for row in shown)
    assert "%(" not in section
    assert "==SUPPRESS==" not in section


def test_the_commands() -> None:
    found = re.findall(r"^## (rectgrad.*)$", WRITTEN, re.MULTILINE)
    assert {"rectgrad", "rectgrad explain", "rectgrad zoo verify", "rectgrad app"} <= set(found)
    assert found == list(PARSERS)
    assert not PLACE.search(WRITTEN)


def test_lines_of_the_page() -> None:
    percentile = "RectGrad's percentile, 0 to 100 (default: 98, the paper's)"
    assert f"| `--percentile Q` | {percentile} |" in WRITTEN
    assert "images instead of `--data`, as for `rectgrad explain`" in WRITTEN
