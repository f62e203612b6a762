"""Description of a checkpoint on this machine: provenance, hash and card."""

from pathlib import Path

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import CARD_FILE, WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.cache import Snapshot, cached
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.sources import resolve, without_weights
from rectgrad_zoo.weights import file_sha256

_WIDTH = 14
_NO_CARD = f"The checkpoint has no card ({CARD_FILE}).\n"


def describe(name: str) -> str:
    """Describe a checkpoint without network access.

    Args:
        name: As for `rectgrad_zoo.load`.

    Returns:
        One line per known fact, with the SHA-256 of the local weights, followed by the card if the
        checkpoint is on this machine.

    Raises:
        ValueError: If the name is unknown.
        ZooError: If the checkpoint is a folder without weights.
    """
    source = resolve(name)
    expected = source.sha256
    facts, folder = _row_facts(source.row), source.folder
    if source.kind == "timm":
        raise without_weights(name)
    if source.hub is not None:
        found = cached(source.hub)
        if found is not None:
            folder, expected = found.folder, expected or found.stated_sha256
        facts |= _hub_facts(source.hub, name, found)
    if source.kind == "folder":
        facts["source"] = f"folder {folder}"
    if folder is not None:
        facts["sha256"] = _sha256(folder / WEIGHTS_FILE, expected)
    lines = [f"{key:<{_WIDTH}}{value}\n" for key, value in facts.items()]
    card = folder / CARD_FILE if folder is not None else None
    if card is not None:
        # A card from the Hub is untrusted: control characters are replaced.
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else _NO_CARD
        lines += ["\n", "".join(c if c in "\n\t" or c.isprintable() else "?" for c in text)]
    return "".join(lines)


def _row_facts(row: registry.Checkpoint | None) -> dict[str, str]:
    if row is None:
        return {}
    facts = {key: value for key, value in vars(row).items() if isinstance(value, str)}
    if not row.published:
        facts["published"] = "not yet: a maintainer has to publish the repository"
    return facts


def _hub_facts(hub: HubName, name: str, found: Snapshot | None) -> dict[str, str]:
    absent = f"not in the cache; `rectgrad zoo fetch {name}` downloads it if it is on the Hub"
    if not Path(name).is_dir() and name == str(hub):
        absent = f"no local folder of that name, and {absent}"
    return {
        "source": "hub",
        "repo": hub.repo,
        "revision": hub.revision or "not pinned",
        "commit": found.commit if found is not None else absent,
    }


def _sha256(weights: Path, expected: str | None) -> str:
    if not weights.is_file():
        raise ZooError(f"{weights.parent} is not a checkpoint: it has no {weights.name}.")
    got = file_sha256(weights)
    if expected in (None, got):
        return got
    return f"{got}, expected {expected}: the file is damaged or not the released one"
