"""Description of a checkpoint on this machine: provenance, hash and card."""

from pathlib import Path

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import CARD_FILE, WEIGHTS_FILE
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.hub.cache import Snapshot, cached
from rectgrad_zoo.hub.names import HubName
from rectgrad_zoo.input_files import read_regular
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
    facts, folder, found = _row_facts(source.row), source.folder, None
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
    if folder is not None:
        lines += ["\n", _card(folder, found)]
    return "".join(lines)


def _card(folder: Path, found: Snapshot | None) -> str:
    """The text of a card, or the reason why it is not shown."""
    card = folder / CARD_FILE
    if not card.exists():
        return _NO_CARD
    try:
        if found is not None:
            found.check([CARD_FILE], "Run `rectgrad zoo fetch` to download it again.")
        elif folder.resolve() not in card.resolve().parents:
            return f"{card} is a link out of the folder and is not shown.\n"
        return read_regular(card).decode("utf-8", errors="replace")
    except (OSError, ZooError) as error:
        return f"The card is not shown: {error}\n"


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
