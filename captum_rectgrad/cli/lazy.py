"""Commands that are imported when they run."""

import argparse
import pkgutil
from collections.abc import Callable


def lazy_command(place: str) -> Callable[[argparse.Namespace], int]:
    """A command that is imported when it runs, so that the parser does not import PyTorch.

    Args:
        place: `MODULE:FUNCTION`, a function from arguments to exit status.

    Returns:
        A function that imports and calls it.
    """

    def run(args: argparse.Namespace) -> int:
        status: int = pkgutil.resolve_name(place)(args)
        return status

    return run
