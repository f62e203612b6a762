"""Names of repositories on the Hugging Face Hub: `OWNER/NAME`, optionally with `@REVISION`."""

import re
from dataclasses import dataclass

from rectgrad_zoo.errors import ZooError

# The prefix of timm, and a shorter one.
HUB_PREFIXES = ("hf-hub:", "hf:")
DEFAULT_REVISION = "main"

# The rules of the Hub: letters, digits, "-", "_" and "."; "-" and "." are not adjacent.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_]|[-.](?![-.]|$|/))*"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
# A revision becomes part of a path in the cache and must not leave the cache.
_REVISION = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.-]+(?:/[\w.-]+)*")
_LONGEST = 96


@dataclass(frozen=True)
class HubName:
    """A repository and a revision.

    Attributes:
        repo: `OWNER/NAME`.
        revision: Branch, tag or commit; `None` for the main branch.
        published: Whether the repository is known to exist. Otherwise errors mention that it may
            not be published.
    """

    repo: str
    revision: str | None = None
    published: bool = True

    def __str__(self) -> str:
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"


def parse_hub_name(name: str) -> HubName | None:
    """Parse the name of a repository.

    Args:
        name: `OWNER/NAME`, optionally with the prefix `hf:` or `hf-hub:` and the suffix
            `@REVISION`.

    Returns:
        The repository; `None` if the name does not denote a repository.

    Raises:
        ZooError: If the name has a prefix and is not valid on the Hub.
    """
    prefix = next((prefix for prefix in HUB_PREFIXES if name.startswith(prefix)), "")
    repo, at, revision = name.removeprefix(prefix).partition("@")
    well_formed = is_repository(repo) and (not at or _REVISION.fullmatch(revision) is not None)
    if well_formed:
        return HubName(repo, revision or None)
    if prefix:
        raise ZooError(
            f"Cannot get {name}: the name of the repository is not valid, expected "
            f"{prefix}OWNER/NAME or {prefix}OWNER/NAME@REVISION. A folder has no prefix."
        )
    return None


def is_repository(repo: str) -> bool:
    """Whether `OWNER/NAME` is a valid name of a repository on the Hub."""
    fits = len(repo) <= _LONGEST and not repo.endswith(".git")
    return fits and _REPOSITORY.fullmatch(repo) is not None
