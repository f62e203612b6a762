"""Folders of `save_pretrained` are loaded with their preprocessing, names and exact weights."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from PIL import Image

import rectgrad_zoo
from captum_rectgrad import RectGrad
from rectgrad_zoo.weights import file_sha256

transformers = pytest.importorskip("transformers")

from tests.support.transformers_folders import save, save_resnet, save_vit  # noqa: E402


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(folder / "model.safetensors")


@pytest.mark.parametrize("make", [save_vit, save_resnet])
def test_a_folder_of_save_pretrained_is_loaded(
    make: Callable[[Path], Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = make(tmp_path)
    capfd.readouterr()
    found = rectgrad_zoo.load(str(tmp_path))
    assert capfd.readouterr().err == ""
    assert not found.training
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(found(images), model(images).logits)
    assert RectGrad(found, 80).attribute(images, target=[0, 2]).any()
    assert rectgrad_zoo.labels(found) == ["cat", "dog", "bird"]
    origin = rectgrad_zoo.provenance(found)
    assert origin.source == "folder"
    assert origin.architecture == type(model).__name__
    assert origin.sha256 == file_sha256(tmp_path / "model.safetensors")


def test_the_preprocessing_is_the_processors(tmp_path: Path) -> None:
    save_vit(tmp_path)
    found = rectgrad_zoo.load(str(tmp_path))
    image = Image.effect_noise((40, 30), 50)  # grey
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path)
    expected = processor(images=image.convert("RGB"), return_tensors="pt")["pixel_values"][0]
    assert torch.equal(rectgrad_zoo.transform(found)(image), expected)
    config: Any = found.pretrained_cfg
    assert config["input_size"] == expected.shape == (3, 16, 16)
    assert (config["mean"], config["std"]) == ((0.4,) * 3, (0.2,) * 3)


def test_without_a_processor_the_preprocessing_is_not_known(tmp_path: Path) -> None:
    save_vit(tmp_path, processor=False)
    with pytest.raises(ValueError, match=r"no image processor.*save_pretrained"):
        rectgrad_zoo.transform(rectgrad_zoo.load(str(tmp_path)))


def test_the_vocabulary_of_a_text_model_beside_it_may_be_large(tmp_path: Path) -> None:
    small = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    config = transformers.SiglipConfig(
        text_config={**small, "vocab_size": 256_000},  # of SigLIP 2
        vision_config={**small, "image_size": 16, "patch_size": 8},
        num_labels=3,
    )
    transformers.SiglipForImageClassification(config).save_pretrained(tmp_path)
    assert rectgrad_zoo.load(str(tmp_path)).num_classes == 3


def test_default_names_of_classes_are_no_names(tmp_path: Path) -> None:
    save_vit(tmp_path, id2label={0: "LABEL_0", 1: "LABEL_1"})
    assert rectgrad_zoo.labels(rectgrad_zoo.load(str(tmp_path))) is None


def test_half_precision_is_loaded_as_float32(tmp_path: Path) -> None:
    model = save_vit(tmp_path).half()
    model.save_pretrained(tmp_path)
    found = rectgrad_zoo.load(str(tmp_path))
    assert {parameter.dtype for parameter in found.parameters()} == {torch.float32}
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(found(images), model.float()(images).logits)


def test_own_weights_determine_the_number_of_classes(tmp_path: Path) -> None:
    folder, file = tmp_path / "three", tmp_path / "five.safetensors"
    save_vit(folder)
    five = save_vit(tmp_path / "five", id2label=dict(enumerate("abcde")))
    safetensors.torch.save_file(five.state_dict(), file)
    images = torch.rand(2, 3, 16, 16)
    for number in (None, 5):
        found = rectgrad_zoo.load(str(folder), weights=file, num_classes=number)
        assert torch.equal(found(images), five(images).logits)
        assert rectgrad_zoo.labels(found) is None
        assert rectgrad_zoo.provenance(found).source == "file"


def test_what_is_no_image_classifier_is_refused(tmp_path: Path) -> None:
    backbone, remote, wrong = (tmp_path / name for name in ("backbone", "remote", "wrong"))
    save(transformers.ViTModel, transformers.ViTConfig(num_hidden_layers=1), backbone)
    with pytest.raises(rectgrad_zoo.ZooError, match=r"'ViTModel', expected an image classifier"):
        rectgrad_zoo.load(str(backbone))

    save_vit(remote)
    config = json.loads((remote / "config.json").read_text())
    config |= {
        "architectures": ["OwnClassifier"],
        "model_type": "own",
        "auto_map": {"AutoModelForImageClassification": "modeling.OwnClassifier"},
    }
    (remote / "config.json").write_text(json.dumps(config))
    (remote / "modeling.py").write_text("raise SystemExit('the code has run')")
    with pytest.raises(rectgrad_zoo.ZooError, match=r"trust_remote_code.*never run"):
        rectgrad_zoo.load(str(remote))

    save_vit(wrong)
    (wrong / "config.json").write_text(json.dumps({**config, "architectures": [17]}))
    with pytest.raises(rectgrad_zoo.ZooError, match="trust_remote_code"):
        rectgrad_zoo.load(str(wrong))
    config |= {"architectures": ["ViTForImageClassification"], "hidden_size": "wide"}
    (wrong / "config.json").write_text(json.dumps({**config, "model_type": "vit"}))
    with pytest.raises(rectgrad_zoo.ZooError, match="does not describe an image classifier"):
        rectgrad_zoo.load(str(wrong))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save_vit(tmp_path)
    file, tensors = tmp_path / "model.safetensors", weights_of(tmp_path)
    bias = tensors.pop("classifier.bias")
    cases = {
        "missing: classifier.bias": tensors,
        "unexpected: other": {**tensors, "classifier.bias": bias, "other": bias.clone()},
        r"different shape: classifier.weight \(3, 32\) instead of \(4, 32\)": {
            **tensors,
            "classifier.bias": torch.rand(4),
        },
    }
    for message, changed in cases.items():
        safetensors.torch.save_file(changed, file)
        with pytest.raises(rectgrad_zoo.ZooError, match=message):
            rectgrad_zoo.load(str(tmp_path))
    file.write_bytes(b"")
    with pytest.raises(rectgrad_zoo.ZooError, match="not a complete safetensors file"):
        rectgrad_zoo.load(str(tmp_path))


def change(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 8192, "num_hidden_layers": 64, "num_attention_heads": 64},
        {"num_hidden_layers": 10**6},
        {"num_hidden_layers": 10**9},
        {"image_size": 2**16},
        # Its weights are small, and the table of its positions has 200 million numbers.
        {
            "model_type": "swin",
            "architectures": ["SwinForImageClassification"],
            "image_size": 1200,
            "window_size": 120,
            "embed_dim": 8,
            "depths": [1],
            "num_attention_heads": [1],
        },
    ],
)
def test_a_network_that_is_larger_than_its_weights_is_not_built(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    save_vit(tmp_path)
    change(tmp_path / "config.json", **changes)
    started = time.monotonic()
    with pytest.raises(rectgrad_zoo.ZooError, match=r"much larger than its weights|an argument of"):
        rectgrad_zoo.load(str(tmp_path))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image_mean", [float("nan")] * 3),
        ("image_std", [0.0, 0.2, 0.2]),
        ("size", {"height": 10**6, "width": 10**6}),
        ("size", {"height": -1, "width": 16}),
        ("size", "large"),
        ("min_pixels", 10**12),
    ],
)
def test_a_processor_that_cannot_be_applied_is_refused(
    tmp_path: Path, key: str, value: Any
) -> None:
    save_vit(tmp_path)
    change(tmp_path / "preprocessor_config.json", **{key: value})
    name = key.removeprefix("image_")
    with pytest.raises(
        rectgrad_zoo.ZooError, match=rf"preprocessor_config\.json (has {name} = |asks for)"
    ):
        rectgrad_zoo.load(str(tmp_path))


def test_no_other_configuration_takes_the_place_of_the_checked_ones(tmp_path: Path) -> None:
    save_vit(tmp_path)
    expected = rectgrad_zoo.load(str(tmp_path)).pretrained_cfg
    processor = json.loads((tmp_path / "preprocessor_config.json").read_text())
    large = {"image_processor": {**processor, "size": {"height": 64, "width": 64}}}
    (tmp_path / "processor_config.json").write_text(json.dumps(large))
    assert rectgrad_zoo.load(str(tmp_path)).pretrained_cfg == expected
    config = json.loads((tmp_path / "config.json").read_text())
    kernel = {**config, "attn_implementation": "kernels-community/flash-attn"}
    (tmp_path / "config.4.0.0.json").write_text(json.dumps(kernel))
    change(tmp_path / "config.json", configuration_files=["config.4.0.0.json"])
    with pytest.raises(rectgrad_zoo.ZooError, match=r"has configuration_files = .* elsewhere"):
        rectgrad_zoo.load(str(tmp_path))


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", ["[" * 10**6, "[]", "7", "null", '"ViT"'])
def test_json_that_is_no_configuration_is_refused(tmp_path: Path, name: str, content: str) -> None:
    save_vit(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(rectgrad_zoo.ZooError, match=rf"{name} (is not valid|holds a) JSON"):
        rectgrad_zoo.load(str(tmp_path))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    save_vit(tmp_path)
    tensors = weights_of(tmp_path)
    tensors["classifier.bias"][1] = float("nan")
    safetensors.torch.save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(rectgrad_zoo.ZooError, match=r"NaN values in classifier\.bias"):
        rectgrad_zoo.load(str(tmp_path))
