"""The commands of `rectgrad` and their options in Markdown, from the parsers."""

import argparse
import re
from collections.abc import Iterator

from captum_rectgrad.cli.main import _parser

PAGE = "reference/command-line.md"
PLACE = re.compile(r"<!-- commands: .*? -->")
OPTION = re.compile(r"(?<![\w-])(--[a-z][\w-]*)")
WIDTH = 88  # characters of a line of usage


def with_commands(markdown: str) -> str:
    """The page, with every command at its place."""
    sections = "\n\n".join(_section(parser, said) for parser, said in commands(_parser(), ""))
    return PLACE.sub(lambda _: sections, markdown)


def commands(
    parser: argparse.ArgumentParser, said: str
) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """A parser and those of its commands, each with what the list of commands says of it."""
    yield parser, parser.description or said
    for action in parser._actions:  # noqa: SLF001 (argparse has no public list)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {each.dest: each.help or "" for each in action._choices_actions}  # noqa: SLF001
            for name, command in action.choices.items():
                yield from commands(command, helps.get(name, ""))


def _section(parser: argparse.ArgumentParser, said: str) -> str:
    """A heading, what the command does, its usage and a table of what it takes."""
    formatter = argparse.HelpFormatter(parser.prog, width=WIDTH)
    actions = parser._actions  # noqa: SLF001
    formatter.add_usage(parser.usage, actions, parser._mutually_exclusive_groups)  # noqa: SLF001
    usage = formatter.format_help().strip().removeprefix("usage: ")
    usage = re.sub(rf"\n {{{len('usage: ')}}}", "\n", usage)
    rows = [
        f"| {_names(formatter, action)} | {_cell(formatter._expand_help(action))} |"  # noqa: SLF001
        for action in actions
        if action.help and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    ]
    sentence = said[:1].upper() + said[1:].rstrip(".") + "."
    table = "\n".join(["| | |", "|---|---|", *rows])
    return f"## {parser.prog}\n\n{_cell(sentence)}\n\n``` {{ .text }}\n{usage}\n```\n\n{table}"


def _names(formatter: argparse.HelpFormatter, action: argparse.Action) -> str:
    """Names and value of an option, such as `--out FILE`; of an argument, its name."""
    return f"`{formatter._format_action_invocation(action)}`"  # noqa: SLF001


def _cell(text: str) -> str:
    """Text as Markdown in a cell: what is in backticks, and names of options, as code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()).replace("|", "\\|"))
    return "".join(
        part if part.startswith("`") else OPTION.sub(r"`\1`", _plain(part)) for part in parts
    )


def _plain(text: str) -> str:
    """Text in which Markdown sees nothing of its own."""
    return re.sub(r"([*_<\[{])", r"\\\1", text)
