"""Measurements of several networks on the same images."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def stack_networks(found: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Measurements of networks of one architecture as arrays by network.

    Args:
        found: for each of R networks, its measurements by name, `(N, ...)`.

    Returns:
        By name, `(R, N, ...)`.
    """
    return {name: np.stack([one[name] for one in found]) for name in found[0]}


def complete_images(values: Array) -> Array:
    """The images with a finite value for every network, which `crossed_mean` uses.

    Args:
        values: `(R, N)` or `(N,)`.

    Returns:
        The same array with fewer images.
    """
    kept = np.isfinite(np.atleast_2d(values)).all(axis=0)
    chosen: Array = values[..., kept]
    return chosen
