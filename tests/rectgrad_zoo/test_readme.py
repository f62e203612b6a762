import shutil
from pathlib import Path

import pytest

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import METRICS_FILE
from rectgrad_zoo.metrics import read_metrics
from rectgrad_zoo.readme import BEGIN, END, main, rewrite_cards, rewritten, table

ZOO = Path(__file__).parents[2] / "zoo"
TEXT = (ZOO / "README.md").read_text(encoding="utf-8")


def test_the_committed_table_is_the_one_that_is_written() -> None:
    assert rewritten(TEXT, ZOO / "hub") == TEXT


@pytest.mark.parametrize("row", registry.CHECKPOINTS, ids=lambda row: row.name)
def test_a_row_says_what_the_registry_and_the_measurements_say(row: registry.Checkpoint) -> None:
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{row.name}` |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1] == f"`{row.architecture}`"
    assert cells[2] == row.data
    assert (row.repo or "package") in cells[4]
    assert ("once published" in cells[4]) is not row.published
    assert cells[5:] == [row.license, f"`{row.sha256}`" if row.sha256 else "not pinned"]
    folder = registry.local_folder(row)
    expected = (
        "not measured here" if folder is None else str(read_metrics(folder / METRICS_FILE).test)
    )
    assert cells[3].startswith(expected)


def test_a_folder_of_the_hub_is_read_where_there_is_one(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    row = next(row for row in registry.CHECKPOINTS if row.source != "embedded")
    assert f"| `{row.name}` | `{row.architecture}` | {row.data} | not measured" in table(tmp_path)
    shutil.copytree(tiny_checkpoint, tmp_path / row.name)
    measured = read_metrics(tiny_checkpoint / "metrics.json").test
    assert f"| {row.data} | {measured} |" in table(tmp_path)


def test_the_command_puts_a_stale_table_right_and_touches_nothing_else(tmp_path: Path) -> None:
    stale = TEXT.replace("| `cifar10_cnn` | `cifar10_cnn` |", "| `cifar10_cnn` | `another` |")
    assert stale != TEXT
    (tmp_path / "README.md").write_text(stale, encoding="utf-8")
    if (ZOO / "hub").is_dir():
        shutil.copytree(ZOO / "hub", tmp_path / "hub")
    main([str(tmp_path / "README.md")])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == TEXT


def test_cards_of_folders_that_got_a_row_are_written_anew(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    row = next(row for row in registry.CHECKPOINTS if row.source != "embedded")
    folder = shutil.copytree(tiny_checkpoint, tmp_path / row.name)
    recipe = (folder / "recipe.toml").read_text().replace('"tiny"', f'"{row.name}"')
    (folder / "recipe.toml").write_text(recipe)
    assert f'load("{row.name}")' not in (folder / "README.md").read_text()
    assert rewrite_cards(tmp_path) == [folder / "README.md"]
    assert f'load("{row.name}")' in (folder / "README.md").read_text()
    assert rewrite_cards(tmp_path) == []


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_text_without_its_markers_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="once each, in this order"):
        rewritten(text, tmp_path)
