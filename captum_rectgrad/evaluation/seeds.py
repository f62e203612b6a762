"""Independent seeds for the parts of a computation."""

import hashlib


def derived_seed(seed: int, *parts: object) -> int:
    """A seed for one part of a computation, independent of other parts and other seeds.

    It is a hash, so neighbouring seeds are independent. With `seed + i`, the first part of seed 1
    would equal the second part of seed 0.

    Args:
        seed: seed of the whole computation.
        *parts: identify the part, as words or numbers without spaces.

    Returns:
        A number below 2 ** 63, the same on every machine.
    """
    digest = hashlib.sha256(" ".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
