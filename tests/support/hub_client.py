"""The client's side of the tests with a Hub on loopback: each command in a process of its own."""

import hashlib
import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import rectgrad_zoo
from tests.support.hub_server import HubServer

ROOT = Path(__file__).parents[2]
QUICK = 10  # seconds; the client's own retries would take more than 20
FORK_SERVER = Path(__file__).with_name("fork_server.py")


_UNUSED = socket.socket()
_UNUSED.bind(("127.0.0.1", 0))
# An endpoint without a server: connections are refused.
UNREACHABLE = f"http://127.0.0.1:{_UNUSED.getsockname()[1]}"
# What the commands of the zoo import, imported before they are forked.
MODULES = ("rectgrad_zoo.cli.commands", "rectgrad_zoo.cli.hub", "captum_rectgrad.cli.main")


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    stdout: str
    stderr: str
    seconds: float


class Forks:
    """The process that forks; see `fork_server.py`.

    It forks from one that is ready for the same environment. Tests therefore share the endpoint
    of the Hub and the home folder, both empty at the start of each.

    Attributes:
        server: The Hub.
        home: `HF_HOME`, in a folder of its own.
    """

    def __init__(self, server: HubServer, home: Path) -> None:
        self.server = server
        self.home = home
        command = [sys.executable, str(FORK_SERVER), str(ROOT), str(ROOT / "zoo")]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, job: dict[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(job), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@dataclass
class Job:
    """A command that runs."""

    forks: Forks
    process: int
    stdout: Path
    stderr: Path
    started: float

    def wait(self) -> Result:
        status = self.forks.ask({"wait": self.process})
        seconds = time.monotonic() - self.started
        return Result(status, self.stdout.read_text(), self.stderr.read_text(), seconds)


@dataclass
class Client:
    """A user with a home of its own: commands and code, run against an endpoint.

    Attributes:
        forks: Where the processes come from.
        endpoint: `HF_ENDPOINT`.
        home: `HF_HOME`.
        outputs: Folder for what the commands print.
        modules: What is imported before a command is forked.
    """

    forks: Forks
    endpoint: str
    home: Path
    outputs: Path
    modules: tuple[str, ...] = MODULES
    jobs: int = 0

    def start(
        self,
        *command: str | Path,
        code: str | None = None,
        largest_file: int | None = None,
        **environment: str,
    ) -> Job:
        """Start `rectgrad COMMAND` or a piece of Python, with more environment if needed."""
        self.jobs += 1
        stdout, stderr = (self.outputs / f"{self.jobs}.{name}" for name in ("out", "err"))
        job: dict[str, object] = {
            "command": [str(word) for word in command],
            "code": code,
            "modules": self.modules,
            "largest_file": largest_file,
            "stdout": str(stdout),
            "stderr": str(stderr),
            "environment": {
                "HF_ENDPOINT": self.endpoint,
                "HF_HOME": str(self.home),
                "HF_HUB_DISABLE_XET": "1",  # the server speaks HTTP alone
                "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "NO_PROXY": "127.0.0.1",
                **environment,
            },
        }
        started = time.monotonic()
        return Job(self.forks, self.forks.ask(job), stdout, stderr, started)

    def run(
        self,
        *command: str | Path,
        code: str | None = None,
        largest_file: int | None = None,
        **environment: str,
    ) -> Result:
        return self.start(*command, code=code, largest_file=largest_file, **environment).wait()

    def train(self, recipe: Path, data: Path, out: Path, largest_file: int) -> Result:
        """Run `rectgrad zoo train` on as many threads as here, which its bytes depend on."""
        command = ["zoo", "train", recipe, "--data", data, "--out", out]
        words = [str(word) for word in command]
        code = TRAIN.format(threads=torch.get_num_threads(), words=words)
        return self.run(code=code, largest_file=largest_file)

    def load(self, *names: str, **environment: str) -> list[dict[str, Any]]:
        """Load networks, one after the other in one process; `fetch NAME` runs that command.

        Returns:
            For a command its `status`; for each network its provenance, `dtypes` and a `digest` of
            its tensors; or only `error`, the exception and what it says, and `seconds`.
        """
        job = self.start(code=LOAD.format(names=names), largest_file=None, **environment)
        result = job.wait()
        assert result.status == 0, result.stderr
        lines = result.stdout.splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


TRAIN = """
import torch
torch.set_num_threads({threads})
from captum_rectgrad.cli.main import main

raise SystemExit(main({words!r}))
"""
LOAD = """
import dataclasses, hashlib, json, time
import rectgrad_zoo
from captum_rectgrad.cli.main import main

for name in {names!r}:
    started = time.monotonic()
    if name.startswith("fetch "):
        print(json.dumps({{"status": main(["zoo", *name.split()])}}))
        continue
    try:
        model = rectgrad_zoo.load(name)
    except (rectgrad_zoo.ZooError, ValueError) as error:
        kind = rectgrad_zoo.ZooError if isinstance(error, rectgrad_zoo.ZooError) else ValueError
        said = f"{{kind.__name__}}: {{error}}"
        print(json.dumps({{"error": said, "seconds": time.monotonic() - started}}))
        continue
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    found = dataclasses.asdict(rectgrad_zoo.provenance(model))
    dtypes = sorted({{str(tensor.dtype) for tensor in model.parameters()}})
    print(json.dumps({{**found, "digest": digest.hexdigest(), "dtypes": dtypes}}))
"""


def digest_of(folder: Path) -> str:
    """What `Client.load` gives as the digest of a checkpoint folder's network."""
    return digest(rectgrad_zoo.load(str(folder)))


def digest(model: nn.Module) -> str:
    """Of names and values of all tensors."""
    made = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        made.update(name.encode() + tensor.numpy().tobytes())
    return made.hexdigest()
