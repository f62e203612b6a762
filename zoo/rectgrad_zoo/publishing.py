"""Publishing a checkpoint's folder as a repository on the Hugging Face Hub."""

from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

from rectgrad_zoo.checkpoint import CARD_FILE, FILES, METRICS_FILE, WEIGHTS_FILE, load_folder
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub_errors import one_line
from rectgrad_zoo.hub_names import HubName, is_repository
from rectgrad_zoo.metrics import read_metrics
from rectgrad_zoo.origins import provenance

_OTHERWISE = "Publishing needs a network and, in HF_TOKEN, a token that may write."


@dataclass(frozen=True)
class Publication:
    """What is published, or would be.

    Attributes:
        repo: `OWNER/NAME`.
        files: The files, relative to the folder, by their size in bytes.
        sha256: SHA-256 of the weights, hexadecimal, to pin in the registry.
        commit: The commit that has them, to pin as the revision; `None` if nothing was sent.
    """

    repo: str
    files: dict[str, int]
    sha256: str
    commit: str | None = None


def prepare(folder: Path, repo: str) -> Publication:
    """Check that a folder is a whole checkpoint that others can load; nothing is sent.

    Args:
        folder: The checkpoint folder; it is published as it is.
        repo: Where it is to go, `OWNER/NAME`.

    Returns:
        What would be published.

    Raises:
        ValueError: If `repo` is not a name the Hub could have.
        ZooError: If the folder does not load, has no card, holds what a checkpoint does not, or
            its measurements are of other weights.
    """
    if not is_repository(repo):
        raise ValueError(f"{repo!r} is not the name of a repository; expected OWNER/NAME.")
    sha256 = provenance(load_folder(folder)).sha256
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for entry in entries:
        # What else lies there, or where a link leads, was hardly meant to be published.
        if entry.name not in FILES or entry.is_symlink() or not entry.is_file():
            raise ZooError(
                f"{entry} has no place in a published checkpoint: expected plain files, of "
                f"{', '.join(sorted(FILES))}. Remove it from the folder."
            )
    if not (folder / CARD_FILE).is_file():
        raise ZooError(f"{folder} has no {CARD_FILE}: nobody would know what it is. Write one.")
    metrics = folder / METRICS_FILE
    if metrics.is_file() and (claimed := read_metrics(metrics).sha256) != sha256:
        raise ZooError(
            f"{metrics} was measured on weights with the SHA-256 {claimed}, but {WEIGHTS_FILE} "
            f"has {sha256}. `rectgrad zoo train` writes both."
        )
    return Publication(repo, {entry.name: entry.stat().st_size for entry in entries}, sha256)


def publish(folder: Path, planned: Publication, *, private: bool = False) -> Publication:
    """Upload a checkpoint's folder, in one commit.

    Args:
        folder: The checkpoint folder; it is published as it is.
        planned: What `prepare` said of it. The repository is created if there is none.
        private: Whether only the owner may see it; if not, a new repository is what its owner's
            new ones are by default.

    Returns:
        What was published, with its commit. If the repository has the same files already, its
        newest commit.

    Raises:
        ZooError: If the weights are not those that were prepared, the Hub refuses or cannot be
            reached, or the repository is public where a private one is asked for.
    """
    repo = planned.repo
    files = {name: CommitOperationAdd(name, str(folder / name)) for name in planned.files}
    if files[WEIGHTS_FILE].upload_info.sha256.hex() != planned.sha256:
        raise ZooError(f"{folder / WEIGHTS_FILE} has changed since it was checked. Try again.")
    api, action = HfApi(library_name="captum-rectgrad"), f"Cannot publish {folder} as {repo}"
    with one_line(action, HubName(repo), _OTHERWISE):
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo).private:
            raise ZooError(
                f"{action}: it exists and is public. Make it private in its settings on the Hub, "
                "or leave out --private. Nothing was uploaded."
            )
        # Not upload_folder: that may split a folder into several commits.
        commit = api.create_commit(
            repo,
            list(files.values()),
            commit_message=f"Checkpoint {folder.resolve().name}",
        )
    return replace(planned, commit=commit.oid)
