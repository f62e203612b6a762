"""A Hugging Face Hub on loopback: the part of its protocol that huggingface_hub speaks with it.

Models and data sets; information, trees, downloads with ranges, creation, and commits with small
files inline and large ones by Git LFS. What it is told to do wrong is a `Fault`.
"""

import base64
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from typing_extensions import Self

from tests.support.hub_state import (
    LARGE,
    Fault,
    Files,
    HubState,
    Repository,
    entries,
    git_oid,
    lfs_entry,
    remote_oid,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "hf_loopback"  # noqa: S105 (known by everyone)
_REPO = r"(?P<kind>models|datasets)/(?P<repo>[^/]+/[^/]+)"
_FILE = r"/(?:(?P<kind>datasets)/)?(?P<repo>[^/]+/[^/]+)"


class HubServer(HubState):
    """The server, on a free port, in threads; a context manager."""

    def __init__(self) -> None:
        super().__init__()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: HubState
    _fault: Fault | None = None
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing: the tests look at `requests`."""

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def do_PUT(self) -> None:
        self._route()

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.hub.lock:
            self.hub.requests.append((self.command, path, self.headers.get("Range")))
            if "Authorization" in self.headers:
                self.hub.authorized.append((self.headers["Host"], path))
        fault = self._fault = self.hub.fault(self.command, path)
        if fault is not None and self._answer_wrongly(fault):
            return
        if fault is not None and self.command != "GET":
            fault.meanwhile()
        reading = self.command in ("GET", "HEAD")
        routes: tuple[tuple[str, bool, Callable[..., None]], ...] = (
            (rf"/api/{_REPO}(?:/revision/(?P<revision>.+))?", True, self._info),
            (rf"/api/{_REPO}/tree/(?P<revision>[^/]+)(?:/(?P<folder>.*))?", True, self._tree),
            (rf"/api/{_REPO}/paths-info/(?P<revision>[^/]+)", False, self._paths),
            (rf"{_FILE}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", True, self._file),
            (r"/api/whoami-v2", True, self._whoami),
            (r"/api/repos/create", False, self._create),
            (r"/api/validate-yaml", False, self._validate),
            (rf"/api/{_REPO}/preupload/[^/]+", False, self._preupload),
            (rf"{_FILE}\.git/info/lfs/objects/batch", False, self._batch),
            (r"/objects/(?P<oid>\w+)", False, self._object),
            (rf"/api/{_REPO}/commit/[^/]+", False, self._commit),
        )
        for pattern, reads, answer in routes:
            match = re.fullmatch(pattern, path)
            if match and reads == reading:
                public = reads or answer in (self._object, self._paths, self._validate)
                if not public and not self._authorized():
                    self._answer(401, {"error": "Invalid username or password."})
                elif answer == self._file:
                    self._file(**match.groupdict(), fault=fault)
                else:
                    answer(body=body, **match.groupdict())
                return
        self._answer(404, {"error": f"no such route {self.command} {path}"})

    def _answer_wrongly(self, fault: Fault) -> bool:
        """Give the answer of a fault that needs no repository; whether there is one."""
        if fault.silent_until is not None:
            fault.silent_until.wait(self.timeout)
            self.close_connection = True
        elif fault.status is not None:
            self._answer(fault.status, {"error": f"fault {fault.status}"}, fault.headers)
        elif fault.page is not None:
            self._answer(200, fault.page, {"Content-Type": "text/html"})
        elif fault.drip is not None or fault.endless:
            self._send_forever(fault)
        else:
            return False
        return True

    def _send_forever(self, fault: Fault) -> None:
        """An answer that does not end, until the client has closed the connection."""
        self.close_connection = True
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Slow: "
        try:
            self.wfile.write(start + (b"" if fault.drip_headers else b"no\r\n\r\n"))
            while True:
                self.wfile.write(b"0" if fault.drip is not None else bytes(2**20))
                with self.hub.lock:
                    self.hub.sent += 1 if fault.drip is not None else 2**20
                time.sleep(fault.drip or 0)
        except OSError:
            return

    def _authorized(self) -> bool:
        return bool(self.headers.get("Authorization") == f"Bearer {TOKEN}")

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _find(
        self, kind: str | None, repo: str, revision: str | None
    ) -> tuple[Repository, str, Files] | None:
        """The commit asked for, or an answer as the Hub gives it and `None`."""
        found = self.hub.repositories.get((kind or "models", repo))
        if found is None or (found.private and not self._authorized()):
            status = 404 if self._authorized() else 401
            self._answer(status, {"error": "not found"}, {"X-Error-Code": "RepoNotFound"})
        elif found.gated:
            self._answer(403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
        elif (sha := found.resolve(revision)) is None:
            self._answer(404, {"error": "revision"}, {"X-Error-Code": "RevisionNotFound"})
        else:
            return found, sha, found.commits[sha]
        return None

    def _whoami(self, body: bytes) -> None:
        del body
        if self._authorized():
            self._answer(200, {"type": "user", "name": "owner", "orgs": [], "auth": {}})
        else:
            self._answer(401, {"error": "Invalid username or password."})

    def _info(self, body: bytes, kind: str, repo: str, revision: str | None) -> None:
        del body
        found = self._find(kind, repo, revision)
        if found is None:
            return
        repository, sha, files = found
        siblings = [
            {"rfilename": path, "size": len(data), "blobId": git_oid(data), **lfs_entry(path, data)}
            for path, data in files.items()
        ]
        content = {"id": repo, "sha": sha, "private": repository.private, "siblings": siblings}
        listing = json.dumps({**content, "tags": [], "downloads": 0, "likes": 0}).encode()
        change = self._fault.change if self._fault is not None else None
        self._answer(200, listing if change is None else change(listing))

    def _tree(
        self, body: bytes, kind: str, repo: str, revision: str, folder: str | None = None
    ) -> None:
        del body
        found = self._find(kind, repo, revision)
        if found is None:
            return
        query = parse_qs(urlsplit(self.path).query)
        deep = query.get("recursive", ["false"])[0].lower() == "true"
        start = f"{folder}/" if folder else ""
        inside = {
            path: entry
            for path, entry in entries(found[2]).items()
            if path.startswith(start) and (deep or "/" not in path[len(start) :])
        }
        if inside:
            self._answer(200, list(inside.values()))
        else:
            self._answer(404, {"error": "entry"}, {"X-Error-Code": "EntryNotFound"})

    def _paths(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self._find(kind, repo, revision)
        if found is not None:
            form = self.headers.get("Content-Type", "").startswith("application/x-www-form")
            asked = parse_qs(body.decode()) if form else json.loads(body)
            there = entries(found[2])
            self._answer(200, [there[path] for path in asked["paths"] if path in there])

    def _file(
        self, kind: str | None, repo: str, revision: str, path: str, fault: Fault | None
    ) -> None:
        found = self._find(kind, repo, revision)
        if found is None:
            return
        _, sha, files = found
        if path not in files:
            headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha}
            self._answer(404, {"error": "entry"}, headers)
            return
        data = files[path]
        tag = lfs_entry(path, data)["lfs"]["sha256"] if lfs_entry(path, data) else git_oid(data)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        start = int(wanted[1]) if wanted else 0
        stop = min(int(wanted[2]) + 1, len(data)) if wanted and wanted[2] else len(data)
        self.send_response(206 if wanted else 200)
        stated = {
            "X-Repo-Commit": sha,
            "ETag": f'"{tag}"',
            "X-Linked-Etag": f'"{tag}"',
            "X-Linked-Size": str(len(data)),
            "Accept-Ranges": "bytes",
        }
        for name, value in (stated | (fault.headers if fault is not None else {})).items():
            self.send_header(name, value)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "GET":
            self._send(data, start, stop, fault)

    def _send(self, data: bytes, start: int, stop: int, fault: Fault | None) -> None:
        if fault is not None and fault.change is not None:
            data = fault.change(data)
        part = data[start:stop]
        if fault is not None and fault.send is not None:
            part = part[: fault.send]
            self.close_connection = True
        middle = len(part) // 2
        self.wfile.write(part[:middle])
        self.wfile.flush()
        if fault is not None:
            fault.meanwhile()
        self.wfile.write(part[middle:])
        self.wfile.flush()
        with self.hub.lock:
            self.hub.sent += len(part)
        if fault is not None:
            time.sleep(fault.stall)

    def _create(self, body: bytes) -> None:
        asked = json.loads(body)
        repo = f"{asked.get('organization') or 'owner'}/{asked['name']}"
        key = (f"{asked.get('type') or 'model'}s", repo)
        if key in self.hub.repositories:
            self._answer(409, {"error": "You already created this model repo", "url": repo})
            return
        said = asked.get("visibility"), asked.get("private")
        private = (
            self.hub.private_by_default if said == (None, None) else "private" in said or said[1]
        )
        made = self.hub.repositories[key] = Repository(private=private)
        made.commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        self._answer(200, {"url": f"{self.hub.url}/{repo}", "name": repo})

    def _validate(self, body: bytes) -> None:
        del body
        self._answer(200, {"errors": [], "warnings": []})

    def _preupload(self, body: bytes, kind: str, repo: str) -> None:
        found = self._find(kind, repo, None)
        if found is not None:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                    "oid": remote_oid(file["path"], found[2]),
                }
                for file in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})

    def _batch(self, body: bytes, kind: str | None, repo: str) -> None:
        if self._find(kind, repo, None) is not None:
            objects = [
                {
                    **wanted,
                    "actions": {"upload": {"href": f"{self.hub.url}/objects/{wanted['oid']}"}},
                }
                for wanted in json.loads(body)["objects"]
            ]
            self._answer(200, {"transfer": "basic", "objects": objects})

    def _object(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            self._answer(400, {"error": "another hash"})
            return
        self.hub.objects[oid] = body
        self._answer(200, {})

    def _commit(self, body: bytes, kind: str, repo: str) -> None:
        found = self._find(kind, repo, None)
        if found is None:
            return
        files = dict(found[2])
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        sha = found[0].commit(files)
        url = f"{self.hub.url}/{repo}/commit/{sha}"
        self._answer(200, {"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})
