"""Checkpoints on the Hugging Face Hub: what is in the client's cache, and getting what is not.

Only the files of a checkpoint are ever asked for, by their own names, and no pickle is among them;
what else a repository lists stays there. Cache, resuming, retries and progress bars are the
client's.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, model_info, try_to_load_from_cache
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from rectgrad_zoo.checkpoint import CONFIG_FILE, FILES, WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.names import DEFAULT_REVISION, HubName
from rectgrad_zoo.weights import file_tag

NEEDED = (CONFIG_FILE, WEIGHTS_FILE)
_PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl", ".tar", ".npz")
_SHA256_LENGTH = 64
_TAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ELSEWHERE = (
    "It is not in the cache {cache}. Where there is a network, `rectgrad zoo fetch {name}` gets "
    "it; then copy the folder HF_HOME here. Or give a state dict on this machine with "
    "weights=PATH, or a mirror with HF_ENDPOINT."
)


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a repository, in the client's cache.

    Attributes:
        repo: `OWNER/NAME`.
        commit: The commit.
        folder: Where the files lie.
    """

    repo: str
    commit: str
    folder: Path

    @property
    def stated_sha256(self) -> str | None:
        """SHA-256 of the weights as the Hub stated it at the download, if it did."""
        tag = self._tag(WEIGHTS_FILE)
        return tag if tag is not None and len(tag) == _SHA256_LENGTH else None

    def check_texts(self, remedy: str) -> None:
        """Hold every file but the weights, which are checked as they are read, to the Hub's tag.

        Args:
            remedy: What to do about a file that is not what the Hub sent, a sentence.

        Raises:
            ZooError: If a file is damaged or was changed since.
        """
        for name in FILES:
            file, tag = self.folder / name, self._tag(name)
            if name != WEIGHTS_FILE and tag is not None and file_tag(file, tag) != tag:
                raise ZooError(f"{file} is not what the Hub sent: damaged or changed. {remedy}")

    def _tag(self, name: str) -> str | None:
        """The Hub's tag of a file: its git object id, for a large one its SHA-256.

        The client names what it stores by it. Without symbolic links (on some file systems) the tag
        is not kept.
        """
        tag = (self.folder / name).resolve().name
        return tag if _TAG.fullmatch(tag) else None


def cached(hub: HubName, needed: tuple[str, ...] = NEEDED) -> Snapshot | None:
    """Find a checkpoint in the cache, without asking the Hub.

    Args:
        hub: The repository.
        needed: Files that must be there.

    Returns:
        The commit that the revision named when it was last fetched; `None` if a file is not there.
    """
    files = [try_to_load_from_cache(hub.repo, file, revision=hub.revision) for file in needed]
    if not all(isinstance(file, str) for file in files):
        return None
    folder = Path(str(files[0])).parent
    return Snapshot(hub.repo, folder.name, folder)


def download(
    hub: HubName, name: str, sha256: str | None = None, needed: tuple[str, ...] = NEEDED
) -> Snapshot:
    """Get a checkpoint from the Hub, or the newer commit of one that is in the cache.

    What the revision names in the cache stays what it was: `keep` changes that, once it is known
    that the new one loads.

    Args:
        hub: The repository.
        name: What the user asked for, to be named in errors.
        sha256: SHA-256 that the weights must have, hexadecimal; `None` if it is not known.
        needed: Files that it must have.

    Returns:
        The files, on this machine, as the Hub states them, the weights with the SHA-256 that was
        expected.

    Raises:
        UnreachableError: If the Hub cannot be asked.
        ZooError: If the Hub refuses, has no such checkpoint, has it as a pickle
            only, or sends other weights than it states or than are expected; or if the disk is
            full.
    """
    otherwise = _ELSEWHERE.format(name=name, cache=constants.HF_HUB_CACHE)
    with one_line(f"Cannot get {name}", hub, otherwise):
        # Asked first because the client tries this once: without a network the user is told at
        # once, and not after the minute that it tries to get a file.
        info = model_info(
            hub.repo,
            revision=hub.revision,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
            files_metadata=True,
        )
        if not info.sha:
            raise ValueError("no commit in it")
        listed = _listed(info, name, needed)
        for file in listed:
            path = Path(hf_hub_download(hub.repo, file, revision=info.sha))
            _check(path, info.sha, listed[file], hub.repo, sha256)
    return Snapshot(hub.repo, info.sha, path.parent)


def keep(hub: HubName, found: Snapshot) -> None:
    """Let a revision mean a commit in the cache from now on.

    The client would do so before anybody has looked at the files; its cache's layout is documented.

    Args:
        hub: The repository and its revision.
        found: The commit, downloaded.

    Raises:
        ZooError: If the cache cannot be written.
    """
    revision = hub.revision or DEFAULT_REVISION
    reference = found.folder.parents[1] / "refs" / revision
    if revision == found.commit or (reference.is_file() and reference.read_text() == found.commit):
        return
    with one_line(f"Cannot keep {hub}", hub):
        reference.parent.mkdir(parents=True, exist_ok=True)
        unfinished = reference.with_name(f"{reference.name}.{os.getpid()}.tmp")
        unfinished.write_text(found.commit)
        unfinished.replace(reference)


def _listed(info: ModelInfo, name: str, needed: tuple[str, ...]) -> dict[str, RepoSibling]:
    """The files to download, the weights first: they are the ones that may fail."""
    there = {file.rfilename: file for file in info.siblings or ()}
    missing = [file for file in needed if file not in there]
    if missing:
        pickles = sorted(file for file in there if file.endswith(_PICKLES))
        reason = (
            f"its weights are there only as {', '.join(pickles)}, which can run code when read. "
            "Only safetensors is loaded from the Hub: ask the owner for it, or read it yourself "
            "where that is safe and give the state dict with weights=PATH."
            if pickles and WEIGHTS_FILE in missing
            else f"expected a checkpoint in timm's format, with {' and '.join(needed)}."
        )
        raise ZooError(f"Cannot get {name}: {info.id} has no {' and no '.join(missing)}; {reason}")
    optional = {*FILES} - {*NEEDED}
    wanted = sorted({*needed, *optional} & there.keys(), key=lambda file: file != WEIGHTS_FILE)
    return {file: there[file] for file in wanted}


def _check(path: Path, commit: str, listed: RepoSibling, repo: str, sha256: str | None) -> None:
    """Hold a file to what the Hub states, once more if need be, and weights to the zoo's pin."""
    name = listed.rfilename
    stated = listed.lfs.sha256 if listed.lfs is not None else listed.blob_id
    if stated is not None and file_tag(path, stated) != stated:
        # Damaged on the way or on this disk: the client trusts what it has of the right size.
        path = Path(hf_hub_download(repo, name, revision=commit, force_download=True))
    expectations = [("the Hub states", stated)]
    if name == WEIGHTS_FILE:
        expectations.append(("the zoo expects", sha256))
    for who, expected in expectations:
        if expected is not None and (got := file_tag(path, expected)) != expected:
            kind = "SHA-256" if len(expected) == _SHA256_LENGTH else "git object id"
            raise ZooError(
                f"{repo} at commit {commit} sent {name} with the {kind} {got}, where "
                f"{who} {expected}: it is damaged or not the released file, and is not used."
            )
