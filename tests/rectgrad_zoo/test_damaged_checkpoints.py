"""Checkpoints that are damaged, or that describe another network than their weights are of."""

import json
import os
import random
import shutil
import socket
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

import rectgrad_zoo
from rectgrad_zoo.errors import ZooError

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


@pytest.fixture
def unmeasured(folder: Path) -> Path:
    """A folder without a stated hash, as other programs write it."""
    (folder / "metrics.json").unlink()
    return folder


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        (config if key in config else config["pretrained_cfg"])[key] = value
    (folder / "config.json").write_text(json.dumps(config))


def change_weights(folder: Path, **changes: torch.Tensor) -> None:
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    safetensors.torch.save_file(tensors | changes, folder / WEIGHTS)


def test_every_flipped_bit_of_measured_weights_is_found(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    generator = random.Random(0)  # noqa: S311 (positions of bits)
    for _ in range(30):
        damaged = bytearray(content)
        damaged[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        (folder / WEIGHTS).write_bytes(damaged)
        with pytest.raises(
            ZooError, match=r"model\.safetensors has the SHA-256 .*expected .*damaged"
        ):
            rectgrad_zoo.load(str(folder))


@pytest.mark.parametrize(
    "text", ['{"sha256": "', '{"sha256": 7}', '{"sha256": "00"}', '["sha256"]']
)
def test_measurements_that_state_no_readable_hash_are_refused(folder: Path, text: str) -> None:
    (folder / "metrics.json").write_text(text)
    with pytest.raises(ZooError, match=r"metrics\.json "):
        rectgrad_zoo.load(str(folder))


def test_measurements_of_other_programs_are_ignored(folder: Path) -> None:
    (folder / "metrics.json").write_text('{"loss": 1}\n{"loss": 2}\n')
    rectgrad_zoo.load(str(folder))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", [WEIGHTS, "own.pth"])
def test_weights_that_are_not_finite_are_refused(unmeasured: Path, value: float, name: str) -> None:
    bias = torch.zeros(10)
    bias[3] = value
    change_weights(unmeasured, **{"fc2.bias": bias})
    torch.save(safetensors.torch.load_file(unmeasured / WEIGHTS), unmeasured / "own.pth")
    source, own = (str(unmeasured), None) if name == WEIGHTS else ("cifar10_cnn", unmeasured / name)
    with pytest.raises(ZooError, match=rf"{name} has infinite or NaN values in fc2\.bias"):
        rectgrad_zoo.load(source, weights=own)


def test_weights_that_overflow_in_the_type_of_the_network_are_refused(unmeasured: Path) -> None:
    change_weights(unmeasured, **{"fc2.bias": torch.full((10,), 1e300, dtype=torch.float64)})
    with pytest.raises(ZooError, match=r"infinite or NaN values in fc2\.bias"):
        rectgrad_zoo.load(str(unmeasured))


def test_weights_of_zero_are_refused_and_a_classifier_of_zeros_is_warned_about(
    unmeasured: Path,
) -> None:
    tensors = safetensors.torch.load_file(unmeasured / WEIGHTS)
    change_weights(unmeasured, **{"fc2.weight": torch.zeros_like(tensors["fc2.weight"])})
    with pytest.warns(UserWarning, match=r"classifier of zeros \(fc2\.weight\)"):
        rectgrad_zoo.load(str(unmeasured))
    change_weights(unmeasured, **{name: torch.zeros_like(each) for name, each in tensors.items()})
    with pytest.raises(ZooError, match="weights of zero only"):
        rectgrad_zoo.load(str(unmeasured))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", [float("nan")] * 3),
        ("mean", [0.5, float("inf"), 0.5]),
        ("mean", "0.5"),
        ("mean", []),
        ("mean", [True, True, True]),
        ("std", [0.5, 0.0, 0.5]),
        ("std", [0.5, -0.5, 0.5]),
        ("std", [float("nan")] * 3),
        ("std", 0.5),
        ("crop_pct", float("nan")),
        ("crop_pct", 0),
        ("crop_pct", -1.0),
        ("crop_pct", "1.0"),
        ("crop_mode", "sideways"),
        ("crop_mode", ["center"]),
        ("interpolation", 7),
        ("interpolation", {"a": 1}),
        ("interpolation", "cubic"),
        ("input_size", [3, -1, 0]),
        ("input_size", [3, 10**9, 10**9]),
        ("input_size", [3.0, 32.0, 32.0]),
        ("input_size", 32),
        ("label_names", 7),
        ("label_names", [[1]] * 10),
        ("label_names", {"zero": "cat"}),
        ("label_descriptions", ["cat"]),
        ("label_descriptions", {"cat": 7}),
    ],
)
def test_values_of_the_configuration_are_held_to_their_type_and_range(
    folder: Path, key: str, value: Any
) -> None:
    change_config(folder, **{key: value})
    with pytest.raises(ZooError, match=rf"config\.json has {key} = .*, expected "):
        rectgrad_zoo.load(str(folder))


@pytest.mark.parametrize(
    ("architecture", "arguments"),
    [
        ("vit_base_patch16_224", {"embed_dim": 4096, "depth": 32, "num_heads": 32}),  # 7 billion
        ("vit_tiny_patch16_224", {"depth": 10**5}),
        ("vit_tiny_patch16_224", {"depth": 10**9}),
        ("vit_tiny_patch16_224", {"img_size": 2**20}),
        ("cifar10_cnn", {"num_classes": 10**10}),
    ],
)
def test_a_network_that_is_larger_than_its_weights_is_not_built(
    unmeasured: Path, architecture: str, arguments: dict[str, int]
) -> None:
    config = {"architecture": architecture, "model_args": arguments, "pretrained_cfg": {}}
    (unmeasured / "config.json").write_text(json.dumps(config))
    started = time.monotonic()
    with pytest.raises(ZooError, match=r"network that is much larger|network with an argument of"):
        rectgrad_zoo.load(str(unmeasured))
    assert time.monotonic() - started < 20


def test_shared_numbers_of_a_tensor_do_not_count_as_its_size(tmp_path: Path) -> None:
    weights = timm.create_model("test_resnet", num_classes=2).state_dict()
    wide = {"fc.weight": torch.ones(1, 1).expand(10**10, weights["fc.weight"].shape[1])}
    wide |= {"fc.bias": torch.ones(1).expand(10**10)}
    torch.save(weights | wide, tmp_path / "weights.pth")
    with pytest.raises(ZooError, match=r"much larger than its weights"):
        rectgrad_zoo.load("test_resnet", weights=tmp_path / "weights.pth")


def test_a_compressed_archive_of_tensors_is_refused(tmp_path: Path) -> None:
    zeros = {
        name: torch.zeros_like(one)
        for name, one in timm.create_model("cifar10_cnn").state_dict().items()
    }
    torch.save(zeros, tmp_path / "stored.pth")
    file = tmp_path / "weights.pth"
    with zipfile.ZipFile(tmp_path / "stored.pth") as stored, zipfile.ZipFile(file, "w") as packed:
        for name in stored.namelist():
            packed.writestr(name, stored.read(name), zipfile.ZIP_DEFLATED)
    assert 100 * file.stat().st_size < (tmp_path / "stored.pth").stat().st_size
    with pytest.raises(ZooError, match=r"weights\.pth is a compressed archive of"):
        rectgrad_zoo.load("cifar10_cnn", weights=file)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, about sparse tensors in files
def test_tensors_without_dense_numbers_are_refused(tmp_path: Path) -> None:
    weights = timm.create_model("cifar10_cnn").state_dict()
    file = tmp_path / "weights.pth"
    dense = weights["fc2.bias"]
    for unusual in (dense.to_sparse(), dense.to("meta")):
        torch.save({**weights, "fc2.bias": unusual}, file)
        with pytest.raises(
            ZooError, match=r"weights\.pth has tensors that are sparse.*: fc2\.bias"
        ):
            rectgrad_zoo.load("cifar10_cnn", weights=file)
    torch.save({7: dense}, file)
    with pytest.raises(ZooError, match=r"is not a state dict: 7 are not tensors"):
        rectgrad_zoo.load("cifar10_cnn", weights=file)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json", "metrics.json"])
def test_a_file_of_a_checkpoint_must_be_a_file(folder: Path, name: str) -> None:
    file, started = folder / name, time.monotonic()
    for make in (os.mkfifo, bind, link_to_zeros, make_sparse, Path.mkdir):
        file.unlink()
        make(file)
        with pytest.raises(ZooError):
            rectgrad_zoo.load(str(folder))
        if name == WEIGHTS:
            with pytest.raises(ZooError):
                rectgrad_zoo.load("cifar10_cnn", weights=file)
        if file.is_dir():
            file.rmdir()
            file.touch()
    assert time.monotonic() - started < 20


def bind(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(file))


def link_to_zeros(file: Path) -> None:
    file.symlink_to("/dev/zero")


def make_sparse(file: Path) -> None:
    file.touch()
    os.truncate(file, 10**12)


def test_zeros_in_the_place_of_weights_are_not_read(unmeasured: Path) -> None:
    for name in (WEIGHTS, "weights.pth"):
        (unmeasured / name).unlink(missing_ok=True)
        make_sparse(unmeasured / name)
        os.truncate(unmeasured / name, 9 * 2**30)  # below the limit, above the memory of many
    with pytest.raises(ZooError, match="begins with zeros"):
        rectgrad_zoo.load(str(unmeasured))
    with pytest.raises(ZooError, match="begins with zeros"):
        rectgrad_zoo.load("cifar10_cnn", weights=unmeasured / "weights.pth")
