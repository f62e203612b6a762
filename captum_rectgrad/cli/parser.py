"""A parser whose errors are one sentence, with the nearest option or command."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from captum_rectgrad.cli.printable import one_line
from captum_rectgrad.cli.suggestions import did_you_mean

BAD_REQUEST = 2


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` without the usage in front of an error."""

    def error(self, message: str) -> NoReturn:
        """Print one sentence to standard error and exit with status 2."""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if choice is not None:
            message += did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        said = one_line(f"rectgrad: error: {message} (see {self.prog} --help)")
        self.exit(BAD_REQUEST, f"{said}\n")


def parse(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line.

    Args:
        parser: the parser.
        argv: command-line arguments; None: those of the process.

    Returns:
        The arguments.
    """
    argv = sys.argv[1:] if argv is None else argv
    for word in argv:
        if re.fullmatch("--.+=--", word):  # some versions of argparse give an empty list for it
            parser.error(f"argument {word[:-3]}: expected a value, got '--'")
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        used = _used(parser, argv)
        options = [option for action in used._actions for option in action.option_strings]  # noqa: SLF001
        said = [
            word + did_you_mean(word.partition("=")[0], options)
            for word in unknown
            if word.startswith("-")
        ]
        used.error(
            f"unrecognized arguments: {' '.join(said)}"
            if said
            else f"unrecognized arguments: {' '.join(unknown)}; give them beside the others, not "
            "after an option"
        )
    return args


def _used(parser: argparse.ArgumentParser, argv: Sequence[str]) -> Parser:
    """The parser of the subcommand of a command line."""
    for word in argv:
        for choices in _subcommands(parser):
            parser = choices.get(word, parser)
    assert isinstance(parser, Parser)  # noqa: S101 (subparsers have the class of their parent)
    return parser


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[dict[str, argparse.ArgumentParser]]:
    for action in parser._actions:  # noqa: SLF001 (argparse has no public list)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            yield action.choices
