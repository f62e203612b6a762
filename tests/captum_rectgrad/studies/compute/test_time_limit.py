"""A run stops before its time is over."""

import pytest

from captum_rectgrad.studies.compute.time_limit import TimeLimit, TimeUpError


def test_limit_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([150.0, 150.0, 219.0, 220.0])
    monkeypatch.setattr(
        "captum_rectgrad.studies.compute.time_limit.time.monotonic", lambda: next(clock)
    )
    limit = TimeLimit(120, 100.0)
    limit.check()
    with pytest.raises(TimeUpError, match="before 2 minutes were over"):
        limit.check(needed=70)
    limit.check()
    with pytest.raises(TimeUpError):
        limit.check()


def test_no_limit() -> None:
    TimeLimit().check(needed=1e9)
