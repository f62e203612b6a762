"""The methods need torch, captum, numpy and what these require, and no other dependency."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from tests.support.requirements import names

# numpy, torch and captum; captum requires matplotlib and tqdm, matplotlib Pillow.
MINIMAL = {"captum", "matplotlib", "numpy", "pillow", "torch", "tqdm", "typing-extensions"}
BLOCKED = sorted(
    module
    for module, distributions in packages_distributions().items()
    if {canonicalize_name(each) for each in distributions} & (names() - MINIMAL)
)
BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
METHODS = """
import torch
from torch import nn
from captum_rectgrad import *

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 5)
)
x = torch.rand(2, 3, 8, 8, requires_grad=True)
methods = [RectGrad, RectGradConst, RectGradMod, RectGradPRR, NoBiasRectGrad]
methods += [Saliency, Deconvolution, GuidedBackprop]
for method in methods:
    assert method(model).attribute(x, target=1).shape == x.shape
for method in (LayerRectGrad, LayerDeconvolution, LayerGuidedBackprop):
    assert method(model, model[0]).attribute(x, target=1).shape == (2, 8, 8, 8)
for method in (NeuronRectGrad, NeuronGradient, NeuronDeconvolution, NeuronGuidedBackprop):
    assert method(model, model[0]).attribute(x, neuron_selector=(1, 2, 3)).shape == x.shape
(gradient,) = rectified_grad(model(x)[:, 1], x)
assert gradient.any()
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", BLOCK + code, *BLOCKED, "rectgrad_zoo"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_other_dependency_is_blocked() -> None:
    assert {"safetensors", "scipy", "skimage", "timm", "torchvision"} <= set(BLOCKED)
    assert not {"captum", "matplotlib", "numpy", "PIL", "torch", "tqdm"} & set(BLOCKED)
    assert "No module named 'timm'" in run("import timm").stderr


def test_all_methods_run_without_the_other_dependencies() -> None:
    done = run(METHODS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["plotting.maps", "evaluation.methods", "evaluation.run_method"])
def test_module_is_imported_without_the_other_dependencies(module: str) -> None:
    done = run(f"import captum_rectgrad.{module}")
    assert done.returncode == 0, done.stderr


def test_the_checks_name_the_dependency_that_is_missing() -> None:
    stderr = run("from captum_rectgrad.sanity import check").stderr
    named = re.search(r"No module named '(\w+)", stderr)
    assert named, stderr
    assert named[1] in {*BLOCKED, "rectgrad_zoo"}
