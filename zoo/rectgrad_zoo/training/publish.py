"""Publishing a checkpoint's folder as a repository on the Hugging Face Hub."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, get_token

from rectgrad_zoo.checkpoint import (
    CARD_FILE,
    FILES,
    METRICS_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
    load_folder,
)
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.names import HubName, is_repository
from rectgrad_zoo.training.metrics import Metrics, read_metrics
from rectgrad_zoo.training.recipes import read_recipe
from rectgrad_zoo.weights_origin import provenance

_OTHERWISE = "Publishing needs a network and, in HF_TOKEN, a token that may write."
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


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
        ValueError: If `repo` is not a name the Hub could have, or the recipe is not valid.
        ZooError: If the folder does not load, has no card that can be read, holds what a checkpoint
            does not, or its card or measurements are of other weights.
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
    card = _read_card(folder)
    if (folder / RECIPE_FILE).is_file():
        read_recipe(folder / RECIPE_FILE)
    if (folder / METRICS_FILE).is_file():
        _check_claims(card, read_metrics(folder / METRICS_FILE), folder, sha256)
    return Publication(repo, {entry.name: entry.stat().st_size for entry in entries}, sha256)


def _read_card(folder: Path) -> ModelCard:
    file = folder / CARD_FILE
    if not file.is_file():
        raise ZooError(f"{folder} has no {CARD_FILE}: nobody would know what it is. Write one.")
    try:
        card: ModelCard = ModelCard.load(file)
    # Its metadata are YAML of any kind: whatever is raised on them is the file's fault.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ZooError(f"{file} cannot be read as a card: {reason}") from error
    if not card.text.strip():
        raise ZooError(f"{file} is empty: nobody would know what it is. Write one.")
    return card


def _check_claims(card: ModelCard, metrics: Metrics, folder: Path, sha256: str) -> None:
    """Hold measurements and card to the weights as they are, and to each other."""
    if metrics.sha256 != sha256:
        raise ZooError(
            f"{folder / METRICS_FILE} was measured on weights with the SHA-256 {metrics.sha256}, "
            f"but {WEIGHTS_FILE} has {sha256}. `rectgrad zoo train` writes both."
        )
    known = {sha256, metrics.train_fingerprint, metrics.test_fingerprint}
    claimed: set[object] = {*_HASH.findall(card.text)} - known
    accuracies = {
        result.metric_value
        for result in getattr(card.data, "eval_results", None) or ()
        if result.metric_type == "accuracy"
    }
    claimed |= accuracies - {metrics.test.value}
    if claimed:
        raise ZooError(
            f"{folder / CARD_FILE} says {', '.join(map(str, claimed))}, which is neither the hash "
            f"of {WEIGHTS_FILE} nor in {METRICS_FILE}. `rectgrad zoo train` writes all three."
        )


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
    if get_token() is None:
        raise ZooError(f"{action}: nobody is logged in. Set HF_TOKEN to a token that may write.")
    with one_line(action, HubName(repo), _OTHERWISE):
        _check_at_hub(folder, action)
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


def _check_at_hub(folder: Path, action: str) -> None:
    """Have the Hub look at the card's metadata before anything is made there."""
    card = _read_card(folder)
    try:
        card.validate()
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ZooError(
            f"{action}: the Hub refuses the metadata of {folder / CARD_FILE}: {reason}"
        ) from error
