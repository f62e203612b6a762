"""What the Hub's client raises, as one line that says what to do."""

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

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.names import DEFAULT_REVISION, HubName

# The base of its HTTP library's errors, whichever library this version of the client uses, and
# OSError. ValueError, KeyError and TypeError: an answer that is not the Hub's. RuntimeError: an
# upload that failed, and whatever hf_xet comes across.
_CLIENT_ERRORS: tuple[type[BaseException], ...] = (
    *HfHubHTTPError.__bases__,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
)
_TOKEN_HINT = "Set HF_TOKEN to a token of an account that may read it."  # noqa: S105
_BY_STATUS = {
    401: "the token was refused (401). Set HF_TOKEN to a valid one, or unset it for what is "
    "public.",
    403: "access was denied (403). Set HF_TOKEN to a token of an account that has it; what you "
    "publish goes under a name of your own, YOU/NAME.",
    404: "it was not found (404).",
    429: "too many requests (429). Wait some minutes, or set HF_TOKEN: accounts may ask more.",
}
_SERVER_ERROR = 500
# How hf_xet, in Rust, spells the system's errors; a connection's are among them.
_RUST_ERRNO = re.compile(r"os error (\d+)")
_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}


class UnreachableError(ZooError):
    """The Hub could not be asked; what is in the cache is as good as before.

    Attributes:
        reason: Why not, without what to do about it.
    """

    def __init__(self, action: str, reason: str, otherwise: str) -> None:
        super().__init__(f"{action}: {reason}. {otherwise}".rstrip())
        self.reason = reason


@contextmanager
def one_line(action: str, hub: HubName, otherwise: str = "") -> Iterator[None]:
    """Turn the errors of the Hub's client into a `ZooError` of one line.

    Args:
        action: What is being tried, as `Cannot get NAME`.
        hub: The repository.
        otherwise: What else the user can do when the Hub cannot be reached.

    Raises:
        ZooError: For whatever the client raised; `UnreachableError` where it is that the Hub could
            not be asked.
    """
    try:
        yield
    except _CLIENT_ERRORS as error:
        cause: BaseException = error
        # The client's words for "it is not in the cache, and then this happened", or "the upload
        # failed, because this happened".
        while isinstance(cause, LocalEntryNotFoundError | RuntimeError) and cause.__cause__:
            cause = cause.__cause__
        reason = _reason(cause, hub)
        if reason is None:
            raise UnreachableError(action, _unreachable(cause), otherwise) from error
        raise ZooError(f"{action}: {reason}") from error


def _reason(error: BaseException, hub: HubName) -> str | None:
    """What the Hub, the disk or something else on the way says; `None` for a failed connection."""
    if isinstance(error, HfHubHTTPError):
        return _known_reason(error, hub) or _http_reason(error, hub)
    if (trouble := _disk_trouble(error)) is not None:
        return (
            f"cannot write to the cache {constants.HF_HUB_CACHE}: {trouble}. Make room there, or "
            "name another folder with HF_HOME."
        )
    if isinstance(error, ValueError | KeyError | TypeError | FileMetadataError):
        return (
            f"the answer of {constants.ENDPOINT} is not the Hub's ({type(error).__name__}: "
            f"{_text(error)}). Check HF_ENDPOINT and the network's proxy."
        )
    return None


def _known_reason(error: HfHubHTTPError, hub: HubName) -> str | None:
    """What the Hub says by a code of its own; the first that fits, for one is another's kind."""
    nowhere = f"{constants.ENDPOINT} has no repository {hub.repo}, or it is private."
    if Path(hub.repo).is_dir():
        nowhere += f" The folder {hub.repo} here is no checkpoint: it has no config.json."
    else:
        nowhere += f" Nor is there a folder {hub.repo} here."
    if not hub.published:
        nowhere += (
            " It is there only once a maintainer of captum-rectgrad has published it; until then "
            "give the path of its folder under zoo/hub/ in the project's repository."
        )
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (
            GatedRepoError,
            f"{hub.repo} is gated. Ask for access on its page on the Hub. {_TOKEN_HINT}",
        ),
        (
            RevisionNotFoundError,
            f"{hub.repo} has no branch, tag or commit {hub.revision or DEFAULT_REVISION}.",
        ),
        (EntryNotFoundError, f"a file of {hub} is gone ({_text(error)})."),
        (RepositoryNotFoundError, f"{nowhere} Check the spelling. {_TOKEN_HINT}"),
    )
    return next((reason for kind, reason in reasons if isinstance(error, kind)), None)


def _http_reason(error: HfHubHTTPError, hub: HubName) -> str:
    status = error.response.status_code
    if status >= _SERVER_ERROR:
        return (
            f"the Hub at {constants.ENDPOINT} is in trouble ({status}). Try again later; "
            "HF_ENDPOINT names a mirror."
        )
    return f"{hub}: {_BY_STATUS.get(status, _text(error))}"


def _disk_trouble(error: BaseException) -> str | None:
    if isinstance(error, RuntimeError):
        found = _RUST_ERRNO.search(str(error))
        number = int(found[1]) if found else 0
        return os.strerror(number) if number in _DISK_ERRNOS else None
    # The HTTP library's errors are no OSError, or one without a number: a number is the disk's.
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno:
        return error.strerror
    return None


def _unreachable(error: BaseException) -> str:
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    return f"the connection to {constants.ENDPOINT} failed ({type(error).__name__}: {_text(error)})"


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())
