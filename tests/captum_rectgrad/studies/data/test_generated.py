"""The networks of the generated data set are trained once, in no time, and are worth explaining."""

import json
from pathlib import Path

import pytest
import torch

from captum_rectgrad.studies.data.generated import Shapes, recipe_of
from rectgrad_zoo.training.accuracy import measure_accuracy


def test_roles_differ_in_their_noise_alone() -> None:
    plain, occluded, noise = (recipe_of(role) for role in ("plain", "occluded", "noise"))
    assert plain.occlusion is None
    assert occluded.occlusion is not None
    assert noise.occlusion is not None
    assert (occluded.occlusion.kind, noise.occlusion.kind) == ("fixed", "per_image")
    assert plain.training == occluded.training == noise.training


def test_images_and_masks_belong_together(tmp_path: Path) -> None:
    study_data = Shapes(tmp_path)
    assert study_data.masked().fingerprint() == study_data.images("test").fingerprint()
    assert study_data.images("train").fingerprint() != study_data.images("test").fingerprint()
    assert len(study_data.masked().masks) == len(study_data.images("test"))
    assert not any(tmp_path.iterdir())  # nothing was trained for that


@pytest.mark.slow
def test_a_network_is_trained_once_and_is_right(tmp_path: Path) -> None:
    study_data = Shapes(tmp_path)
    network = study_data.networks("occluded")[0]
    seen = network.with_occlusion(study_data.images("test"))
    assert measure_accuracy(network.model, seen).value > 0.8
    file = tmp_path / "shapes-occluded" / "model.safetensors"
    trained = file.stat().st_mtime_ns
    again = Shapes(tmp_path).networks("occluded")[0]
    assert again.sha256 == network.sha256
    assert file.stat().st_mtime_ns == trained
    for name, tensor in again.model.state_dict().items():
        assert torch.equal(tensor, network.model.state_dict()[name])
    # One that was trained otherwise is not taken for it.
    identity = json.loads((file.parent / "recipe.json").read_text())
    identity["training"]["seed"] = 1
    (file.parent / "recipe.json").write_text(json.dumps(identity))
    assert Shapes(tmp_path).networks("occluded")[0].sha256 == network.sha256
    assert file.stat().st_mtime_ns > trained
