"""Errors of hf_xet, which does not speak with a Hub on loopback, in the words it has for them."""

import pytest

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.errors import UnreachableError, one_line
from rectgrad_zoo.hub.names import HubName

HUB = HubName("owner/name")


def test_a_full_disk_is_told_from_a_lost_connection() -> None:
    with (
        pytest.raises(ZooError, match=r"^Cannot get x: cannot write to the cache .*No space left"),
        one_line("Cannot get x", HUB),
    ):
        raise RuntimeError("Data processing error: File IO: No space left (os error 28)")
    with (
        pytest.raises(UnreachableError, match=r"^Cannot get x: the connection to .* failed"),
        one_line("Cannot get x", HUB),
    ):
        raise RuntimeError("Data processing error: Connection reset by peer (os error 104)")
