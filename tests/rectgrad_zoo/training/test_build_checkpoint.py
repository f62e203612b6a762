import json
from importlib.metadata import version
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

import rectgrad_zoo
from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.data.images import CIFAR10_CLASSES
from rectgrad_zoo.data.occlusion import Occlusion, occluded
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training import build_checkpoint, train
from rectgrad_zoo.training.accuracy import measure_accuracy
from rectgrad_zoo.training.build_checkpoint import make_checkpoint
from rectgrad_zoo.training.metrics import read_metrics
from tests.support.hub_client import Client

CPU = torch.device("cpu")
LEFT = f".training-state.0a1b.unfinished{Path(build_checkpoint.STATE_FILE).suffix}"
CONTENT = ["README.md", "config.json", "metrics.json", "model.safetensors", "recipe.toml"]


@pytest.mark.bitwise("the same recipe gives the same bytes")
def test_the_same_recipe_gives_the_same_bytes(
    tiny_checkpoint: Path, recipe_file: Path, data_folder: Path, tmp_path: Path
) -> None:
    torch.manual_seed(1234)  # whatever happened before must not matter
    make_checkpoint(recipe_file, data_folder, tmp_path / "again", CPU)
    for name in ("model.safetensors", "config.json", "recipe.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (tiny_checkpoint / name).read_bytes()
    first, second = (
        json.loads((folder / "metrics.json").read_text())
        for folder in (tiny_checkpoint, tmp_path / "again")
    )
    for metrics in (first, second):
        del metrics["provenance"]["date"]
    assert first == second
    assert not torch.are_deterministic_algorithms_enabled()


def test_another_seed_gives_another_network(
    tiny_checkpoint: Path, recipe_file: Path, data_folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    other.write_text(recipe_file.read_text().replace("seed = 5", "seed = 6"))
    metrics = make_checkpoint(other, data_folder, tmp_path / "other", CPU)
    assert metrics.sha256 != read_metrics(tiny_checkpoint / "metrics.json").sha256


def test_the_folder_is_timms_with_our_recipe_and_measurements(
    tiny_checkpoint: Path, recipe_file: Path
) -> None:
    assert sorted(file.name for file in tiny_checkpoint.iterdir()) == CONTENT
    assert not [file for file in tiny_checkpoint.parent.iterdir() if file != tiny_checkpoint]
    assert (tiny_checkpoint / "recipe.toml").read_bytes() == recipe_file.read_bytes()
    config = json.loads((tiny_checkpoint / "config.json").read_text())
    assert config["architecture"] == "cifar10_cnn"
    assert config["label_names"] == list(CIFAR10_CLASSES)
    assert config["pretrained_cfg"]["input_size"] == [3, 32, 32]
    assert config["pretrained_cfg"]["mean"] == config["pretrained_cfg"]["std"] == [0.5] * 3
    tensors = safetensors.torch.load_file(tiny_checkpoint / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert tensors.keys() == timm.create_model("cifar10_cnn").state_dict().keys()


def test_the_measured_accuracy_is_of_the_stored_weights_on_occluded_images(
    tiny_checkpoint: Path, data_folder: Path
) -> None:
    test = read_cifar10(data_folder, "test")
    model = rectgrad_zoo.load(str(tiny_checkpoint))
    measured = measure_accuracy(model, occluded(test, Occlusion(size=10, seed=3)))
    metrics = read_metrics(tiny_checkpoint / "metrics.json")
    assert metrics.test == measured
    assert metrics.test_fingerprint == test.fingerprint()


def test_metrics_say_which_epoch_was_kept_and_what_made_them(tiny_checkpoint: Path) -> None:
    metrics = read_metrics(tiny_checkpoint / "metrics.json")
    validations = [epoch.validation for epoch in metrics.epochs if epoch.validation is not None]
    assert len(validations) == len(metrics.epochs) == 2
    correct = [accuracy.correct for accuracy in validations]
    assert metrics.kept_epoch == 1 + correct.index(max(correct))
    assert {accuracy.total for accuracy in validations} == {10}
    assert metrics.parameters == 1_116_970
    assert metrics.provenance.versions["torch"] == version("torch")
    assert metrics.provenance.seed == 5
    assert metrics.provenance.device.startswith("cpu (")


def test_an_existing_folder_is_never_written_into(
    tiny_checkpoint: Path, recipe_file: Path, data_folder: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in ("notes.txt", LEFT):
        (mixed / name).touch()
    for out in (tiny_checkpoint, mixed):
        with pytest.raises(ValueError, match="exists already and contains no unfinished training"):
            make_checkpoint(recipe_file, data_folder, out, CPU)
    assert sorted(file.name for file in mixed.iterdir()) == sorted(["notes.txt", LEFT])


@pytest.mark.parametrize("out", ["file", "file/x", "dangling", "/proc/x"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_data_are_read(
    out: str, recipe_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "x")
    with pytest.raises(ValueError, match=r"Cannot write to .*another folder with --out"):
        make_checkpoint(recipe_file, tmp_path / "no data", tmp_path / out, CPU)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dangling", "file"]


def test_a_folder_that_could_be_written_is_not_left_empty(
    recipe_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ZooError):
        make_checkpoint(recipe_file, tmp_path, tmp_path / "a" / "b", CPU)
    assert not any(tmp_path.iterdir())


def test_a_network_that_diverges_is_no_checkpoint(
    recipe_file: Path, data_folder: Path, tmp_path: Path
) -> None:
    steep = tmp_path / "steep.toml"
    steep.write_text(recipe_file.read_text().replace("0.001", "1e10"))
    with pytest.raises(ZooError, match=r"tiny, in .*diverged.*smaller learning_rate"):
        make_checkpoint(steep, data_folder, tmp_path / "out", CPU)
    left = list((tmp_path / "out").iterdir()) if (tmp_path / "out").exists() else []
    assert {file.name for file in left} <= {build_checkpoint.STATE_FILE}


@pytest.mark.bitwise("the same recipe gives the same bytes")
@pytest.mark.parametrize(
    "left", [(), (LEFT, ".lock", ".lock-holder"), (".config.a1.unfinished.json",)]
)
def test_what_a_training_leaves_that_ends_before_its_first_state_is_no_obstacle(
    left: tuple[str, ...],
    tiny_checkpoint: Path,
    recipe_file: Path,
    data_folder: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "out").mkdir()
    for name in left:
        (tmp_path / "out" / name).write_bytes(b"half a st")
    metrics = make_checkpoint(recipe_file, data_folder, tmp_path / "out", CPU)
    assert metrics.sha256 == read_metrics(tiny_checkpoint / "metrics.json").sha256
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == CONTENT


@pytest.mark.bitwise("the same recipe gives the same bytes")
def test_what_could_not_be_written_is_not_trained_again(
    tiny_checkpoint: Path,
    recipe_file: Path,
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(build_checkpoint, "_contents", interrupted)  # after the last epoch's state
        with pytest.raises(KeyboardInterrupt):
            make_checkpoint(recipe_file, data_folder, out, CPU)
    full = client.train(recipe_file, data_folder, out, largest_file=1_000_000)  # half the weights
    assert full.status == 2
    (line,) = full.stderr.splitlines()
    assert line.startswith("rectgrad: error: Cannot write ")
    assert [file.name for file in out.iterdir()] == [build_checkpoint.STATE_FILE]

    def no_training(*_: object) -> float:
        raise AssertionError

    monkeypatch.setattr(train, "_train_epoch", no_training)
    make_checkpoint(recipe_file, data_folder, out, CPU)
    assert sorted(file.name for file in out.iterdir()) == CONTENT
    assert (out / "model.safetensors").read_bytes() == (
        tiny_checkpoint / "model.safetensors"
    ).read_bytes()
