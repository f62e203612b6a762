"""GET requests to the Hub, with bounds on the size and the time of every answer.

`hf_hub_download` and `snapshot_download` of `huggingface_hub` 2.4 join the server's `ETag`,
`X-Repo-Commit` and listed hashes into paths without a check, wait for as long as `Retry-After` asks
for, and read answers of any size. Requests are therefore made here, with the client, the headers
and the errors of `huggingface_hub`. No header of an answer becomes part of a path.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from huggingface_hub import constants, get_session, hf_raise_for_status
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from rectgrad_zoo.hub.time_limit import TimeLimit

PARTIAL = 206  # the status of an answer to a request for the rest of a file
_OK = 200
_FIRST_ERROR = 400
_MOST_REDIRECTS = 5
_MOST_ERROR_BYTES = 2**16
# What the errors of the client are made of.
_ERROR_HEADERS = ("X-Error-Code", "X-Error-Message", "Retry-After")


@contextmanager
def opened(url: str, allowed: TimeLimit, *, timeout: float, start: int = 0) -> Iterator[Any]:
    """Send a GET request.

    A token is sent to the host of the URL only, and not to those that it redirects to.

    Args:
        url: The URL.
        allowed: Limit on the time.
        timeout: Limit on the time of each read, in seconds.
        start: Number of the first byte to request.

    Yields:
        The response of the client, of which the body has not been read.

    Raises:
        ValueError: If the answer is neither a file nor an error, is compressed, or redirects more
            than five times.
        HfHubHTTPError: If the server answers with an error.
        TimeoutError: After the end of the time.
    """
    headers = build_hf_headers(library_name="captum-rectgrad") | {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    for _ in range(_MOST_REDIRECTS + 1):
        allowed.check()
        # The client would read the body of a redirection, of any size.
        with get_session().stream(
            "GET", url, headers=headers, timeout=timeout, follow_redirects=False
        ) as response:
            if not response.has_redirect_location:
                _check(response, allowed)
                yield response
                return
            target = urljoin(url, response.headers["Location"])
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            headers.pop("authorization", None)
        url = target
    raise ValueError(f"more than {_MOST_REDIRECTS} redirects")


def body(response: Any, most_bytes: int, allowed: TimeLimit) -> Iterator[bytes]:
    """Read the body of a response in parts.

    Args:
        response: A response from `opened`.
        most_bytes: Largest accepted size, in bytes.
        allowed: Limit on the time.

    Yields:
        The next part.

    Raises:
        ValueError: If the body is larger.
        TimeoutError: After the end of the time.
    """
    size = 0
    for part in response.iter_raw():
        allowed.check()
        size += len(part)
        if size > most_bytes:
            raise ValueError(f"the answer has more than the {most_bytes:,} bytes expected")
        yield part


def get(url: str, most_bytes: int, allowed: TimeLimit) -> bytes:
    """Get the body of a URL, in one try, with the time-out `HF_HUB_ETAG_TIMEOUT`.

    Args:
        url: The URL.
        most_bytes: Largest accepted size, in bytes.
        allowed: Limit on the time.

    Returns:
        The body.

    Raises:
        ValueError: As for `opened` and `body`.
        HfHubHTTPError: If the server answers with an error.
        TimeoutError: After the end of the time.
    """
    with opened(url, allowed, timeout=constants.HF_HUB_ETAG_TIMEOUT) as response:
        return b"".join(body(response, most_bytes, allowed))


def _check(response: Any, allowed: TimeLimit) -> None:
    """Raise the client's error for an answer that is one, from a bounded part of its body."""
    if response.status_code >= _FIRST_ERROR:
        content = b""
        for part in response.iter_raw():
            allowed.check()
            content += part
            if len(content) > _MOST_ERROR_BYTES:
                break
        kept = {name: response.headers[name] for name in _ERROR_HEADERS if name in response.headers}
        hf_raise_for_status(
            type(response)(
                response.status_code,
                headers=kept,
                content=content[:_MOST_ERROR_BYTES],
                request=response.request,
            )
        )
    if response.status_code not in (_OK, PARTIAL):
        raise ValueError(f"the status {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ValueError(f"an answer in the encoding {response.headers['Content-Encoding']!r}")
