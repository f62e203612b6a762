"""Downloads from a real server on this machine."""

import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from captum_rectgrad.cli import download as downloads
from captum_rectgrad.cli.download import MOST_REDIRECTS, download

CONTENT = bytes(range(256)) * 1000


class Answers(BaseHTTPRequestHandler):
    """A path is what the server does."""

    def do_GET(self) -> None:
        kind, _, rest = self.path[1:].partition("/")
        with suppress(OSError):  # the client has closed the connection
            getattr(self, kind)(rest)

    def file(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def to(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.end_headers()

    def endless(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(CONTENT)

    def drip(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        for _byte in range(100):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def cut(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000])

    def gone(self, _: str) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        running.daemon_threads = True
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_private_address_that_the_user_chose_and_its_own_redirects(server: str) -> None:
    assert download(f"{server}/file/cat.png") == CONTENT
    assert download(f"{server}/to//file/a%20cat.png?size=2") == CONTENT
    assert download(f"{server}/to/{server}/file") == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("to/http://127.0.0.2/file", "redirects to 127.0.0.2, which has the private address"),
        ("to/http://169.254.169.254/latest", "which has the private address 169.254.169.254"),
        ("to/http://[::ffff:10.0.0.1]/", "which has the private address ::ffff:10.0.0.1"),
        ("to/http://2130706434/", "which has the private address 127.0.0.2"),
        ("to/file:///etc/hostname", "got file:///etc/hostname, expected http://HOST/"),
        ("to//to//to//to//to//to//to//file", f"more than {MOST_REDIRECTS} redirects"),
        ("endless", "it has more than 50 MB"),
        ("cut", "the connection ended before the file did"),
        ("gone", "the server answers 404 Not Found"),
    ],
)
def test_refused_answers(server: str, path: str, reason: str) -> None:
    with pytest.raises(ValueError, match="cannot download") as raised:
        download(f"{server}/{path}")
    assert reason in str(raised.value)


@pytest.mark.parametrize("path", ["drip", "endless"])
def test_the_time_is_limited_for_headers_and_content(
    server: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "LIMIT_BYTES", 1 << 60)
    monkeypatch.setattr(downloads, "_PIECE", 100)
    begun = time.monotonic()
    with pytest.raises(ValueError, match="it takes too long"):
        download(f"{server}/{path}", seconds=0.3)
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://127.0.0.1/cat.png", "expected http://HOST/"),
        ("http:///cat.png", "expected http://HOST/"),
        ("http://127.0.0.1:1/cat.png", "refused"),
        ("http://127.0.0.1:99999/cat.png", "Port out of range"),
        ("http://no-such-host.invalid/cat.png", "cannot download"),
    ],
)
def test_urls_that_lead_nowhere(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"cannot download [a-z]+:") as raised:
        download(url)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 (an address, not bound)
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert downloads._is_public(address) is public
