"""How a repository on the Hugging Face Hub is named: `OWNER/NAME`, with `@REVISION` or without."""

import re
from dataclasses import dataclass

from rectgrad_zoo.errors import ZooError

HUB_PREFIX = "hf-hub:"
DEFAULT_REVISION = "main"

# The Hub's own rules: letters, digits, "-", "_" and "."; no two of "-" and "." together.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_]|[-.](?![-.]|$|/))*"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
# A revision becomes part of a path in the cache: it must not climb out of it.
_REVISION = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.-]+(?:/[\w.-]+)*")
_LONGEST = 96


@dataclass(frozen=True)
class HubName:
    """A repository and what is wanted of it.

    Attributes:
        repo: `OWNER/NAME`.
        revision: Branch, tag or commit; `None` for the main branch.
        published: Whether it is known to be there; otherwise an error says that it may not be yet.
    """

    repo: str
    revision: str | None = None
    published: bool = True

    def __str__(self) -> str:
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"


def parse_hub_name(name: str) -> HubName | None:
    """Read the name of a repository.

    Args:
        name: `OWNER/NAME`, with `hf-hub:` before it or without, with `@REVISION` after it or
            without.

    Returns:
        The repository; `None` if the name is not meant as one.

    Raises:
        ZooError: If it has the prefix `hf-hub:` but is not a name the Hub could have.
    """
    meant = name.startswith(HUB_PREFIX)
    repo, at, revision = name.removeprefix(HUB_PREFIX).partition("@")
    well_formed = is_repository(repo) and (not at or _REVISION.fullmatch(revision) is not None)
    if well_formed:
        return HubName(repo, revision or None)
    if meant:
        raise ZooError(
            f"Cannot get {name}: expected {HUB_PREFIX}OWNER/NAME or {HUB_PREFIX}OWNER/NAME@REVISION"
        )
    return None


def is_repository(repo: str) -> bool:
    """Whether the Hub could have a repository of that name, `OWNER/NAME`."""
    fits = len(repo) <= _LONGEST and not repo.endswith(".git")
    return fits and _REPOSITORY.fullmatch(repo) is not None
