import json
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training.publish import prepare, publish


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_checkpoint, tmp_path / "copy")


def test_a_checkpoint_is_published_as_it_is(folder: Path) -> None:
    (folder / ".DS_Store").touch()
    planned = prepare(folder, "owner/name")
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    del sizes[".DS_Store"]
    assert planned.files == sizes
    assert planned.sha256 == json.loads((folder / "metrics.json").read_text())["sha256"]
    assert planned.commit is None


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "training-state.pt", "notes.txt", "runs/log.txt"]
)
def test_what_is_no_checkpoints_is_named(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    with pytest.raises(ZooError, match=r"is not part of a checkpoint.*Remove it"):
        prepare(folder, "owner/name")


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "recipe.toml").rename(tmp_path / "secret")
    (folder / "recipe.toml").symlink_to(tmp_path / "secret")
    with pytest.raises(ZooError, match=r"recipe\.toml is not part of a checkpoint"):
        prepare(folder, "owner/name")


def test_a_checkpoint_without_a_card_or_of_other_weights_is_refused(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps({**metrics, "sha256": "0" * 64}))
    with pytest.raises(ZooError, match=r"was measured on weights with the SHA-256 0000"):
        prepare(folder, "owner/name")
    (folder / "metrics.json").unlink()
    assert "metrics.json" not in prepare(folder, "owner/name").files
    (folder / "README.md").unlink()
    with pytest.raises(ZooError, match=r"has no README\.md"):
        prepare(folder, "owner/name")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("README.md", b"\xff\xfe", r"README\.md is not a readable card"),
        ("README.md", b"---\na: [\n---\ntext", r"README\.md is not a readable card"),
        ("README.md", b" \n", r"README\.md is empty"),
        ("README.md", b"SHA-256 `" + b"1" * 64 + b"`", r"README\.md states 1111"),
        ("recipe.toml", b"junk", r"recipe\.toml is not a valid TOML"),
        ("metrics.json", b"{}", r"metrics\.json is not a valid"),
    ],
)
def test_files_that_say_nothing_or_something_else_are_refused(
    folder: Path, name: str, content: bytes, message: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises((ZooError, ValueError), match=message):
        prepare(folder, "owner/name")


def test_a_card_of_another_accuracy_is_refused(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"]["correct"] = 29
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(ZooError, match=r"README\.md states 0\.\d+, which is neither"):
        prepare(folder, "owner/name")


def test_weights_that_changed_since_they_were_checked_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    planned = prepare(folder, "owner/name")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ZooError, match="changed after the check"):
        publish(folder, planned)


def test_a_folder_that_does_not_load_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ZooError, match="not a complete safetensors file"):
        prepare(folder, "owner/name")
    with pytest.raises(ZooError, match="is not a checkpoint"):
        prepare(folder / "nowhere", "owner/name")


@pytest.mark.parametrize("repo", ["name", "a/b/c", "../name", "owner/na me", "owner/", ""])
def test_a_repository_has_an_owner_and_a_name(folder: Path, repo: str) -> None:
    with pytest.raises(ValueError, match="expected OWNER/NAME"):
        prepare(folder, repo)
