"""The command `rectgrad`. Slow imports happen when a subcommand runs."""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import argcomplete

from captum_rectgrad import __version__
from captum_rectgrad.cli import (
    app_arguments,
    check_arguments,
    explain_arguments,
    export_arguments,
    reproduce_arguments,
    zoo,
)
from captum_rectgrad.cli.option_names import with_option_names
from captum_rectgrad.cli.parser import BAD_REQUEST, Parser, parse
from captum_rectgrad.cli.printable import printable_output, say
from captum_rectgrad.cli.signals import exit_status, signals_as_interrupts
from captum_rectgrad.errors import RectGradError

if TYPE_CHECKING:
    import argparse

# RecursionError and OverflowError come from files with extreme nesting or numbers.
_REFUSALS = (
    ValueError,
    TypeError,
    AssertionError,
    OSError,
    OverflowError,
    RecursionError,
    RectGradError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: command-line arguments; None: those of the process.

    Returns:
        The exit status: 0 for success, 2 for an error, 128 and the number of a signal that ended
        the command, such as 130 for an interrupt; `check` and `reproduce` have further values.
    """
    parser = _parser()
    argcomplete.autocomplete(parser)
    args = parse(parser, argv)
    with printable_output(), signals_as_interrupts():
        return _run(args)


def _run(args: "argparse.Namespace") -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status: int = args.run(args)
    except BrokenPipeError:  # the reader, such as `head`, closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as interrupt:
        with suppress(OSError):  # the terminal is closed
            say(str(interrupt) or "interrupted")
        return exit_status(interrupt)
    except (*_REFUSALS, _zoo_error()) as error:
        say(f"error: {with_option_names(str(error), args)}")
        return BAD_REQUEST
    return status


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"warning: {message}")


def _parser() -> Parser:
    """The parser; subcommands are imported when they run."""
    parser = Parser(
        prog="rectgrad", description="Attribution maps with Rectified Gradient (RectGrad)."
    )
    parser.add_argument("--version", action="version", version=f"rectgrad {__version__}")
    commands: argparse._SubParsersAction[argparse.ArgumentParser] = cast(
        "Any", parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    )
    explain_arguments.add_parser(commands)
    zoo.add_parser(commands)
    reproduce_arguments.add_parser(commands)
    check_arguments.add_parser(commands)
    app_arguments.add_parser(commands)
    export_arguments.add_parser(commands)
    return parser


def _zoo_error() -> type[Exception]:
    """`rectgrad_zoo.ZooError` if the zoo has been imported, else `RectGradError`."""
    zoo = sys.modules.get("rectgrad_zoo")
    error: type[Exception] = getattr(zoo, "ZooError", RectGradError)
    return error
