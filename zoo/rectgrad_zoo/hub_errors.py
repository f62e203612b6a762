"""What the Hub's client raises, as one line that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub_names import DEFAULT_REVISION, HubName

# The base of its HTTP library's errors, whichever library this version of the client uses, and
# OSError. ValueError, KeyError and TypeError: an answer that is not the Hub's.
_CLIENT_ERRORS: tuple[type[BaseException], ...] = (
    *HfHubHTTPError.__bases__,
    OSError,
    ValueError,
    KeyError,
    TypeError,
)
_TOKEN_HINT = "Set HF_TOKEN to a token of an account that may read it."  # noqa: S105
_BY_STATUS = {
    401: "the token was refused (401). Set HF_TOKEN to a valid one, or unset it for what is "
    "public.",
    403: "access was denied (403). Set HF_TOKEN to a token of an account that has it.",
    404: "it was not found (404).",
    429: "too many requests (429). Wait some minutes, or set HF_TOKEN: accounts may ask more.",
}
_SERVER_ERROR = 500


@contextmanager
def one_line(action: str, hub: HubName, otherwise: str = "") -> Iterator[None]:
    """Turn the errors of the Hub's client into a `ZooError` of one line.

    Args:
        action: What is being tried, as `Cannot get NAME`.
        hub: The repository.
        otherwise: What else the user can do when the Hub cannot be reached.

    Raises:
        ZooError: For whatever the client raised.
    """
    try:
        yield
    except _CLIENT_ERRORS as error:
        raise ZooError(f"{action}: {_reason(error, hub, otherwise)}") from error


def _reason(error: BaseException, hub: HubName, otherwise: str) -> str:
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        # The client's words for "it is not in the cache, and then this happened".
        return _reason(error.__cause__, hub, otherwise)
    if isinstance(error, HfHubHTTPError):
        return _known_reason(error, hub) or _http_reason(error, hub)
    if isinstance(error, OfflineModeIsEnabled):
        return (
            f"HF_HUB_OFFLINE is set and {hub} is not in the cache {constants.HF_HUB_CACHE}. "
            f"{otherwise}"
        )
    return _transport_reason(error, hub, otherwise)


def _known_reason(error: HfHubHTTPError, hub: HubName) -> str | None:
    """What the Hub says by a code of its own; the first that fits, for one is another's kind."""
    nowhere = f"{constants.ENDPOINT} has no repository {hub.repo}, or it is private."
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


def _transport_reason(error: BaseException, hub: HubName, otherwise: str) -> str:
    # The HTTP library's errors are no OSError, or one without a number: a number is the disk's.
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno:
        return (
            f"cannot write to the cache {constants.HF_HUB_CACHE}: {error.strerror}. Make room "
            "there, or name another folder with HF_HOME."
        )
    if isinstance(error, ValueError | KeyError | TypeError):
        return (
            f"the answer of {constants.ENDPOINT} is not the Hub's ({type(error).__name__}: "
            f"{_text(error)}). Check HF_ENDPOINT and the network's proxy."
        )
    return (
        f"cannot download {hub} from {constants.ENDPOINT} ({type(error).__name__}: "
        f"{_text(error)}), and it is not in the cache {constants.HF_HUB_CACHE}. {otherwise}"
    )


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())
