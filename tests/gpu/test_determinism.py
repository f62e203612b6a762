"""The same bytes in two runs and in two processes, for every method that studies compare."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import rectgrad_zoo
from captum_rectgrad.evaluation.methods import Method, methods
from captum_rectgrad.evaluation.run_method import attribute
from rectgrad_zoo.determinism import deterministic

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).parents[2]


def maps(method: Method, device: torch.device) -> Tensor:
    """Maps of 64 images in float32, as a study makes them."""
    model = rectgrad_zoo.load("cifar10_cnn").to(device)
    x = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(device) * 2 - 1
    targets = torch.arange(64, device=device) % 10
    with deterministic(device):
        return attribute(method, model, x, targets, seed=3).cpu()


def digests(device: torch.device) -> list[str]:
    """The SHA-256 of each method's maps."""
    return [
        f"{method.key} {hashlib.sha256(maps(method, device).numpy().tobytes()).hexdigest()}"
        for method in methods()
    ]


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.key)
def test_two_runs(method: Method, device: torch.device) -> None:
    found = maps(method, device)
    assert found.any()
    assert torch.equal(maps(method, device), found)


def test_two_processes(device: torch.device) -> None:
    code = (
        "import sys, torch; from tests.gpu.test_determinism import digests; "
        "print('\\n'.join(digests(torch.device(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(device)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == digests(device)
