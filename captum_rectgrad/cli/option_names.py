"""Messages of the Python functions in the words of the command line."""

import argparse
import re

# What a message of a function says (a regular expression), the option that serves it, and what the
# command says instead. The first expression that fits a place applies.
_SPELLINGS = (
    (r"give labels=", "labels", "give --labels"),
    (r"with output=, a key, an index or a function", "output", "with --output, a key or an index"),
    (r"with output=", "output", "with --output"),
    (r"\boutput=(.+) selects a", "output", r"--output \1 selects a"),
    (
        r"pass transform=, such as",
        "model",
        "let MODULE:FUNCTION return a pair (model, transform), with a transform such as",
    ),
    (r"leave dynamic out", "dynamic", "omit --dynamic"),
    (r"weights=PATH", "weights", "--weights FILE"),
)


def with_option_names(message: str, args: argparse.Namespace) -> str:
    """Replace arguments of Python functions in an error by the options that set them.

    Args:
        message: text of an error.
        args: the parsed arguments of the command. An option that the command does not have is not
            named: `check` has no `--weights`.

    Returns:
        The message for a user of the command.
    """
    for spelling, option, instead in _SPELLINGS:
        if hasattr(args, option):
            message = re.sub(spelling, instead, message)
    return message
