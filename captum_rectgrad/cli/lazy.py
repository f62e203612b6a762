"""Commands that are imported when they are run."""

import argparse
import pkgutil
from collections.abc import Callable


def lazy_command(place: str) -> Callable[[argparse.Namespace], int]:
    """A command by where it is defined: a parser that names it need not wait for PyTorch.

    Args:
        place: `MODULE:FUNCTION`, a function from arguments to exit status.

    Returns:
        A function that imports that one, and calls it.
    """

    def run(args: argparse.Namespace) -> int:
        status: int = pkgutil.resolve_name(place)(args)
        return status

    return run
