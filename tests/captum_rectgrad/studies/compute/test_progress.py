import logging

import pytest

from captum_rectgrad.studies.compute.progress import Progress


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_log_has_a_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = iter([0.0, 3.0, 9.9, 10.0, 15.0, 24.0, 34.0])
    monkeypatch.setattr(
        "captum_rectgrad.studies.compute.progress.time.monotonic", lambda: next(clock)
    )
    with Progress(60, "map", "plain", initial=10) as shown:
        for _ in range(5):
            shown.update(10)
        shown.beat("epoch 2 of 20")
    assert said(caplog) == [
        "plain: 40 of 60 maps, 0.2 min",
        "plain: 60 of 60 maps, 0.4 min",
        "plain: 60 of 60 maps, 0.6 min; epoch 2 of 20",
    ]


def test_work_of_a_moment_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Progress(2, "cell") as shown:
        shown.update()
        shown.update(last="one")
    assert not said(caplog)
