import argparse
import json
import shutil
from pathlib import Path

import pytest

from captum_rectgrad.cli import zoo
from captum_rectgrad.cli.main import main
from rectgrad_zoo import registry
from rectgrad_zoo.errors import ZooError


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser(prog="rectgrad")
    zoo.add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args(["zoo", *map(str, arguments)])
    status: int = args.run(args)
    return status


@pytest.fixture
def copied(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_checkpoint, tmp_path / "copy")


def test_list_has_the_whole_row_of_each_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    _, *lines = capsys.readouterr().out.splitlines()
    for row, number in zip(registry.CHECKPOINTS, range(0, len(lines), 5), strict=True):
        first, purpose, data, place, sha256 = lines[number : number + 5]
        loadable = "yes" if registry.is_loadable(row) else "no"
        assert first.split()[:3] == [row.name, row.architecture, loadable]
        assert row.purpose in purpose
        assert row.data in data
        assert (row.repo or "package") in place
        if row.repo is not None:
            assert (row.revision or ("not pinned" if row.published else "not yet")) in place
        assert sha256 == f"  SHA-256 {row.sha256 or 'not pinned'}"
    assert lines[0].endswith("%")
    assert max(map(len, lines)) <= 100


def test_list_marks_checkpoints_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "HUB_FOLDER", tmp_path)
    assert run("list") == 0
    first = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()[1::5]}
    assert first["cifar10_cnn"][2] == "yes"
    assert first["cifar10_resnet"][2:] == ["no", "-"]


def test_show_prints_provenance_and_card(
    tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", tiny_checkpoint) == 0
    out = capsys.readouterr().out
    sha256 = json.loads((tiny_checkpoint / "metrics.json").read_text())["sha256"]
    assert f"sha256        {sha256}\n" in out
    assert out.endswith("\n\n" + (tiny_checkpoint / "README.md").read_text())
    assert run("show", "cifar10_cnn") == 0
    row = registry.find("cifar10_cnn")
    assert row is not None
    lines = capsys.readouterr().out.splitlines()
    assert {"source        embedded", f"sha256        {row.sha256}"} <= set(lines)


def test_show_prints_the_row_of_what_another_package_carries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = registry.find("tf_efficientnet_lite0")
    assert row is not None
    assert row.sha256 is not None
    assert run("show", row.name) == 0
    out = capsys.readouterr().out
    assert row.sha256 in out
    assert row.license in out


def test_show_names_what_is_near() -> None:
    with pytest.raises(ValueError, match=r"Unknown model 'cifar10_cn' \(did you mean cifar10_cnn "):
        run("show", "cifar10_cn")


def test_fetch_of_a_folder_names_the_repository_it_hides(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(copied.parents[1])
    name = f"{copied.parent.name}/{copied.name}"
    assert run("fetch", name) == 0
    assert f"(the repository of that name is hf:{name})" in capsys.readouterr().out


def test_show_takes_any_card_and_none(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copied / "README.md").write_bytes(b"\x1b[31mred\xff\n")
    assert main(["zoo", "show", str(copied)]) == 0
    assert capsys.readouterr().out.endswith("\n\n?[31mred\ufffd\n")
    (copied / "README.md").unlink()
    run("show", copied)
    out = capsys.readouterr().out
    assert "has no card" in out
    assert "sha256" in out


def test_show_follows_no_link_out_of_the_folder(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = copied.with_name("secret.txt")
    secret.write_text("a private key")
    card = copied / "README.md"
    for target in (secret, Path("../secret.txt"), Path("/dev/zero")):
        card.unlink()
        card.symlink_to(target)
        assert run("show", copied) == 0
        out = capsys.readouterr().out
        assert "is a link out of the folder and is not shown" in out
        assert "private" not in out
    (copied / "card.md").write_text("a card inside")
    card.unlink()
    card.symlink_to("card.md")
    run("show", copied)
    assert capsys.readouterr().out.endswith("\na card inside")


def test_train_writes_a_checkpoint_that_verify_confirms(
    recipe_file: Path, data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs" / "tiny"
    assert run("train", recipe_file, "--data", data_folder, "--out", out) == 0
    sha256 = json.loads((out / "metrics.json").read_text())["sha256"]
    printed = capsys.readouterr().out
    assert f"SHA-256 {sha256}" in printed
    assert "95 % interval" in printed
    assert run("verify", out, "--data", data_folder) == 0
    assert "verified" in capsys.readouterr().out


def test_verify_finds_other_weights(
    copied: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((copied / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copied / "model.safetensors").write_bytes(content)
    assert run("verify", copied, "--data", data_folder) == 1
    assert "mismatch: the SHA-256 of the weights is not" in capsys.readouterr().out


def test_verify_finds_another_accuracy(
    copied: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = json.loads((copied / "metrics.json").read_text())
    metrics["test"]["correct"] += 1
    (copied / "metrics.json").write_text(json.dumps(metrics))
    assert run("verify", copied, "--data", data_folder) == 1
    assert "mismatch: the accuracy is not" in capsys.readouterr().out


def test_verify_finds_other_data(
    copied: Path, data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "data" / "plain_text"
    other.mkdir(parents=True)
    shutil.copyfile(
        data_folder / "plain_text" / "train-00000-of-00001.parquet",
        other / "test-00000-of-00001.parquet",
    )
    assert run("verify", copied, "--data", other.parent) == 1
    assert "mismatch: the test images differ" in capsys.readouterr().out


def test_verify_holds_an_embedded_checkpoint_to_the_zoos_hash(
    copied: Path,
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(registry, "embedded_folder", lambda _: copied)
    assert run("verify", "cifar10_cnn", "--data", data_folder) == 1
    assert "mismatch: the SHA-256 of the weights is not the pinned" in capsys.readouterr().out


def test_bad_arguments_are_errors_before_the_work(
    recipe_file: Path, data_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ZooError, match=r"has neither .*train-\*\.parquet"):
        run("train", recipe_file, "--data", tmp_path, "--out", tmp_path / "out")
    with pytest.raises(ValueError, match="Cannot read the recipe"):
        run("train", tmp_path / "no.toml", "--data", data_folder, "--out", tmp_path / "out")
    with pytest.raises(ValueError, match="device 'gpu' is not available"):
        run("verify", "cifar10_cnn", "--data", data_folder, "--device", "gpu")
    with pytest.raises(ZooError, match="no accuracy to verify"):
        run("verify", "tf_efficientnet_lite0", "--data", data_folder)
    with pytest.raises(SystemExit, match="2"):
        run()
    assert not (tmp_path / "out").exists()
