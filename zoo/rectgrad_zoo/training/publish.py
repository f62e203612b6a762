"""Publication of a checkpoint folder as a repository on the Hugging Face Hub."""

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
from rectgrad_zoo.errors import ZooError, message_of
from rectgrad_zoo.hub.errors import one_line
from rectgrad_zoo.hub.names import HubName, is_repository
from rectgrad_zoo.training.metrics import Metrics, read_metrics
from rectgrad_zoo.training.recipes import read_recipe
from rectgrad_zoo.weights_origin import provenance

_OTHERWISE = "Publishing needs network access and a token with write access in HF_TOKEN."
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Publication:
    """A planned or finished publication.

    Attributes:
        repo: `OWNER/NAME`.
        files: Sizes in bytes of the files, by name relative to the folder.
        sha256: SHA-256 of the weights, hexadecimal, to pin in the registry.
        commit: Commit with the files, to pin as the revision; `None` before the upload.
    """

    repo: str
    files: dict[str, int]
    sha256: str
    commit: str | None = None


def prepare(folder: Path, repo: str) -> Publication:
    """Check that a folder is a complete checkpoint that loads, without uploading it.

    Args:
        folder: The checkpoint folder.
        repo: Name of the repository, `OWNER/NAME`.

    Returns:
        The planned publication.

    Raises:
        ValueError: If `repo` is not a valid name on the Hub, or the recipe is not valid.
        ZooError: If the folder does not load, has no readable card, contains unexpected files, or
            its card or measurements do not belong to the weights.
    """
    if not is_repository(repo):
        raise ValueError(f"{repo!r} is not the name of a repository; expected OWNER/NAME.")
    sha256 = provenance(load_folder(folder)).sha256
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for entry in entries:
        # Other files and links are likely there by accident.
        if entry.name not in FILES or entry.is_symlink() or not entry.is_file():
            raise ZooError(
                f"{entry} is not part of a checkpoint. Expected regular files among "
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
        raise ZooError(f"{folder} has no {CARD_FILE}. Write a card that describes the checkpoint.")
    try:
        card: ModelCard = ModelCard.load(file)
    # Arbitrary YAML metadata may raise anything.
    except Exception as error:
        raise ZooError(f"{file} is not a readable card: {message_of(error)}") from error
    if not card.text.strip():
        raise ZooError(f"{file} is empty. Write a card that describes the checkpoint.")
    return card


def _check_claims(card: ModelCard, metrics: Metrics, folder: Path, sha256: str) -> None:
    """Check that the measurements and the card belong to the weights."""
    if metrics.sha256 != sha256:
        raise ZooError(
            f"{folder / METRICS_FILE} was measured on weights with the SHA-256 {metrics.sha256}, "
            f"but {WEIGHTS_FILE} has {sha256}. Use both files of one `rectgrad zoo train`."
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
            f"{folder / CARD_FILE} states {', '.join(map(str, claimed))}, which is neither the "
            f"hash of {WEIGHTS_FILE} nor in {METRICS_FILE}. Use the three files of one "
            "`rectgrad zoo train`."
        )


def publish(folder: Path, planned: Publication, *, private: bool = False) -> Publication:
    """Upload a checkpoint folder in one commit.

    Args:
        folder: The checkpoint folder.
        planned: The result of `prepare`. The repository is created if it does not exist.
        private: Whether the repository must be private. Otherwise a new repository has the
            default visibility of its owner.

    Returns:
        The publication with its commit; with the newest commit if the repository contains the same
        files already.

    Raises:
        ZooError: If the weights changed after `prepare`, the Hub refuses the upload or cannot be
            reached, or `private` is set and the repository is public.
    """
    repo = planned.repo
    files = {name: CommitOperationAdd(name, str(folder / name)) for name in planned.files}
    if files[WEIGHTS_FILE].upload_info.sha256.hex() != planned.sha256:
        raise ZooError(f"{folder / WEIGHTS_FILE} changed after the check. Try again.")
    api, action = HfApi(library_name="captum-rectgrad"), f"Cannot publish {folder} as {repo}"
    if get_token() is None:
        raise ZooError(f"{action}: no token found. Set HF_TOKEN to a token with write access.")
    with one_line(action, HubName(repo), _OTHERWISE):
        _check_at_hub(folder, action)
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo).private:
            raise ZooError(
                f"{action}: the repository exists and is public, expected a private one. Change "
                "its settings on the Hub, or omit --private. Nothing was uploaded."
            )
        # upload_folder may split a folder into several commits.
        commit = api.create_commit(
            repo,
            list(files.values()),
            commit_message=f"Checkpoint {folder.resolve().name}",
        )
    return replace(planned, commit=commit.oid)


def _check_at_hub(folder: Path, action: str) -> None:
    """Let the Hub validate the card's metadata before the repository is created."""
    card = _read_card(folder)
    try:
        card.validate()
    except ValueError as error:
        raise ZooError(
            f"{action}: the Hub refuses the metadata of {folder / CARD_FILE}: {message_of(error)}"
        ) from error
