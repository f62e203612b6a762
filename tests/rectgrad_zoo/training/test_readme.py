import shutil
from pathlib import Path

import pytest

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import METRICS_FILE
from rectgrad_zoo.training.metrics import read_metrics
from rectgrad_zoo.training.readme import BEGIN, END, main, rewrite_cards, rewritten, table

pytestmark = pytest.mark.checkout
ZOO = Path(__file__).parents[3] / "zoo"
TEXT = (ZOO / "README.md").read_text(encoding="utf-8")


def test_the_committed_table_is_the_one_that_is_written() -> None:
    assert rewritten(TEXT, ZOO / "hub") == TEXT


@pytest.mark.parametrize("row", registry.CHECKPOINTS, ids=lambda row: row.name)
def test_a_row_says_what_the_registry_and_the_measurements_say(row: registry.Checkpoint) -> None:
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{row.name}` |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1] == f"`{row.architecture}`"
    assert cells[2] == row.data
    assert cells[3] == row.purpose
    assert (row.repo or "package") in cells[5]
    assert (f"revision `{row.revision}`" in cells[5]) is (row.revision is not None)
    assert ("not yet" in cells[5]) is not row.published
    assert cells[6:] == [row.license, f"`{row.sha256}`" if row.sha256 else "not pinned"]
    folder = registry.local_folder(row)
    expected = (
        "not measured here" if folder is None else str(read_metrics(folder / METRICS_FILE).test)
    )
    assert cells[4].startswith(expected)


@pytest.fixture
def own_row(monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path) -> registry.Checkpoint:
    """A row of this project's own; its folder is in `zoo/hub`, if anywhere."""
    row = registry.Checkpoint(
        name="own",
        architecture="cifar10_cnn",
        data="CIFAR-10",
        source="hub",
        sha256=read_metrics(tiny_checkpoint / METRICS_FILE).sha256,
        license="BSD-3-Clause",
        purpose="this test",
        repo=f"{registry.OWNER}/own",
        published=False,
    )
    monkeypatch.setattr(registry, "CHECKPOINTS", (*registry.CHECKPOINTS, row))
    return row


def test_a_folder_of_the_hub_is_read_where_there_is_one(
    own_row: registry.Checkpoint, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    assert "| CIFAR-10 | this test | not measured here |" in table(tmp_path)
    shutil.copytree(tiny_checkpoint, tmp_path / own_row.name)
    measured = read_metrics(tiny_checkpoint / "metrics.json").test
    assert f"| CIFAR-10 | this test | {measured} |" in table(tmp_path)


def test_the_command_puts_a_stale_table_right_and_touches_nothing_else(tmp_path: Path) -> None:
    stale = TEXT.replace("| `cifar10_cnn` | `cifar10_cnn` |", "| `cifar10_cnn` | `another` |")
    assert stale != TEXT
    (tmp_path / "README.md").write_text(stale, encoding="utf-8")
    if (ZOO / "hub").is_dir():
        shutil.copytree(ZOO / "hub", tmp_path / "hub")
    main([str(tmp_path / "README.md")])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == TEXT


def test_cards_of_folders_that_got_a_row_are_written_anew(
    own_row: registry.Checkpoint, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / own_row.name)
    recipe = (folder / "recipe.toml").read_text().replace('"tiny"', f'"{own_row.name}"')
    (folder / "recipe.toml").write_text(recipe)
    card = folder / "README.md"
    assert 'load("own")' not in card.read_text()
    assert rewrite_cards(tmp_path) == [card]
    whole = card.read_text()
    assert 'load("own")' in whole
    assert rewrite_cards(tmp_path) == []
    card.write_text(whole.replace("license: bsd-3-clause", "license: mit"))
    assert rewrite_cards(tmp_path) == [card]
    assert card.read_text() == whole


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_text_without_its_markers_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="once each, in this order"):
        rewritten(text, tmp_path)
