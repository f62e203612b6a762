"""Networks of the user's own in the page, served by the command and asked by a client."""

import os
from pathlib import Path

import pytest
import skimage.data
import torch
from PIL import Image

pytest.importorskip("gradio", reason="needs the extra app")

from gradio_client import Client, handle_file

from tests.support.app_process import COMMAND, app_process, free_port

pytestmark = pytest.mark.slow

CODE = """
from torch import nn
from torchvision import transforms
def pair():
    layers = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 3)
    steps = [transforms.Resize((32, 32)), transforms.ToTensor()]
    return nn.Sequential(*layers), transforms.Compose(steps)
"""


def test_a_function_its_weights_and_its_names_are_served(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "names.txt").write_text("cat\ndog\nowl\n")
    names: dict[str, object] = {}
    exec(CODE, names)  # noqa: S102
    network = names["pair"]()[0]  # type: ignore[operator]
    with torch.no_grad():
        network[4].bias[:] = torch.tensor([0.0, 0.0, 50.0])
    torch.save(network.state_dict(), tmp_path / "my.pth")
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "cat.png")
    port = free_port()
    options = ["app", "--port", str(port), "--model", "mine:pair"]
    options += ["--weights", "my.pth", "--labels", "names.txt"]
    path = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    with app_process(["-c", COMMAND, *options], temporary, {"PYTHONPATH": path}, tmp_path):
        client = Client(f"http://127.0.0.1:{port}/", verbose=False, analytics_enabled=False)
        photograph = handle_file(str(tmp_path / "cat.png"))

        def ask(model: str) -> str:
            settings = [model, "predicted", 90, "input", ["saliency", "rectgrad"], True, True]
            outputs = client.predict(photograph, *settings, False, api_name="/explain")
            return str(outputs[3])

        answer = ask("mine:pair")
        assert "Why “owl”?" in answer
        assert "100.0%" in answer  # the bias is that of the weights
        assert answer.index("<h3>RectGrad</h3>") < answer.index("<h3>Saliency</h3>")
        assert answer.count("<img") == 7
        # Only the command line may name code.
        assert "Unknown model &#x27;mine:other&#x27;" in ask("mine:other")
