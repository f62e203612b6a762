"""The table of `zoo/README.md` and the cards, from the registry, the recipes and the measurements.

`python -m rectgrad_zoo.training.readme zoo/README.md` writes them. A card says by which name its
network is loaded, so it changes when a trained folder gets a row in the registry.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCard

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import CARD_FILE, METRICS_FILE, RECIPE_FILE
from rectgrad_zoo.training.card import model_card
from rectgrad_zoo.training.metrics import Metrics, read_metrics
from rectgrad_zoo.training.recipes import read_recipe

BEGIN = "<!-- Written by `python -m rectgrad_zoo.training.readme zoo/README.md`; not by hand. -->"
END = "<!-- End of what was written. -->"
_HEADER = (
    "name",
    "architecture",
    "data",
    "what it is for",
    "test accuracy",
    "source",
    "license",
    "SHA-256 of the weights",
)


def table(hub: Path) -> str:
    """The checkpoints of the registry, as a table in Markdown.

    Args:
        hub: Folder with a folder for each checkpoint that is not embedded but was trained here,
            `zoo/hub` in the repository.

    Returns:
        The lines of the table.

    Raises:
        ZooError: If a checkpoint's measurements cannot be read.
    """
    rows = [_HEADER, ("---",) * len(_HEADER)]
    for row in registry.CHECKPOINTS:
        metrics = _metrics(row, hub)
        rows.append(
            (
                f"`{row.name}`",
                f"`{row.architecture}`",
                row.data,
                row.purpose,
                _accuracies(metrics) if metrics else "not measured here",
                _source(row),
                row.license,
                f"`{row.sha256}`" if row.sha256 else "not pinned",
            )
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + "\n"


def rewritten(text: str, hub: Path) -> str:
    """A text with the table between its two markers written anew.

    Args:
        text: The text, with both markers.
        hub: As `table` takes it.

    Returns:
        The text with the present table.

    Raises:
        ValueError: If the markers are not both there once, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(f"Expected the lines {BEGIN!r} and {END!r} once each, in this order.")
    return f"{before}{BEGIN}\n{table(hub)}{END}{after}"


def rewrite_cards(hub: Path) -> list[Path]:
    """Write the cards anew that do not say what recipe and measurements give.

    Args:
        hub: As `table` takes it.

    Returns:
        The cards that were written.

    Raises:
        ValueError: If a checkpoint's recipe cannot be read.
        ZooError: If a checkpoint's measurements cannot be read.
    """
    written = []
    for row in registry.CHECKPOINTS:
        metrics, folder = _metrics(row, hub), registry.local_folder(row, hub)
        if metrics is None or folder is None:
            continue
        card, file = model_card(read_recipe(folder / RECIPE_FILE), metrics), folder / CARD_FILE
        if not file.exists() or _said(ModelCard.load(file)) != _said(card):
            card.save(file)
            written.append(file)
    return written


def _said(card: ModelCard) -> tuple[str, object]:
    """Text and metadata, these as read: how they are spelt changes with the client's version."""
    return card.text, card.data.to_dict()  # type: ignore[no-untyped-call]


def _metrics(row: registry.Checkpoint, hub: Path) -> Metrics | None:
    folder = registry.local_folder(row, hub)
    return read_metrics(folder / METRICS_FILE) if folder is not None else None


def _source(row: registry.Checkpoint) -> str:
    if row.repo is None:
        return row.place
    revision = f"revision `{row.revision}`" if row.revision else "revision not pinned"
    if row.published:
        return f"Hub, [`{row.repo}`](https://huggingface.co/{row.repo}), {revision}"
    return f"[`hub/{row.name}`](hub/{row.name}); Hub, once published: `{row.repo}`, {revision}"


def _accuracies(metrics: Metrics) -> str:
    cell = str(metrics.test)
    if metrics.adversarial is not None:
        cell += f"; under attack {metrics.adversarial}"
    if metrics.memorised is not None:
        cell += f"; training images by their shuffled labels {metrics.memorised}"
    return cell


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table of the README that is given, and the cards in the folder `hub` beside it.

    Args:
        argv: Its arguments; `None`: the process's.
    """
    parser = argparse.ArgumentParser(
        prog="python -m rectgrad_zoo.training.readme", description=__doc__
    )
    parser.add_argument("file", metavar="README", type=Path)
    file: Path = parser.parse_args(argv).file
    text = file.read_text(encoding="utf-8")
    hub = file.parent / "hub"
    file.write_text(rewritten(text, hub), encoding="utf-8")
    rewrite_cards(hub)


if __name__ == "__main__":
    main()
