import copy
import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import timm
from torch import nn

import rectgrad_zoo
from rectgrad_zoo import ModelProvenance, registry


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["cifar10_cnn", "cifar10_cnn_occluded", "tf_efficientnet_lite0"])
def test_a_row_of_the_zoo_is_pinned_to_its_hash(name: str) -> None:
    row = registry.find(name)
    assert row is not None
    assert row.sha256 is not None
    assert row.source != "hub"
    assert rectgrad_zoo.provenance(rectgrad_zoo.load(name)) == ModelProvenance(
        name=name,
        source=row.source,
        architecture=row.architecture,
        sha256=row.sha256,
        data=row.data,
        pinned=True,
    )


def test_a_folder_and_a_file_are_known_by_what_was_read(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = rectgrad_zoo.provenance(rectgrad_zoo.load(str(tiny_checkpoint)))
    assert folder == ModelProvenance(
        name=str(tiny_checkpoint),
        source="folder",
        architecture="cifar10_cnn",
        sha256=sha256(tiny_checkpoint / "model.safetensors"),
    )
    weights = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet").state_dict(), weights)
    file = rectgrad_zoo.provenance(rectgrad_zoo.load("test_resnet.r160_in1k", weights=weights))
    assert (file.source, file.architecture) == ("file", "test_resnet")
    assert file.sha256 == sha256(weights)


def test_a_copy_keeps_it_and_other_networks_have_none() -> None:
    model = rectgrad_zoo.load("cifar10_cnn")
    assert rectgrad_zoo.provenance(copy.deepcopy(model)) == rectgrad_zoo.provenance(model)
    with pytest.raises(ValueError, match="provenance of this Linear is not known"):
        rectgrad_zoo.provenance(nn.Linear(1, 1))
