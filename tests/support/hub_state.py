"""What a Hub on loopback has: repositories, and what it is told to do wrong."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

LARGE = (".safetensors", ".bin", ".parquet")

Files = dict[str, bytes]


@dataclass
class Repository:
    """Commits by their hash, in order of time, and who may read them."""

    private: bool = False
    gated: bool = False
    commits: dict[str, Files] = field(default_factory=dict)

    def commit(self, files: Files) -> str:
        content = [(path, hashlib.sha256(data).hexdigest()) for path, data in files.items()]
        sha = hashlib.sha1(repr([*self.commits, *content]).encode()).hexdigest()  # noqa: S324
        self.commits[sha] = files
        return sha

    def resolve(self, revision: str | None) -> str | None:
        if revision in (None, "main"):
            return list(self.commits)[-1]
        return revision if revision in self.commits else None


@dataclass
class Fault:
    """What goes wrong with the next requests of a kind.

    `path` is searched in the request's path. `status` answers with that status and `headers`;
    without it `headers` replace those of a file. `page` answers with that HTML, as the portal of a
    network does; `send` sends so many bytes of the body and then closes, or first waits for `stall`
    seconds; `change` damages the body of a file or the listing; `silent_until` sends nothing and
    closes after the event. `drip` sends one byte of the answer every so many seconds, from its
    first line on if `drip_headers`; `endless` sends zeros until the client closes. `meanwhile` is
    called before the answer, or for `GET` in the middle of the body.
    """

    path: str
    method: str = "GET"
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    page: bytes | None = None
    send: int | None = None
    stall: float = 0.0
    silent_until: threading.Event | None = None
    change: Callable[[bytes], bytes] | None = None
    drip: float | None = None
    drip_headers: bool = False
    endless: bool = False
    meanwhile: Callable[[], object] = lambda: None


class HubState:
    """Repositories, faults, and what was asked.

    Attributes:
        repositories: By kind and name, such as `("models", "owner/name")`.
        objects: Large files that were uploaded, by their SHA-256.
        faults: What is to go wrong; those that did are removed.
        requests: Method, path and `Range` header of every request so far.
        sent: Bytes of file contents sent so far.
        authorized: The `Host` header and the path of every request with a token so far.
        private_by_default: Whether a new repository is private where it is not said.
        url: Where the server is.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Begin again, without repositories, faults and requests."""
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, str | None]] = []
        self.sent = 0
        self.authorized: list[tuple[str, str]] = []
        self.private_by_default = False

    def add(
        self,
        repo: str,
        files: Files,
        kind: str = "models",
        *,
        private: bool = False,
        gated: bool = False,
    ) -> str:
        """Make a repository, or add a commit to it, and return the commit."""
        made = Repository(private=private, gated=gated)
        return self.repositories.setdefault((kind, repo), made).commit(files)

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.method == method and fault.path in path:
                    fault.times -= 1
                    if not fault.times:
                        self.faults.remove(fault)
                    return fault
        return None


def git_oid(data: bytes) -> str:
    """What git names a file by."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324 (git's own)


def lfs_entry(path: str, data: bytes) -> dict[str, dict[str, Any]]:
    if not path.endswith(LARGE):
        return {}
    sha256 = hashlib.sha256(data).hexdigest()
    return {"lfs": {"size": len(data), "sha256": sha256, "pointerSize": 130}}


def entries(files: Files) -> dict[str, dict[str, Any]]:
    """Files and the folders they lie in, by path, as the Hub lists them."""
    found: dict[str, dict[str, Any]] = {}
    for path, data in files.items():
        for folder in list(PurePosixPath(path).parents)[:-1]:
            oid = git_oid(str(folder).encode())
            found[str(folder)] = {"type": "directory", "path": str(folder), "oid": oid, "size": 0}
        lfs = {key: {**of, "oid": of["sha256"]} for key, of in lfs_entry(path, data).items()}
        oid = git_oid(data)
        found[path] = {"type": "file", "path": path, "size": len(data), "oid": oid, **lfs}
    return found


def remote_oid(path: str, files: Files) -> str | None:
    if path not in files:
        return None
    lfs = lfs_entry(path, files[path])
    return str(lfs["lfs"]["sha256"]) if lfs else git_oid(files[path])
