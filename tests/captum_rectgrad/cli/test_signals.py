"""Commands that a signal ends: what they hold is released, one line, and the shell's status."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from captum_rectgrad.cli.signals import EndedBySignalError, signals_as_interrupts

SLOW = """
import time

def network():
    print("ready", flush=True)
    time.sleep(300)
"""


def ended(number: int, tmp_path: Path, *before: str, seconds: float = 60) -> tuple[int, str]:
    """The status and the standard error of a command that a signal reaches in its work."""
    (tmp_path / "slow_network.py").write_text(SLOW)
    code = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "explain", "--model", "slow_network:network"]
    with subprocess.Popen(
        [*before, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            _, messages = process.communicate(timeout=seconds)
        finally:
            process.kill()
    return process.returncode, messages


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_one_line_and_the_status_of_the_signal(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    assert ended(number, tmp_path) == (128 + number, f"rectgrad: ended by {name}\n")


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        ended(signal.SIGHUP, tmp_path, "nohup", seconds=5)


def test_a_second_signal_does_not_interrupt_the_cleanup() -> None:
    with ExitStack() as cleanup:
        cleanup.enter_context(pytest.raises(EndedBySignalError, match="SIGHUP"))
        cleanup.enter_context(signals_as_interrupts())
        cleanup.callback(signal.raise_signal, signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
