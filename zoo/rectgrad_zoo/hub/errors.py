"""Conversion of the Hub client's exceptions into one-line errors."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from rectgrad_zoo.errors import ZooError, message_of
from rectgrad_zoo.hub.names import DEFAULT_REVISION, HubName

# The bases of the HTTP library's errors in this version of the client, and OSError. ValueError,
# KeyError and TypeError: an answer of another server. RuntimeError: a failed upload, and any error
# of hf_xet.
_CLIENT_ERRORS: tuple[type[BaseException], ...] = (
    *HfHubHTTPError.__bases__,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
)
_TOKEN_HINT = "Set HF_TOKEN to a token of an account with read access."  # noqa: S105
_BY_STATUS = {
    401: "the token was refused (401). Set HF_TOKEN to a valid token, or unset it for public "
    "repositories.",
    403: "access was denied (403). Set HF_TOKEN to a token of an account with access. Publish "
    "under your own account, as YOU/NAME.",
    404: "it was not found (404). Check the spelling.",
    429: "too many requests (429). Wait some minutes, or set HF_TOKEN for a higher limit.",
}
_SERVER_ERROR = 500
# System errors in the messages of hf_xet, which is written in Rust. They include connection errors.
_RUST_ERRNO = re.compile(r"os error (\d+)")
_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}


class UnreachableError(ZooError):
    """The Hub cannot be reached. The files in the cache stay valid.

    Attributes:
        reason: Reason, without the remedy.
    """

    def __init__(self, action: str, reason: str, otherwise: str) -> None:
        super().__init__(f"{action}: {reason}. {otherwise}".rstrip())
        self.reason = reason


@contextmanager
def one_line(action: str, hub: HubName, otherwise: str = "") -> Iterator[None]:
    """Convert the exceptions of the Hub's client into a `ZooError` of one line.

    Args:
        action: The attempted action, as `Cannot get NAME`.
        hub: The repository.
        otherwise: Remedy if the Hub cannot be reached.

    Raises:
        ZooError: For every exception of the client; `UnreachableError` if the Hub cannot be
            reached.
    """
    try:
        yield
    except _CLIENT_ERRORS as error:
        cause: BaseException = error
        # The client wraps the original exception of a failed download or upload.
        while isinstance(cause, LocalEntryNotFoundError | RuntimeError) and cause.__cause__:
            cause = cause.__cause__
        reason = _reason(cause, hub)
        if reason is None:
            raise UnreachableError(action, _unreachable(cause), otherwise) from error
        raise ZooError(f"{action}: {reason}") from error


def _reason(error: BaseException, hub: HubName) -> str | None:
    """The reason given by the Hub, the disk or a proxy; `None` for a failed connection."""
    if isinstance(error, HfHubHTTPError):
        return _known_reason(error, hub) or _http_reason(error, hub)
    if (trouble := _disk_trouble(error)) is not None:
        return (
            f"cannot write to the cache {constants.HF_HUB_CACHE}: {trouble}. Free disk space, or "
            "set HF_HOME to another folder."
        )
    if isinstance(error, ValueError | KeyError | TypeError | FileMetadataError):
        return (
            f"{constants.ENDPOINT} did not answer as the Hub does ({type(error).__name__}: "
            f"{message_of(error)}). Check HF_ENDPOINT and the proxy of the network."
        )
    return None


def _known_reason(error: HfHubHTTPError, hub: HubName) -> str | None:
    """The reason for an error code of the Hub, the most specific one first."""
    nowhere = f"{constants.ENDPOINT} has no repository {hub.repo}, or it is private."
    if Path(hub.repo).is_dir():
        nowhere += f" The local folder {hub.repo} is not a checkpoint: it has no config.json."
    else:
        nowhere += f" There is no local folder {hub.repo}."
    if not hub.published:
        nowhere += (
            " A maintainer of captum-rectgrad has to publish this checkpoint first. Until then, "
            "pass the path of its folder in zoo/hub/ of the project's repository."
        )
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (
            GatedRepoError,
            f"{hub.repo} is gated. Request access on its page on the Hub. {_TOKEN_HINT}",
        ),
        (
            RevisionNotFoundError,
            f"{hub.repo} has no branch, tag or commit {hub.revision or DEFAULT_REVISION}.",
        ),
        (EntryNotFoundError, f"a file of {hub} no longer exists ({message_of(error)})."),
        (RepositoryNotFoundError, f"{nowhere} Check the spelling. {_TOKEN_HINT}"),
    )
    return next((reason for kind, reason in reasons if isinstance(error, kind)), None)


def _http_reason(error: HfHubHTTPError, hub: HubName) -> str:
    status = error.response.status_code
    if status >= _SERVER_ERROR:
        return (
            f"the Hub at {constants.ENDPOINT} has a server error ({status}). Try again later, or "
            "set HF_ENDPOINT to a mirror."
        )
    return f"{hub}: {_BY_STATUS.get(status, message_of(error))}"


def _disk_trouble(error: BaseException) -> str | None:
    if isinstance(error, RuntimeError):
        found = _RUST_ERRNO.search(str(error))
        number = int(found[1]) if found else 0
        return os.strerror(number) if number in _DISK_ERRNOS else None
    # Errors of the HTTP library have no errno, so an errno indicates a disk error.
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno:
        return error.strerror
    return None


def _unreachable(error: BaseException) -> str:
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    said = f"{type(error).__name__}: {message_of(error)}"
    return f"the connection to {constants.ENDPOINT} failed ({said})"
