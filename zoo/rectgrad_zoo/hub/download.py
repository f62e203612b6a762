"""Download of checkpoints from the Hugging Face Hub into the cache of `huggingface_hub`.

Only the files of a checkpoint are downloaded, by name. None of them is a pickle. The sizes and the
hashes come from one listing of the Hub, which is checked first. `hub.requests` gives the reasons.
"""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from huggingface_hub import constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

from rectgrad_zoo.checkpoint import WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.cache import (
    DOWNLOADED,
    NEEDED,
    SHA256_LENGTH,
    Snapshot,
    blob,
    link,
    record_tags,
    snapshot_folder,
)
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.listing import ListedFile, Listing, list_files
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.hub.requests import PARTIAL, body, opened
from rectgrad_zoo.hub.time_limit import TimeLimit, time_limit
from rectgrad_zoo.input_files import MOST_TEXT_BYTES
from rectgrad_zoo.limits import HUB_SECONDS, HUB_WAIT, MOST_BYTES, limit
from rectgrad_zoo.weight_values import some_names
from rectgrad_zoo.weights import file_tag
from rectgrad_zoo.written_whole import remove_unfinished, written_whole

_PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl", ".tar", ".npz")
_LARGE = (".safetensors", ".parquet")
_RETRIED = (408, 429, 500, 502, 503, 504)
_MOST_TRIES = 6  # without progress
_WAIT = 1.0  # seconds before another try, as in the client
_HTTP_ERROR: type[BaseException] = HfHubHTTPError.__bases__[0]
_ELSEWHERE = (
    "The checkpoint is not in the cache {cache}. Run `rectgrad zoo fetch {name}` on a machine with "
    "network access and copy its folder HF_HOME to this machine, set HF_ENDPOINT to a mirror, or "
    "pass a local state dict with weights=PATH."
)


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
        UnreachableError: If the Hub cannot be reached, or the download takes too long.
        ZooError: If the Hub refuses access, has no such checkpoint or only a pickle, or sends a
            listing of another format, a file with an unexpected hash or one that is too large; or
            if the disk is full.
    """
    otherwise = _ELSEWHERE.format(name=name, cache=constants.HF_HUB_CACHE)
    with one_line(f"Cannot get {name}", hub, otherwise), time_limit() as allowed:
        listing = list_files(hub, "model", allowed)
        names = _wanted(listing, name, hub.repo, needed)
        if sha256 is not None and WEIGHTS_FILE in names:
            _check_sha256(listing.file(WEIGHTS_FILE).tag, sha256, hub.repo, listing.commit)
        return store(hub, "model", listing, names, allowed)


def store(
    hub: HubName, kind: str, listing: Listing, names: list[str], allowed: TimeLimit
) -> Snapshot:
    """Download listed files that are not in the cache yet.

    Args:
        hub: The repository.
        kind: `model` or `dataset`.
        listing: The listing of the repository.
        names: Names of the files, which must not lead out of a folder.
        allowed: Limit on the time.

    Returns:
        The files, with checked hashes.

    Raises:
        ValueError: If the listing states no hash or size of a file, or one of another format, or
            the server sends another size.
        ZooError: If a file is too large or has another hash.
    """
    files = {name: listing.file(name) for name in names}
    for name, listed in files.items():
        _check_size(hub.repo, name, listed)
    folder = snapshot_folder(hub.repo, kind, listing.commit)
    # No process writes to a file for longer than a download may take.
    remove_unfinished(folder.parents[1] / "blobs", limit(HUB_SECONDS))
    for name, listed in files.items():
        there = next((at for at in (blob(folder, listed), folder / name) if at.is_file()), None)
        if there is None or file_tag(there, listed.tag) != listed.tag:
            there = blob(folder, listed)
            url = hf_hub_url(hub.repo, name, repo_type=kind, revision=listing.commit)
            there.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(there, follow=False) as unfinished:
                got = _download(url, unfinished, name, listed, allowed)
                if got != listed.tag:  # damaged on the way
                    got = _download(url, unfinished, name, listed, allowed)
                if got != listed.tag:
                    raise ZooError(
                        f"{hub.repo} at commit {listing.commit} sent {name} with the "
                        f"{_kind(got)} {got}, but the Hub reports {listed.tag}. The file is "
                        "damaged or not the released one, and is not used."
                    )
        if there != folder / name:
            link(folder, name, there)
    record_tags(folder, {name: listed.tag for name, listed in files.items()})
    return Snapshot(hub.repo, listing.commit, folder)


def _download(url: str, unfinished: Path, name: str, listed: ListedFile, allowed: TimeLimit) -> str:
    """Write the body of a URL to a file, resume after errors of the network, return the tag."""
    tries, wait = 0, 0.0
    with (
        unfinished.open("wb") as output,
        tqdm(  # type: ignore[no-untyped-call]
            total=listed.size, desc=name, unit="B", unit_scale=True
        ) as progress,
    ):
        while True:
            start = output.tell()
            try:
                _read_rest(url, output, listed.size, allowed, progress)
                break
            except _HTTP_ERROR as error:
                tries = 1 if output.tell() > start else tries + 1
                wait = _next_wait(error)
                if tries == _MOST_TRIES or wait > limit(HUB_WAIT):
                    raise
            allowed.wait(wait)
    if (got := unfinished.stat().st_size) != listed.size:
        raise ValueError(f"{name} should be of size {listed.size:,}, got {got:,} bytes")
    return file_tag(unfinished, listed.tag)


def _read_rest(url: str, output: BinaryIO, size: int, allowed: TimeLimit, progress: tqdm) -> None:
    start = output.tell()
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with opened(url, allowed, timeout=timeout, start=start) as response:
        if response.status_code != PARTIAL:  # the server sends the whole file
            start = output.seek(0)
            output.truncate()
            progress.reset()
        for part in body(response, size - start, allowed):
            output.write(part)
            progress.update(len(part))


def _next_wait(error: BaseException) -> float:
    """Seconds before another try; infinite if there is none."""
    if not isinstance(error, HfHubHTTPError):
        return _WAIT
    if error.response.status_code not in _RETRIED:
        return float("inf")
    with suppress(ValueError):  # a date, or no number
        return max(_WAIT, float(error.response.headers.get("Retry-After", _WAIT)))
    return _WAIT


def _wanted(listing: Listing, name: str, repo: str, needed: tuple[str, ...]) -> list[str]:
    """The files to download, the weights first, because they are the most likely to fail."""
    there = listing.entries
    missing = [file for file in needed if file not in there]
    if missing:
        pickles = sorted(file for file in there if file.endswith(_PICKLES))
        reason = (
            f"it has the weights only as {some_names(pickles)}, which can run code when read. "
            "Only safetensors files are loaded from the Hub. Ask the owner for one, or convert the "
            "file in a safe environment and pass the state dict with weights=PATH."
            if pickles and WEIGHTS_FILE in missing
            else "expected a checkpoint in the format of timm or transformers, with "
            f"{' and '.join(needed)}."
        )
        raise ZooError(f"Cannot get {name}: {repo} has no {' and no '.join(missing)}; {reason}")
    optional = {*DOWNLOADED} - {*NEEDED}
    return sorted({*needed, *optional} & there.keys(), key=lambda file: file != WEIGHTS_FILE)


def _check_size(repo: str, name: str, listed: ListedFile) -> None:
    large = name.endswith(_LARGE)
    most = limit(MOST_BYTES) if large else MOST_TEXT_BYTES
    if listed.size > most:
        hint = f" Set {MOST_BYTES} to accept a larger file." if large else ""
        raise ZooError(
            f"{repo} lists {name} with {listed.size:,} bytes, expected at most {most:,.0f} "
            f"bytes.{hint}"
        )


def _kind(tag: str) -> str:
    return "SHA-256" if len(tag) == SHA256_LENGTH else "git object id"


def _check_sha256(stated: str, sha256: str, repo: str, commit: str) -> None:
    if len(stated) == SHA256_LENGTH and stated != sha256:
        raise ZooError(
            f"{repo} at commit {commit} has {WEIGHTS_FILE} with the SHA-256 {stated}, but the zoo "
            f"expects {sha256}. It is not the released file and is not downloaded."
        )
