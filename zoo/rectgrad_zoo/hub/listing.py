"""The listing of a repository on the Hub, with checks of its format."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from huggingface_hub import constants

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.hub.requests import get
from rectgrad_zoo.hub.time_limit import TimeLimit
from rectgrad_zoo.input_files import parse_json_object

# Repositories of 25,000 files have listings of about this size.
_MOST_BYTES = 8 * 2**20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ListedFile:
    """One file of a commit.

    Attributes:
        size: Size in bytes.
        tag: SHA-256 of a large file, or the git object id of another; hexadecimal, 64 or 40 digits.
    """

    size: int
    tag: str


@dataclass(frozen=True)
class Listing:
    """The files of one commit.

    Attributes:
        commit: The commit, hexadecimal, 40 digits.
        entries: The Hub's entry of each file, by name, unchecked.
    """

    commit: str
    entries: dict[str, dict[str, Any]]

    def file(self, name: str) -> ListedFile:
        """The size and the tag of a file.

        Args:
            name: Name of the file, as listed.

        Returns:
            The checked values.

        Raises:
            ValueError: If the listing states no size or no hash, or one of another format.
        """
        entry = self.entries[name]
        lfs = entry.get("lfs")
        if lfs is not None:
            if not isinstance(lfs, dict):
                raise ValueError(f"the listing states the hash of {name} as {lfs!r:.80}")
            tag, size, expected = lfs.get("sha256"), lfs.get("size"), _SHA256
        else:
            tag, size, expected = entry.get("blobId"), entry.get("size"), _COMMIT
        if not isinstance(tag, str) or not expected.fullmatch(tag):
            raise ValueError(f"the listing states the hash of {name} as {tag!r:.80}")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ValueError(f"the listing states the size of {name} as {size!r:.80}")
        return ListedFile(size, tag)


def list_files(hub: HubName, kind: str, allowed: TimeLimit) -> Listing:
    """Ask the Hub for the commit of a revision and its files.

    Args:
        hub: The repository and the revision.
        kind: `model` or `dataset`.
        allowed: Limit on the time.

    Returns:
        The commit and its files.

    Raises:
        ValueError: If the answer is not a listing, or of another commit than the one asked for.
        HfHubHTTPError: If the Hub answers with an error.
        TimeoutError: After the end of the time.
    """
    url = f"{constants.ENDPOINT}/api/{kind}s/{hub.repo}"
    if hub.revision is not None:
        url += f"/revision/{quote(hub.revision, safe='')}"
    content = get(f"{url}?blobs=true", _MOST_BYTES, allowed)
    try:
        found = parse_json_object(content, "the listing")
    except ZooError as error:
        raise ValueError(str(error)) from error
    commit, entries = found.get("sha"), found.get("siblings")
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise ValueError(f"the listing states the commit as {commit!r:.80}")
    if _COMMIT.fullmatch(hub.revision or "") and hub.revision != commit:
        raise ValueError(f"{hub} sent the commit {commit}")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"the listing states the files as {entries!r:.80}")
    return Listing(commit, {str(entry.get("rfilename")): entry for entry in entries})
