"""What is known of a checkpoint on this machine, in text: its provenance, its hash, its card."""

from pathlib import Path

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import CARD_FILE, WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub import cached, file_sha256
from rectgrad_zoo.hub_names import HubName
from rectgrad_zoo.loading import checkpoint_folder, hub_source

_WIDTH = 14


def describe(name: str) -> str:
    """Describe a checkpoint without asking the Hub.

    Args:
        name: As for `rectgrad_zoo.load`.

    Returns:
        A line for each known fact, the SHA-256 being that of the weights as they are here; then,
        if the checkpoint is here, its card.

    Raises:
        ValueError: If there is no such checkpoint.
        ZooError: If it is a folder without a card or weights.
    """
    row, hub = registry.find(name), hub_source(name)
    facts = {} if row is None else {key: str(value) for key, value in vars(row).items() if value}
    if hub is not None:
        found, folder = _hub_facts(hub[0], name)
        facts |= found
    elif row is not None and row.source == "package":
        folder = None
    else:
        folder = checkpoint_folder(name)
        facts.setdefault("source", "folder")
        if not (folder / CARD_FILE).is_file():
            raise ZooError(f"{name} has no card: there is no {folder / CARD_FILE}.")
    if folder is not None:
        facts["sha256"] = _sha256(folder / WEIGHTS_FILE, row)
    lines = [f"{key:<{_WIDTH}}{value}\n" for key, value in facts.items()]
    card = folder / CARD_FILE if folder is not None else None
    if card is not None and card.is_file():
        lines += ["\n", card.read_text(encoding="utf-8")]
    return "".join(lines)


def _hub_facts(hub: HubName, name: str) -> tuple[dict[str, str], Path | None]:
    found = cached(hub)
    facts = {
        "source": "hub",
        "repo": hub.repo,
        "revision": hub.revision or "not pinned",
        "commit": found.commit
        if found
        else f"not in the cache; `rectgrad zoo fetch {name}` gets it",
    }
    return facts, found.folder if found else None


def _sha256(weights: Path, row: registry.Checkpoint | None) -> str:
    if not weights.is_file():
        raise ZooError(f"{weights.parent} is not a checkpoint: it has no {weights.name}.")
    got = file_sha256(weights)
    if row is None or row.sha256 in (None, got):
        return got
    return f"{got}, expected {row.sha256}: damaged or not the released file"
