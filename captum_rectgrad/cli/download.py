"""Images from the web, with limits: `http` and `https`, one size, one time, no private addresses.

The address that was checked is the one that is connected to, so a name cannot change its meaning
between the two. Proxies are not used.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from captum_rectgrad import __version__

LIMIT_BYTES = 50_000_000
LIMIT_SECONDS = 60.0
MOST_REDIRECTS = 5
_SILENCE = 10.0  # longest wait for one answer, in seconds
_PIECE = 1 << 16  # bytes read at a time
_MOVED = {301, 302, 303, 307, 308}
_SAFE = "%/:=&?~+!$,;'@()*[]"  # not quoted again in a path


def is_url(text: str) -> bool:
    """Whether an argument is a URL rather than a path; `C:/a.jpg` and `a:b` are paths."""
    return "://" in text


def download(url: str, seconds: float = LIMIT_SECONDS) -> bytes:
    """Download a file.

    The address of `url` itself may be a private one, such as `http://localhost:8000/cat.jpg`: the
    user chose it. A redirect may not lead to a private address, other than the one that the user
    chose.

    Args:
        url: `http://...` or `https://...`.
        seconds: longest duration, with all redirects.

    Returns:
        The content, at most `LIMIT_BYTES`.

    Raises:
        ValueError: the URL is not valid, cannot be reached, redirects to a private address or too
            often, or its content is too long or takes too long.
    """
    attempt = _Attempt(url, time.monotonic() + seconds)
    # Name resolution and the headers of an answer have no time limit of their own.
    worker = threading.Thread(target=attempt.run, daemon=True)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        attempt.too_slow()
    if attempt.content is None:
        raise ValueError(f"cannot download {url}: {attempt.reason}")
    return attempt.content


class _RefusedError(Exception):
    """The reason why a file is not downloaded."""


@dataclass(eq=False)
class _Attempt:
    """One download; `content` or `reason` is its outcome."""

    url: str
    deadline: float
    content: bytes | None = None
    reason: str = ""
    chosen: str | None = field(default=None, init=False)  # address of the first connection

    def run(self) -> None:
        try:
            self.content = self._follow()
        except _RefusedError as error:
            self.reason = str(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else None
            self.reason = said or str(error) or type(error).__name__

    def too_slow(self) -> None:
        self.content, self.reason = None, "it takes too long; download the file yourself"

    def _follow(self) -> bytes:
        url = self.url
        for _ in range(MOST_REDIRECTS + 1):
            connection = self._connect(url)
            try:
                response = _get(connection, urlsplit(url))
                if response.status not in _MOVED:
                    return self._body(response)
                url = urljoin(url, response.headers.get("Location", ""))
            finally:
                connection.close()
        raise _RefusedError(f"more than {MOST_REDIRECTS} redirects")

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise _RefusedError(f"got {url}, expected http://HOST/... or https://HOST/...")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        allowed = [address for address in addresses if self._may_visit(address)]
        if not allowed:
            raise _RefusedError(
                f"it redirects to {parts.hostname}, which has the private address {addresses[0]}"
            )
        opened = _open(allowed, port)
        self.chosen = self.chosen or str(opened.getpeername()[0])
        if secure:
            context = ssl.create_default_context()
            opened = context.wrap_socket(opened, server_hostname=parts.hostname)
        connection = http.client.HTTPConnection(parts.netloc.rpartition("@")[2])
        connection.sock = opened
        return connection

    def _may_visit(self, address: str) -> bool:
        return self.chosen is None or address == self.chosen or _is_public(address)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        if response.status != http.client.OK:
            raise _RefusedError(f"the server answers {response.status} {response.reason}")
        content = bytearray()
        while piece := response.read1(_PIECE):
            content += piece
            if len(content) > LIMIT_BYTES:
                raise _RefusedError(f"it has more than {LIMIT_BYTES // 10**6} MB")
            if time.monotonic() > self.deadline:
                raise _RefusedError("it takes too long; download the file yourself")
        if response.length:
            raise _RefusedError("the connection ended before the file did")
        return bytes(content)


def _open(addresses: list[str], port: int) -> socket.socket:
    """Connect to the first address that answers."""
    first, *others = addresses
    try:
        return socket.create_connection((first, port), _SILENCE)
    except OSError:
        if not others:
            raise
        return _open(others, port)


def _get(connection: http.client.HTTPConnection, parts: SplitResult) -> http.client.HTTPResponse:
    path = quote(parts.path or "/", safe=_SAFE)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    headers = {"Accept": "image/*", "User-Agent": f"captum-rectgrad/{__version__}"}
    connection.request("GET", path + query, headers=headers)
    return connection.getresponse()


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        parsed = mapped
    return parsed.is_global and not parsed.is_multicast
