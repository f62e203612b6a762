"""The cache of `huggingface_hub`: lookup, checks, and storage of downloaded files.

The layout is documented by `huggingface_hub`: `blobs/TAG` has the content of a file under its
SHA-256 or git object id, `snapshots/COMMIT/NAME` links to it, and `refs/REVISION` has the commit.
In addition, `listings/COMMIT.json` has the tags that the Hub stated for the files downloaded here.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants, try_to_load_from_cache

from rectgrad_zoo.architectures.transformers_classifier import PROCESSOR_FILE
from rectgrad_zoo.checkpoint import CONFIG_FILE, FILES, WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.listing import ListedFile
from rectgrad_zoo.hub.names import DEFAULT_REVISION, HubName
from rectgrad_zoo.input_files import read_json_object, read_regular
from rectgrad_zoo.weights import file_tag
from rectgrad_zoo.written_whole import write_text, written_whole

NEEDED = (CONFIG_FILE, WEIGHTS_FILE)
DOWNLOADED = (*FILES, PROCESSOR_FILE)
SHA256_LENGTH = 64
_MOST_REFERENCE_BYTES = 100
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a repository, in the cache of `huggingface_hub`.

    Attributes:
        repo: `OWNER/NAME`.
        commit: The commit.
        folder: Folder of the files.
    """

    repo: str
    commit: str
    folder: Path

    @property
    def stated_sha256(self) -> str | None:
        """SHA-256 of the weights that the Hub reported at the download, if any."""
        tag = self.tag(WEIGHTS_FILE)
        return tag if tag is not None and len(tag) == SHA256_LENGTH else None

    def tag(self, name: str) -> str | None:
        """The Hub's tag of a file: its git object id or, for a large file, its SHA-256.

        Another program may have downloaded the file. The tag is then the name of the file that it
        links to in the cache. File systems without symbolic links do not keep it.

        Args:
            name: Name of the file.

        Returns:
            The tag; `None` if it is not known.
        """
        recorded = listed_tags(self.folder).get(name)
        if recorded is not None:
            return recorded
        file = self.folder / name
        # One step only: the linked file may itself be a link to a store with other names.
        linked = file.readlink().name if file.is_symlink() else ""
        return linked if _TAG.fullmatch(linked) else None

    def check_texts(self, remedy: str) -> None:
        """Check the Hub's tag of every file except the weights, which are checked when read.

        Args:
            remedy: Sentence that the error adds if a file differs.

        Raises:
            ZooError: As for `check`.
        """
        self.check([name for name in DOWNLOADED if name != WEIGHTS_FILE], remedy)

    def check(self, names: list[str], remedy: str) -> None:
        """Check the Hub's tags of files.

        Args:
            names: The files. Files that are not in the cache are omitted.
            remedy: Sentence that the error adds if a file differs.

        Raises:
            ZooError: If a file is damaged or was changed, or no tag is known.
        """
        for name in names:
            file = self.folder / name
            if not os.path.lexists(file):
                continue
            tag = self.tag(name)
            if tag is None:
                raise ZooError(
                    f"{file} cannot be checked: it is no link into the cache, and the Hub's hash "
                    f"of it is not known. {remedy}"
                )
            if not file.is_file() or file_tag(file, tag) != tag:
                raise ZooError(
                    f"{file} differs from the downloaded file: it is damaged or was changed. "
                    f"{remedy}"
                )


def cached(hub: HubName, needed: tuple[str, ...] = NEEDED) -> Snapshot | None:
    """Find a checkpoint in the cache, without network access.

    Args:
        hub: The repository.
        needed: Required files.

    Returns:
        The commit of the revision at the last download; `None` if a required file is absent.
    """
    files = [try_to_load_from_cache(hub.repo, file, revision=hub.revision) for file in needed]
    if not all(isinstance(file, str) for file in files):
        return None
    folder = Path(str(files[0])).parent
    return Snapshot(hub.repo, folder.name, folder)


def cached_commit(hub: HubName, kind: str) -> str | None:
    """The commit that a revision had at the last download; `None` if there was none.

    Args:
        hub: The repository and its revision.
        kind: `model` or `dataset`.

    Returns:
        The commit, hexadecimal, 40 digits.
    """
    folder = snapshot_folder(hub.repo, kind, "").parent
    reference = folder / "refs" / (hub.revision or DEFAULT_REVISION)
    commit = _referenced(reference)
    return commit if _COMMIT.fullmatch(commit) else None


def snapshot_folder(repo: str, kind: str, commit: str) -> Path:
    """Folder of the files of a commit.

    Args:
        repo: `OWNER/NAME`, checked by `parse_hub_name`.
        kind: `model` or `dataset`.
        commit: The commit, checked by `list_files`.

    Returns:
        The folder, which may not exist yet.
    """
    name = "--".join((f"{kind}s", *repo.split("/")))
    return Path(constants.HF_HUB_CACHE, name, "snapshots", commit)


def blob(folder: Path, listed: ListedFile) -> Path:
    """Location of the content of a file in the cache.

    Args:
        folder: The result of `snapshot_folder`.
        listed: The file, checked by `Listing.file`.

    Returns:
        The path.
    """
    return folder.parents[1] / "blobs" / listed.tag


def link(folder: Path, name: str, content: Path) -> None:
    """Make a file of the cache part of a snapshot.

    Args:
        folder: Folder of the snapshot.
        name: Name of the file.
        content: Result of `blob`. It is moved where symbolic links are not supported.
    """
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(file, follow=False) as unfinished:
        if not constants.HF_HUB_DISABLE_SYMLINKS:
            with suppress(OSError):  # the file system or Windows does not support them
                unfinished.symlink_to(os.path.relpath(content, file.parent))
        if not unfinished.is_symlink():
            content.replace(unfinished)


def record_tags(folder: Path, tags: dict[str, str]) -> None:
    """Add the Hub's tags of downloaded files to the record of a snapshot.

    Args:
        folder: Folder of the snapshot.
        tags: Tags by name.
    """
    record = _record(folder)
    record.parent.mkdir(parents=True, exist_ok=True)
    # Another process may add the tags of other files, such as those of another split.
    with FileLock(record.with_suffix(".lock")):
        write_text(record, json.dumps(listed_tags(folder) | tags, indent=1))


def listed_tags(folder: Path) -> dict[str, str]:
    """The tags that the Hub stated for the files that this package downloaded.

    Args:
        folder: Folder of the snapshot.

    Returns:
        Tags by name; empty if there is no readable record.
    """
    try:
        found = read_json_object(_record(folder))
    except (OSError, ZooError):
        return {}
    return {
        name: tag for name, tag in found.items() if isinstance(tag, str) and _TAG.fullmatch(tag)
    }


def keep(hub: HubName, found: Snapshot) -> None:
    """Set the commit of a revision in the cache.

    Args:
        hub: The repository and its revision.
        found: The downloaded commit.

    Raises:
        ZooError: If the cache cannot be written.
    """
    revision = hub.revision or DEFAULT_REVISION
    reference = found.folder.parents[1] / "refs" / revision
    if revision == found.commit or _referenced(reference) == found.commit:
        return
    with one_line(f"Cannot keep {hub}", hub):
        reference.parent.mkdir(parents=True, exist_ok=True)
        write_text(reference, found.commit)


def _referenced(reference: Path) -> str:
    """The commit in a file of `refs`; empty if there is no file with one."""
    try:
        return read_regular(reference, _MOST_REFERENCE_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError, ZooError):
        return ""


def _record(folder: Path) -> Path:
    return folder.parents[1] / "listings" / f"{folder.name}.json"
