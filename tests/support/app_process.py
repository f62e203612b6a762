"""The page of `rectgrad app` in a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

COMMAND = "import sys; from captum_rectgrad.cli.main import main; sys.exit(main(sys.argv[1:]))"


def free_port() -> int:
    """An unused port of the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def app_process(
    arguments: Sequence[str], temporary: Path, environment: Mapping[str, str], folder: Path
) -> Iterator[None]:
    """A process of Python that serves the page; at the end it must leave no file behind.

    Args:
        arguments: of Python.
        temporary: an empty folder for its temporary files.
        environment: variables, beside those of this process.
        folder: its working directory.
    """
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        printed = ""
        while not re.search(r"^RectGrad runs at http://[\w.]+:\d+/", printed, re.MULTILINE):
            line = process.stdout.readline()
            assert line, printed
            printed += line
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert list(temporary.glob("rectgrad-app-*")) == []
