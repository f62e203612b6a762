"""Processes that fork for each command, with what it imports in memory: the client of the tests.

huggingface_hub reads its environment when it is imported. Each environment
therefore gets a process of its own, the template, which imports them once; a command runs in a
fork of it. Templates are forks of the first process, which has imported what takes longest and
does not import huggingface_hub. Run as a script it reads one job per line, in JSON, and answers
with the identifier of a process, or for `{"wait": ...}` with its exit status.
"""

import gc
import importlib
import json
import os
import resource
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

# Read whenever they are needed, not on import: commands that differ in these share a template.
READ_WHEN_USED = ("HF_TOKEN",)
SHARED = ("safetensors.torch", "torchvision", "pandas", "pyarrow.parquet")


class Template:
    """A process that has imported the modules of the job in its environment, and forks for it."""

    def __init__(self, job: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        self._process = os.fork()
        if not self._process:
            ours.close()
            _exit_with(lambda: _prepare_and_fork(job, theirs.makefile("rw")))
        theirs.close()
        self._channel = ours.makefile("rw")
        ours.close()  # the channel keeps it open

    def ask(self, job: dict[str, Any]) -> int:
        print(json.dumps(job), file=self._channel, flush=True)
        return int(self._channel.readline())

    def close(self) -> None:
        self._channel.close()
        os.waitpid(self._process, 0)


def serve() -> None:
    """Answer line by line until the input ends."""
    for module in SHARED:
        importlib.import_module(module)
    assert "huggingface_hub" not in sys.modules
    templates: dict[str, Template] = {}
    parents: dict[int, Template] = {}

    def answer(job: dict[str, Any]) -> int:
        if "wait" in job:
            return parents.pop(job["wait"]).ask(job)
        environment = {
            name: value for name, value in job["environment"].items() if name not in READ_WHEN_USED
        }
        key = json.dumps([sorted(environment.items()), job["modules"]])
        if key not in templates:
            templates[key] = Template({**job, "environment": environment})
        process = templates[key].ask(job)
        parents[process] = templates[key]
        return process

    _answer_lines(sys.stdin, sys.stdout, answer)
    for template in reversed(templates.values()):  # the later ones hold the earlier ones' channels
        template.close()


def _answer_lines(
    lines: Iterable[str], out: TextIO, answer: Callable[[dict[str, Any]], int]
) -> None:
    gc.freeze()  # a collection in a fork would copy all of this process's memory
    for line in lines:
        print(answer(json.loads(line)), file=out, flush=True)


def _prepare_and_fork(job: dict[str, Any], channel: TextIO) -> int:
    """Be a template: import, then fork for each job of the channel."""
    for variable in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
        del os.environ[variable]
    os.environ.update(job["environment"])
    for module in job["modules"]:
        importlib.import_module(module)

    def answer(job: dict[str, Any]) -> int:
        if "wait" in job:
            return os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1])
        return os.fork() or _exit_with(lambda: _run(job))

    _answer_lines(iter(channel.readline, ""), channel, answer)
    return 0


def _exit_with(run: Callable[[], int]) -> int:
    """End this process with the status that `run` returns: nothing goes on after a fork's work."""
    status = 70
    try:
        status = run()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 (nothing may return to the server's loop)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(job: dict[str, Any]) -> int:
    """Be the process of one command."""
    for name, stream in (("stdout", 1), ("stderr", 2)):
        descriptor = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, stream)
    os.environ.update(job["environment"])
    sys.stdin.close()
    if job["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
    if job["code"] is not None:
        exec(compile(job["code"], "<job>", "exec"), {"__name__": "__main__"})  # noqa: S102
        return 0
    from captum_rectgrad.cli.main import main  # noqa: PLC0415 (after the environment)

    return main(job["command"])


if __name__ == "__main__":
    sys.path[:0] = [str(Path(entry).resolve()) for entry in sys.argv[1:]]
    serve()
