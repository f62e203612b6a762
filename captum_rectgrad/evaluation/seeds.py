"""Seeds of parts of some work, so that no two parts draw the same."""

import hashlib


def derived_seed(seed: int, *parts: object) -> int:
    """A seed that belongs to a part of the work, and to no other part and no other seed.

    Neighbouring seeds must have nothing in common: with `seed + i`, seed 1 would begin with what
    seed 0 draws second.

    Args:
        seed: of the whole.
        *parts: what the part is, as words or numbers without spaces.

    Returns:
        A number below 2 ** 63, the same on every machine.
    """
    digest = hashlib.sha256(" ".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
