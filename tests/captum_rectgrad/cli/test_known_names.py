"""Misspelt names are found without PyTorch."""

import shutil
import sys
from pathlib import Path

import pytest
import timm

import rectgrad_zoo
from captum_rectgrad.cli.completion import zoo_names
from captum_rectgrad.cli.known_names import check_methods, check_model
from rectgrad_zoo import registry


@pytest.mark.parametrize(
    "name",
    [
        *rectgrad_zoo.list(),
        "resnet18",
        "resnet18.a1_in1k",
        "timm/resnet18.a1_in1k",
        "hf-hub:timm/resnet18.a1_in1k",
        "OWNER/no-such-name@v1.0",
        "hf:google/vit-base-patch16-224@main",
        "json:loads",
    ],
)
def test_names_that_may_exist(name: str) -> None:
    check_model(name)


def test_a_name_of_the_zoo_without_its_weights_is_left_to_the_zoo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "zoo" / "rectgrad_zoo"  # as it is installed: without the folder hub/
    package.mkdir(parents=True)
    shutil.copy(registry.__file__, package)
    (package / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "rectgrad_zoo")
    monkeypatch.syspath_prepend(package.parent)
    assert "cifar10_cnn_noise_paper" not in zoo_names()
    check_model("cifar10_cnn_noise_paper")


@pytest.mark.parametrize("name", timm.list_models()[::100])
def test_every_name_of_timm_may_exist(name: str) -> None:
    check_model(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar10_cnm", r"Unknown model 'cifar10_cnm' \(did you mean cifar10_cnn"),
        ("resnet19", r"Unknown model 'resnet19' \(did you mean .*resnet1"),
        ("", "Unknown model ''"),
        ("no_such_package:network", "no module named 'no_such_package'"),
        (":network", "no module named ''"),
        ("mynet.py:build", r"got the file of a module .*, such as mynet:build"),
        ("./nets/mynet.py:build", r"such as nets\.mynet:build"),
        ("hf:google", "got the model 'hf:google', expected hf:OWNER/NAME or"),
        ("hf-hub:a/b/c", "expected hf-hub:OWNER/NAME or"),
        ("https://huggingface.co/google/vit", "got the URL .*; give hf:OWNER/NAME"),
        ("no/such/folder", "the model folder 'no/such/folder' does not exist"),
        (f"{Path(__file__).parent}x", r"does not exist \(did you mean cli\?\)"),
        ("odd.py", r"is a Python file; .* too: odd:FUNCTION$"),
        ("./nets/odd.py", r"too: nets\.odd:FUNCTION$"),
        (__file__, r"too: test_known_names:FUNCTION in its folder '/"),
        ("odd.pth", r"is a file, expected a name or a folder; .* --weights odd\.pth"),
    ],
)
def test_unknown_models(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nets").mkdir()
    for file in ("odd.py", "nets/odd.py", "odd.pth"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        check_model(name)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["rectgard"], r"'rectgard' is not a known method \(did you mean rectgrad"),
        (["saliency", "gradcam"], "'gradcam' is not a known method"),
        (["all", "saliency"], "'all' is not a known method"),
        ([""], "got no method"),
        (["no_such_package:Method"], "no module named 'no_such_package'"),
    ],
)
def test_unknown_methods(keys: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_methods(keys)
