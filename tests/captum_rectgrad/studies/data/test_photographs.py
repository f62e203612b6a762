"""Photographs as material: pixels, names, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

import rectgrad_zoo
from captum_rectgrad.cli.main import main
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.studies.data.photographs import NO_LABEL, Photographs
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.report.run_studies import run_study
from tests.captum_rectgrad.studies.conftest import resized

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def checkpoint(folder: Path, classes: int = 5, **config: Any) -> Path:
    """A network with random weights, as its folder."""
    folder.mkdir()
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", num_classes=classes)
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors")
    prepared = {"input_size": [3, 40, 40], **IMAGENET, **config}
    content = {"architecture": "test_resnet", "num_classes": classes, "pretrained_cfg": prepared}
    (folder / "config.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "random-net")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for number in range(3):
        Image.effect_noise((90 + number, 70), 60).convert("RGB").save(made / f"{number}.png")
    (made / "notes.txt").write_text("no picture")
    return made


def test_inputs_are_what_the_networks_own_transform_makes(folder: Path) -> None:
    study_data = Photographs(str(folder))
    network, images = study_data.networks("plain")[0], study_data.images("test")
    assert images.images.dtype == torch.uint8
    assert network.mean == tuple(IMAGENET["mean"])
    transform = rectgrad_zoo.transform(network.model)
    expected = torch.stack([transform(picture) for picture in photographs().values()])
    assert torch.equal(network.inputs(images.images), expected)
    assert expected.shape == (15, 3, 40, 40)
    assert set(images.labels.tolist()) == {NO_LABEL}


def test_results_have_no_local_path(folder: Path, pictures: Path) -> None:
    study_data = Photographs(str(folder), pictures)
    assert study_data.name == "photographs given for random-net"
    assert study_data.networks("plain")[0].name == "random-net"
    assert len(study_data.images("test")) == 3
    assert study_data.classes == tuple(f"class {number}" for number in range(5))
    offline = Photographs("tf_efficientnet_lite0")
    assert offline.name == "photographs of scikit-image for tf_efficientnet_lite0"
    assert offline.classes[282] == "tiger cat"


def test_what_photographs_do_not_have(folder: Path) -> None:
    study_data = Photographs(str(folder))
    with pytest.raises(RectGradError, match="no training images"):
        study_data.images("train")
    with pytest.raises(RectGradError, match="no masks"):
        study_data.masked()
    with pytest.raises(RectGradError, match="no network 'occluded'"):
        study_data.networks("occluded")[0]


def test_other_studies_refuse_them(context: Callable[..., StudyContext], folder: Path) -> None:
    made = replace(context(), study_data=Photographs(str(folder)))
    for study in studies():
        if not study.any_network:
            with pytest.raises(RectGradError, match=f"{study.name} is not for photographs"):
                run_study(study, "smoke", made)
    assert not made.folder.exists()


# Of the studies that take longest.
SMALLER: dict[str, dict[str, Any]] = {
    "nie-layers": {"steps": 2, "repeats": 1},
    "rectgrad-percentiles": {"percentiles": (98.0,)},
}


@pytest.mark.filterwarnings("ignore:attribution of sample")
@pytest.mark.parametrize("name", [study.name for study in studies() if study.any_network])
def test_studies_run_on_a_folder_and_say_that_images_are_few(
    name: str, context: Callable[..., StudyContext], folder: Path, pictures: Path
) -> None:
    study = resized(find(name), **SMALLER.get(name, {}))
    made = replace(context(), study_data=Photographs(str(folder), pictures))
    text = run_study(study, "smoke", made).read_text()
    content = json.loads((made.folder / "result.json").read_text())
    assert {claim["verdict"] for claim in content["claims"]} == {"undecided"}
    assert "3 images: fewer than 10 have no interval" in text
    assert "The 3 photographs are given pictures" in text
    assert str(folder.parent) not in text + json.dumps(content)
    # The folder of a run is that of one network: another is refused by its name.
    other = checkpoint(folder.parent / "other-net")
    with pytest.raises(RectGradError, match=r"for random-net', is '.* for other-net'"):
        run_study(study, "smoke", replace(made, study_data=Photographs(str(other), pictures)))
    # So are other pictures under the same names.
    Image.effect_noise((90, 70), 9).convert("RGB").save(pictures / "0.png")
    with pytest.raises(
        RectGradError, match="holds a run on other data or networks: test images was"
    ):
        run_study(study, "smoke", replace(made, study_data=Photographs(str(folder), pictures)))


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_two_classes_have_two_logits(
    context: Callable[..., StudyContext], tmp_path: Path, pictures: Path
) -> None:
    two = checkpoint(tmp_path / "two", classes=2)
    study = find("nie-maps")
    made = replace(context(), study_data=Photographs(str(two), pictures))
    assert study.run(study.presets["smoke"], made).rows
    one = checkpoint(tmp_path / "one", classes=1)
    made = replace(context(folder="of-one"), study_data=Photographs(str(one), pictures))
    with pytest.raises(ValueError, match="the model has one logit"):
        run_study(study, "smoke", made)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["patch", "--model", "{folder}"], "patch is not for photographs and any network"),
        (["nie-maps", "--model", "no-such-net"], "Unknown model 'no-such-net'"),
        (["nie-maps", "--data", "photographs"], "--data photographs needs --model NAME"),
        (["nie-maps", "--model", "x", "--data", "shapes"], "photographs or a folder of pictures"),
        (["nie-maps", "--model", "x", "--data", "owner/name"], "give --checkpoint plain=NAME"),
        (["nie-maps", "--model", "x", "--checkpoint", "plain=y"], "only apply to CIFAR-10, not to"),
        (["nie-maps", "--model", "{folder}", "--data", "{folder}"], "has no pictures; add PNG"),
        (["nie-edges", "--model", "{grey}"], "the model cannot take images of shape"),
        (["nie-layers", "--model", "{grey}"], "the model cannot take images of shape"),
    ],
)
def test_invalid_arguments_give_a_one_line_error(
    words: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder.parent)
    grey = grey_network(folder.parent / "grey")
    filled = [word.format(folder=folder, grey=grey) for word in words]
    assert main(["reproduce", *filled, "--preset", "smoke"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("rectgrad: error: ")
    assert message in said[-1]
    assert not list(folder.parent.glob("reproduced/*"))


def grey_network(folder: Path) -> Path:
    """A network for one channel, which a photograph has not."""
    folder.mkdir()
    model = timm.create_model("test_resnet", num_classes=3, in_chans=1)
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors")
    content = {
        "architecture": "test_resnet",
        "num_classes": 3,
        "model_args": {"in_chans": 1},
        "pretrained_cfg": {"input_size": [1, 64, 64]},
    }
    (folder / "config.json").write_text(json.dumps(content))
    return folder
