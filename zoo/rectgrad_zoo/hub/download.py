"""Checkpoints on the Hugging Face Hub: lookup in the cache and download.

Only the files of a checkpoint are downloaded, by name. None of them is a pickle. `huggingface_hub`
provides the cache, resumption, retries and progress bars.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, model_info, try_to_load_from_cache
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from rectgrad_zoo.architectures.transformers_classifier import PROCESSOR_FILE
from rectgrad_zoo.checkpoint import CONFIG_FILE, FILES, WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.names import DEFAULT_REVISION, HubName
from rectgrad_zoo.weights import file_tag
from rectgrad_zoo.written_whole import write_text

NEEDED = (CONFIG_FILE, WEIGHTS_FILE)
DOWNLOADED = (*FILES, PROCESSOR_FILE)
_PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl", ".tar", ".npz")
_SHA256_LENGTH = 64
_TAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ELSEWHERE = (
    "The checkpoint is not in the cache {cache}. Run `rectgrad zoo fetch {name}` on a machine with "
    "network access and copy its folder HF_HOME to this machine, set HF_ENDPOINT to a mirror, or "
    "pass a local state dict with weights=PATH."
)


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
        tag = self._tag(WEIGHTS_FILE)
        return tag if tag is not None and len(tag) == _SHA256_LENGTH else None

    def check_texts(self, remedy: str) -> None:
        """Check the Hub's tag of every file except the weights, which are checked when read.

        Args:
            remedy: Sentence that the error adds if a file differs.

        Raises:
            ZooError: If a file is damaged or was changed.
        """
        for name in DOWNLOADED:
            file, tag = self.folder / name, self._tag(name)
            if name != WEIGHTS_FILE and tag is not None and file_tag(file, tag) != tag:
                raise ZooError(
                    f"{file} differs from the downloaded file: it is damaged or was changed. "
                    f"{remedy}"
                )

    def _tag(self, name: str) -> str | None:
        """The Hub's tag of a file: its git object id or, for a large file, its SHA-256.

        The tag is the file's name in the cache. File systems without symbolic links do not keep it.
        """
        tag = (self.folder / name).resolve().name
        return tag if _TAG.fullmatch(tag) else None


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


def download(
    hub: HubName, name: str, sha256: str | None = None, needed: tuple[str, ...] = NEEDED
) -> Snapshot:
    """Download a checkpoint from the Hub, or a newer commit of a cached one.

    The revision in the cache still refers to the previous commit. `keep` updates it after a
    successful load.

    Args:
        hub: The repository.
        name: The requested name, for errors.
        sha256: Expected SHA-256 of the weights, hexadecimal; `None` for no check.
        needed: Required files.

    Returns:
        The downloaded files, with checked hashes.

    Raises:
        UnreachableError: If the Hub cannot be reached.
        ZooError: If the Hub refuses access, has no such checkpoint or only a pickle, or sends a
            file with an unexpected hash; or if the disk is full.
    """
    otherwise = _ELSEWHERE.format(name=name, cache=constants.HF_HUB_CACHE)
    with one_line(f"Cannot get {name}", hub, otherwise):
        # The client tries this request once, so a missing network is reported at once. It would
        # retry the download of a file for a minute.
        info = model_info(
            hub.repo,
            revision=hub.revision,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
            files_metadata=True,
        )
        if not info.sha:
            raise ValueError("the answer has no commit")
        listed = _listed(info, name, needed)
        for file in listed:
            path = Path(hf_hub_download(hub.repo, file, revision=info.sha))
            _check(path, info.sha, listed[file], hub.repo, sha256)
    return Snapshot(hub.repo, info.sha, path.parent)


def keep(hub: HubName, found: Snapshot) -> None:
    """Set the commit of a revision in the cache.

    The client would set it before the files are checked. The layout of its cache is documented.

    Args:
        hub: The repository and its revision.
        found: The downloaded commit.

    Raises:
        ZooError: If the cache cannot be written.
    """
    revision = hub.revision or DEFAULT_REVISION
    reference = found.folder.parents[1] / "refs" / revision
    if revision == found.commit or (reference.is_file() and reference.read_text() == found.commit):
        return
    with one_line(f"Cannot keep {hub}", hub):
        reference.parent.mkdir(parents=True, exist_ok=True)
        write_text(reference, found.commit)


def _listed(info: ModelInfo, name: str, needed: tuple[str, ...]) -> dict[str, RepoSibling]:
    """The files to download, the weights first, because they are the most likely to fail."""
    there = {file.rfilename: file for file in info.siblings or ()}
    missing = [file for file in needed if file not in there]
    if missing:
        pickles = sorted(file for file in there if file.endswith(_PICKLES))
        reason = (
            f"it has the weights only as {', '.join(pickles)}, which can run code when read. "
            "Only safetensors files are loaded from the Hub. Ask the owner for one, or convert the "
            "file in a safe environment and pass the state dict with weights=PATH."
            if pickles and WEIGHTS_FILE in missing
            else "expected a checkpoint in the format of timm or transformers, with "
            f"{' and '.join(needed)}."
        )
        raise ZooError(f"Cannot get {name}: {info.id} has no {' and no '.join(missing)}; {reason}")
    optional = {*DOWNLOADED} - {*NEEDED}
    wanted = sorted({*needed, *optional} & there.keys(), key=lambda file: file != WEIGHTS_FILE)
    return {file: there[file] for file in wanted}


def _check(path: Path, commit: str, listed: RepoSibling, repo: str, sha256: str | None) -> None:
    """Check a file's hash against the Hub's, and that of the weights against the zoo's.

    A file that differs is downloaded once more.
    """
    name = listed.rfilename
    stated = listed.lfs.sha256 if listed.lfs is not None else listed.blob_id
    if stated is not None and file_tag(path, stated) != stated:
        # The client accepts a cached file of the right size, even if it is damaged.
        path = Path(hf_hub_download(repo, name, revision=commit, force_download=True))
    expectations = [("the Hub reports", stated)]
    if name == WEIGHTS_FILE:
        expectations.append(("the zoo expects", sha256))
    for who, expected in expectations:
        if expected is not None and (got := file_tag(path, expected)) != expected:
            kind = "SHA-256" if len(expected) == _SHA256_LENGTH else "git object id"
            raise ZooError(
                f"{repo} at commit {commit} sent {name} with the {kind} {got}, but {who} "
                f"{expected}. The file is damaged or not the released one, and is not used."
            )
