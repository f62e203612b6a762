"""Writes the table of `zoo/README.md` and the model cards.

The sources are the registry, the recipes and the measurements. Run
`python -m rectgrad_zoo.training.readme zoo/README.md` after a change of the registry, since a card
contains the name for loading the network.
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
from rectgrad_zoo.written_whole import write_text

BEGIN = "<!-- Written by `python -m rectgrad_zoo.training.readme zoo/README.md`; not by hand. -->"
END = "<!-- End of what was written. -->"
_HEADER = (
    "name",
    "architecture",
    "data",
    "purpose",
    "test accuracy",
    "source",
    "license",
    "SHA-256 of the weights",
)


def table(hub: Path) -> str:
    """The checkpoints of the registry, as a table in Markdown.

    Args:
        hub: Parent folder of this project's own checkpoints outside the package, `zoo/hub` in the
            repository.

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
    """Replace the table between the two markers of a text.

    Args:
        text: The text, with both markers.
        hub: As in `table`.

    Returns:
        The text with the current table.

    Raises:
        ValueError: If each marker does not occur exactly once, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(
            f"The text does not have the lines {BEGIN!r} and {END!r} once each, in this order. "
            "Restore them."
        )
    return f"{before}{BEGIN}\n{table(hub)}{END}{after}"


def rewrite_cards(hub: Path) -> list[Path]:
    """Write the cards that differ from their recipes and measurements.

    Args:
        hub: As in `table`.

    Returns:
        Paths of the written cards.

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
            write_text(file, str(card))
            written.append(file)
    return written


def _said(card: ModelCard) -> tuple[str, object]:
    """Text and parsed metadata. Their spelling depends on the version of the client."""
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
    return f"[`hub/{row.name}`](hub/{row.name}); not yet on the Hub: `{row.repo}`, {revision}"


def _accuracies(metrics: Metrics) -> str:
    cell = str(metrics.test)
    if metrics.adversarial is not None:
        cell += f"; under attack {metrics.adversarial}"
    if metrics.memorised is not None:
        cell += f"; training images by the labels of the training {metrics.memorised}"
    if metrics.attack_success is not None:
        cell += f"; with the trigger classified as the target {metrics.attack_success}"
    return cell


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table of a README, and the cards in the folder `hub` beside it.

    Args:
        argv: Command-line arguments; `None` for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m rectgrad_zoo.training.readme", description=__doc__
    )
    parser.add_argument("file", metavar="README", type=Path, help="path of zoo/README.md")
    file: Path = parser.parse_args(argv).file
    text = file.read_text(encoding="utf-8")
    hub = file.parent / "hub"
    write_text(file, rewritten(text, hub))
    rewrite_cards(hub)


if __name__ == "__main__":
    main()
