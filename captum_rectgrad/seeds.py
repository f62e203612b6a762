"""Seeds that have nothing to do with each other, from one seed and names of what is drawn."""

import hashlib


def derived_seed(seed: int, *names: object) -> int:
    """A seed for one purpose.

    Args:
        seed: of the whole.
        *names: of the purpose; anything whose `str` tells it from others.

    Returns:
        A number below 2 ** 63, from the SHA-256 of all of these.
    """
    digest = hashlib.sha256(" ".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
