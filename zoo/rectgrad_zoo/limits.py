"""Limits on the size of weights and on the time of a download, with their environment variables."""

import math
import os

from rectgrad_zoo.errors import ZooError

MOST_BYTES = "RECTGRAD_MOST_BYTES"
HUB_SECONDS = "RECTGRAD_HUB_SECONDS"
HUB_WAIT = "RECTGRAD_HUB_WAIT"
_DEFAULTS = {MOST_BYTES: 10 * 2**30, HUB_SECONDS: 3600, HUB_WAIT: 60}


def limit(variable: str) -> float:
    """The value of a limit.

    Args:
        variable: `RECTGRAD_MOST_BYTES`: the largest weights file, in bytes, downloaded or local; 10
            GiB by default. `RECTGRAD_HUB_SECONDS`: the time of the whole download of a checkpoint,
            in seconds; an hour by default. `RECTGRAD_HUB_WAIT`: the longest wait before another
            try that a server may ask for (`Retry-After`), in seconds; a minute by default.

    Returns:
        The value of the environment variable, or the default.

    Raises:
        ZooError: If the variable is not a positive finite number.
    """
    text = os.environ.get(variable, "")
    if not text.strip():
        return _DEFAULTS[variable]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ZooError(f"{variable} is {text!r}, expected a number above 0.")
    return value
