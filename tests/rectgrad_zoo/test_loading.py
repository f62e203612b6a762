import shutil
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import nn

import rectgrad_zoo
from rectgrad_zoo import registry
from rectgrad_zoo.cli.show import describe
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.sources import resolve

EMBEDDED = [row for row in registry.CHECKPOINTS if row.source == "embedded"]


def assert_same_weights(first: nn.Module, second: nn.Module) -> None:
    states = first.state_dict(), second.state_dict()
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("row", EMBEDDED, ids=lambda row: row.name)
def test_embedded_checkpoints_load_in_eval_mode(row: registry.Checkpoint) -> None:
    model = rectgrad_zoo.load(row.name)
    assert not model.training
    assert next(model.parameters()).dtype == torch.float32
    assert rectgrad_zoo.labels(model) is not None
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("row", EMBEDDED, ids=lambda row: row.name)
def test_timms_own_folder_loader_gives_the_same_bits(row: registry.Checkpoint) -> None:
    folder = registry.embedded_folder(row)
    by_timm = timm.create_model(f"local-dir:{folder}", pretrained=True)
    assert_same_weights(by_timm, rectgrad_zoo.load(row.name))
    assert_same_weights(by_timm, rectgrad_zoo.load(str(folder)))
    assert_same_weights(by_timm, rectgrad_zoo.load(f"local-dir:{folder}"))


def test_an_embedded_file_with_a_flipped_bit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = EMBEDDED[0]
    copy = tmp_path / row.name
    shutil.copytree(registry.embedded_folder(row), copy)
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    monkeypatch.setattr(registry, "embedded_folder", lambda _: copy)
    with pytest.raises(ZooError, match=f"SHA-256.*expected {row.sha256}"):
        rectgrad_zoo.load(row.name)


def test_a_checkpoint_loads_from_its_folder(tiny_checkpoint: Path) -> None:
    model = rectgrad_zoo.load(str(tiny_checkpoint))
    assert_same_weights(model, timm.create_model(f"local-dir:{tiny_checkpoint}", pretrained=True))


def test_names_come_before_folders_that_are_called_the_same(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cifar10_cnn", "resnet18"):
        shutil.copytree(tiny_checkpoint, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert rectgrad_zoo.provenance(rectgrad_zoo.load("cifar10_cnn")).source == "embedded"
    assert rectgrad_zoo.provenance(rectgrad_zoo.load("./cifar10_cnn")).source == "folder"
    found = resolve("resnet18").hub
    assert found is not None
    assert found.repo.startswith("timm/")
    assert rectgrad_zoo.provenance(rectgrad_zoo.load("./resnet18")).source == "folder"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", None, r"is not a checkpoint: it has no config\.json"),
        ("config.json", "{", r"config\.json is not valid JSON"),
        ("config.json", "{}", "does not describe a network"),
        ("config.json", '{"architecture": "no_such_net", "pretrained_cfg": {}}', "no_such_net"),
        (
            "config.json",
            '{"architecture": "resnet18", "pretrained_cfg": {}}',
            "does not fit ResNet",
        ),
        ("model.safetensors", None, "Cannot read the weights"),
        ("model.safetensors", "half a download", "not a complete safetensors file"),
    ],
)
def test_damaged_folders_are_refused(
    tiny_checkpoint: Path, tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, copy)
    (copy / file).unlink()
    (copy / "metrics.json").unlink()  # it states the hash of the weights
    if content is not None:
        (copy / file).write_text(content)
    with pytest.raises(ZooError, match=message):
        rectgrad_zoo.load(str(copy))


def test_device_and_dtype_are_honoured() -> None:
    model = rectgrad_zoo.load("cifar10_cnn", device="cpu", dtype=torch.float64)
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert {p.device.type for p in model.parameters()} == {"cpu"}


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_a_device_that_is_not_here_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"device '{device}' is not available"):
        parse_device(device)
    with pytest.raises(ValueError, match="Use cpu"):
        rectgrad_zoo.load("cifar10_cnn", device=device)


def test_any_architecture_of_timm_takes_weights_from_a_file(tmp_path: Path) -> None:
    trained = timm.create_model("test_resnet")
    safetensors.torch.save_file(trained.state_dict(), tmp_path / "weights.safetensors")
    torch.save(trained.state_dict(), tmp_path / "weights.pth")
    for file in ("weights.safetensors", "weights.pth"):
        assert_same_weights(rectgrad_zoo.load("test_resnet", weights=tmp_path / file), trained)
    tagged = rectgrad_zoo.load("test_resnet.r160_in1k", weights=str(tmp_path / "weights.pth"))
    assert_same_weights(tagged, trained)


@pytest.mark.parametrize("content", [b"", b"junk", b"101\n", bytes(10)])
def test_a_file_of_anything_else_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(ZooError, match=r"pth is not a state dict .* it contains ") as raised:
        rectgrad_zoo.load("cifar10_cnn", weights=file)
    assert "weights_only" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_no_checkpoint_hides_no_repository(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "owner" / "good"
    folder.mkdir(parents=True)
    assert resolve("owner/good").kind == "hub"
    shutil.copy(tiny_checkpoint / "config.json", folder)
    assert resolve("owner/good").kind == "folder"
    assert resolve("hf-hub:owner/good").kind == "hub"


def test_what_is_no_name_is_refused_everywhere() -> None:
    nothing: Any = None
    for asked in (rectgrad_zoo.load, rectgrad_zoo.recipe):
        with pytest.raises(TypeError, match="must be a string, got None"):
            asked(nothing)


def test_a_name_of_the_zoo_and_a_folder_take_weights_from_a_file(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    trained = timm.create_model("cifar10_cnn")
    safetensors.torch.save_file(trained.state_dict(), tmp_path / "weights.safetensors")
    for name in ("cifar10_cnn", str(tiny_checkpoint)):
        model = rectgrad_zoo.load(name, weights=tmp_path / "weights.safetensors")
        assert_same_weights(model, trained)
        assert rectgrad_zoo.labels(model) is not None


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("cifar10_cnn").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(ZooError, match=r"weights\.pth does not fit ResNet.*missing: bn1\.weight"):
        rectgrad_zoo.load("resnet18", weights=tmp_path / "weights.pth")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet18.a1_in1k", "timm/resnet18.a1_in1k", "hf-hub:timm/resnet18.a1_in1k"],
)
def test_no_network_and_nothing_cached_says_what_to_do(name: str) -> None:
    with pytest.raises(ZooError, match=r"Cannot get .*resnet18.*HF_HOME.*weights=PATH"):
        rectgrad_zoo.load(name)


@pytest.mark.usefixtures("offline")
def test_a_malformed_hub_name_is_refused() -> None:
    with pytest.raises(ZooError, match=r"Cannot get hf-hub:a/\.\./b"):
        rectgrad_zoo.load("hf-hub:a/../b")


def test_an_architecture_without_published_weights_asks_for_a_file() -> None:
    pretrained = {name.split(".")[0] for name in timm.list_pretrained()} | {"cifar10_cnn"}
    name = next(name for name in timm.list_models() if name not in pretrained)
    with pytest.raises(ZooError, match=f"no pretrained weights for {name}.*weights=PATH"):
        rectgrad_zoo.load(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("cifar10_cn", "cifar10_cnn"),
        ("Cifar10-CNN", "cifar10_cnn"),
        ("resnet5o", "resnet50"),
        ("resnet50.tv_in1", "resnet50.tv_in1k"),
        ("no/such/folder", "OWNER/NAME on the Hub"),
        ("~nosuchuser/folder", "OWNER/NAME on the Hub"),
        ("x" * 300, "Expected one of cifar10_cnn"),
        ("", "Expected one of cifar10_cnn"),
    ],
)
@pytest.mark.parametrize("with_weights", [False, True])
def test_an_unknown_name_is_answered_with_the_nearest(
    name: str, nearest: str, with_weights: bool, tmp_path: Path
) -> None:
    torch.save({"weight": torch.ones(1)}, tmp_path / "weights.pth")
    weights = tmp_path / "weights.pth" if with_weights else None
    with pytest.raises(ValueError, match=r"Unknown model") as raised:
        rectgrad_zoo.load(name, weights=weights)
    assert nearest in str(raised.value)


def test_a_file_in_place_of_a_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    for name in ("my_resnet18.pth", "nets/my_resnet18.pth"):  # the second looks like OWNER/NAME
        (tmp_path / name).touch()
        with pytest.raises(ValueError, match=rf"is a file, .*\"resnet18\", weights='{name}'"):
            rectgrad_zoo.load(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("./my_vitt", "my_vit"), ("my_vitt/", "my_vit"), ("./nets/my_vitt", "nets/my_vit")],
)
def test_a_misspelt_folder_is_answered_with_the_one_beside(
    name: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("my_vit", "nets/my_vit"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ValueError, match="Unknown model") as raised:
        rectgrad_zoo.load(name)
    assert f"{name!r}. Did you mean the folder {meant!r}?" in str(raised.value)
    assert "  " not in str(raised.value)


@pytest.fixture
def own_row(monkeypatch: pytest.MonkeyPatch) -> registry.Checkpoint:
    """A row of this project's own that nobody has published yet."""
    row = registry.Checkpoint(
        name="cifar10_cnn_test",
        architecture="cifar10_cnn",
        data="CIFAR-10",
        source="hub",
        sha256=EMBEDDED[0].sha256,
        license="BSD-3-Clause",
        purpose="this test",
        repo=f"{registry.OWNER}/cifar10_cnn_test",
        published=False,
    )
    monkeypatch.setattr(registry, "CHECKPOINTS", (*registry.CHECKPOINTS, row))
    return row


@pytest.mark.usefixtures("offline")
def test_own_checkpoints_come_from_a_checkout_and_else_from_the_hub(
    own_row: registry.Checkpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(registry.embedded_folder(EMBEDDED[0]), tmp_path / own_row.name)
    shutil.copytree(registry.embedded_folder(EMBEDDED[0]), tmp_path / "resnet50.tv_in1k")
    hidden = resolve(own_row.name)
    assert (hidden.kind, hidden.folder) == ("hub", None)
    with pytest.raises(ZooError, match="HF_HUB_OFFLINE is set"):
        rectgrad_zoo.load(own_row.name)
    shown = describe(own_row.name)
    assert f"sha256        {own_row.sha256}" in shown
    assert "published     not yet" in shown

    monkeypatch.setattr(registry, "HUB_FOLDER", tmp_path)
    origin = rectgrad_zoo.provenance(rectgrad_zoo.load(own_row.name))
    assert (origin.name, origin.source, origin.pinned) == (own_row.name, "folder", True)
    assert resolve("resnet50.tv_in1k").folder is None  # another's is not looked for there
    assert str(tmp_path / own_row.name) in describe(own_row.name)

    content = (tmp_path / own_row.name / "model.safetensors").read_bytes()
    (tmp_path / own_row.name / "model.safetensors").write_bytes(content + b"\0")
    with pytest.raises(ZooError, match=r"SHA-256.*restore the file in your checkout"):
        rectgrad_zoo.load(own_row.name)


def test_recipes_are_known_by_name_and_by_folder(tiny_checkpoint: Path) -> None:
    patch = rectgrad_zoo.recipe("cifar10_cnn_occluded").occlusion
    assert patch is not None
    assert patch.size == 10
    assert rectgrad_zoo.recipe("cifar10_cnn").occlusion is None
    assert rectgrad_zoo.recipe(str(tiny_checkpoint)).name == "tiny"
    with pytest.raises(ValueError, match=r"Unknown model 'cifar10_cmm'.*Nearest: .*cifar10_cnn"):
        rectgrad_zoo.recipe("cifar10_cmm")
    with pytest.raises(ZooError, match="another package"):
        rectgrad_zoo.recipe("tf_efficientnet_lite0")


def test_a_folder_without_a_recipe_is_named(tiny_checkpoint: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, copy)
    (copy / "recipe.toml").unlink()
    with pytest.raises(ZooError, match=r"has no recipe\.toml"):
        rectgrad_zoo.recipe(str(copy))


@pytest.mark.parametrize("name", ["five.safetensors", "five.pth"])
def test_fine_tuned_weights_determine_the_number_of_classes(name: str, tmp_path: Path) -> None:
    fine_tuned = torchvision.models.resnet18(weights=None, num_classes=5).eval()
    file = tmp_path / name
    if file.suffix == ".pth":
        torch.save(fine_tuned.state_dict(), file)
    else:
        safetensors.torch.save_file(fine_tuned.state_dict(), file)
    images = torch.rand(2, 3, 64, 64)
    for number in (None, 5):
        found: Any = rectgrad_zoo.load("resnet18", weights=file, num_classes=number)
        torch.testing.assert_close(found(images), fine_tuned(images))
        assert found.num_classes == 5
        assert rectgrad_zoo.labels(found) is None
    with pytest.raises(ZooError, match=r"fc.weight \(5, 512\) instead of \(4, 512\)"):
        rectgrad_zoo.load("resnet18", weights=file, num_classes=4)
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            rectgrad_zoo.load("resnet18", weights=file, num_classes=wrong)
    with pytest.raises(ValueError, match="together with the weights"):
        rectgrad_zoo.load("cifar10_cnn", num_classes=5)
