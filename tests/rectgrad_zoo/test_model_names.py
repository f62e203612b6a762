import importlib.util
import runpy
import shutil
from pathlib import Path

import pytest

import rectgrad_zoo
from rectgrad_zoo import registry
from rectgrad_zoo.errors import ZooError
from tests.support.hub_client import Client

OWN = [row.name for row in registry.CHECKPOINTS if not row.published]


def test_the_zoo_lists_its_checkpoints() -> None:
    assert [info.name for info in rectgrad_zoo.checkpoints()] == [
        "cifar10_cnn",
        "cifar10_cnn_occluded",
        "cifar10_cnn_adversarial",
        "cifar10_cnn_untrained",
        "cifar10_cnn_random_labels",
        "cifar10_cnn_seed1",
        "cifar10_cnn_seed2",
        "cifar10_cnn_occluded_seed1",
        "cifar10_cnn_occluded_seed2",
        "cifar10_cnn_paper",
        "cifar10_cnn_paper_seed1",
        "cifar10_cnn_paper_seed2",
        "cifar10_cnn_paper_seed3",
        "cifar10_cnn_paper_seed4",
        "cifar10_cnn_occluded_paper",
        "cifar10_cnn_occluded_paper_seed1",
        "cifar10_cnn_occluded_paper_seed2",
        "cifar10_cnn_occluded_paper_seed3",
        "cifar10_cnn_occluded_paper_seed4",
        "cifar10_cnn_noise_paper",
        "cifar10_cnn_noise_paper_seed1",
        "cifar10_cnn_noise_paper_seed2",
        "cifar10_cnn_held_out",
        "cifar10_resnet",
        "cifar10_cnn_backdoor",
        "cifar10_cnn_backdoor_seed1",
        "cifar10_cnn_backdoor_seed2",
        "fashion_mnist_cnn",
        "fashion_mnist_cnn_seed1",
        "fashion_mnist_cnn_seed2",
        "cifar10_vit",
        "tf_efficientnet_lite0",
        "tf_efficientnet_lite1",
        "tf_efficientnet_lite2",
        "inception_v4.tf_in1k",
        "vgg16.tv_in1k",
        "resnet50.tv_in1k",
    ]


def test_the_listed_names_are_those_of_loadable_checkpoints() -> None:
    loadable = [info.name for info in rectgrad_zoo.checkpoints() if info.loadable]
    assert rectgrad_zoo.list() == loadable
    assert {"cifar10_cnn", "cifar10_cnn_occluded", "resnet50.tv_in1k"} <= set(loadable)


def test_a_checkpoint_names_its_source() -> None:
    sources = {info.name: info.source for info in rectgrad_zoo.checkpoints()}
    assert "this package" in sources["cifar10_cnn"]
    assert "another package" in sources["tf_efficientnet_lite0"]
    assert "timm/resnet50.tv_in1k" in sources["resnet50.tv_in1k"]
    for name in OWN:
        assert f"not yet on the Hub: {registry.OWNER}/{name}" in sources[name]


def test_an_installed_package_lists_no_checkpoint_of_a_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "HUB_FOLDER", tmp_path / "hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert len(OWN) == 29
    assert not set(OWN) & set(rectgrad_zoo.list())
    assert not any(info.loadable for info in rectgrad_zoo.checkpoints() if info.name in OWN)
    assert rectgrad_zoo.load(rectgrad_zoo.list()[0]) is not None
    with pytest.raises(ZooError):
        rectgrad_zoo.load(OWN[0])


def test_the_registry_alone_lists_names_in_the_layout_of_a_wheel(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "rectgrad_zoo"
    package.mkdir(parents=True)
    shutil.copyfile(registry.__file__, package / "registry.py")
    shutil.copytree(Path(registry.__file__).parent / "checkpoints", package / "checkpoints")
    listed = runpy.run_path(str(package / "registry.py"))["names"]()
    assert listed == [name for name in rectgrad_zoo.list() if name not in OWN]
    (package.parent / "hub" / OWN[0]).mkdir(parents=True)
    assert OWN[0] in runpy.run_path(str(package / "registry.py"))["names"]()


def test_a_checkpoint_of_an_absent_package_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "tf_efficientnet_lite0" not in rectgrad_zoo.list()


@pytest.mark.checkout
def test_a_checkout_lists_its_own_checkpoints() -> None:
    assert set(OWN) <= set(rectgrad_zoo.list())


def test_prefixes_complete_to_the_zoo_first_then_to_timm() -> None:
    listed = [name for name in rectgrad_zoo.list() if name.startswith("cifar10")]
    assert rectgrad_zoo.complete("cifar10")[: len(listed)] == listed
    assert rectgrad_zoo.complete("tf_efficientnet_lite")[:2] == [
        "tf_efficientnet_lite0",
        "tf_efficientnet_lite1",
    ]
    assert "resnet50" in rectgrad_zoo.complete("resnet5")
    assert "resnet50.tv_in1k" in rectgrad_zoo.complete("resnet50.tv")
    assert rectgrad_zoo.complete("")[: len(rectgrad_zoo.list())] == rectgrad_zoo.list()
    assert rectgrad_zoo.complete("no such") == []


def test_names_are_not_given_twice() -> None:
    everything = rectgrad_zoo.complete("")
    assert len(everything) == len(set(everything))
    assert len({row.name for row in registry.CHECKPOINTS}) == len(registry.CHECKPOINTS)


def test_the_zoo_imports_no_attribution_method(client: Client) -> None:
    client.modules = ()  # nothing of the zoo or of Captum is imported yet
    code = (
        "import sys, rectgrad_zoo, rectgrad_zoo.cli.commands; "
        "sys.exit(any(m.split('.')[0] in ('captum', 'captum_rectgrad') for m in sys.modules))"
    )
    result = client.run(code=code)
    assert result.status == 0, result.stderr
