"""A network of the board with the images on which it is explained."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError

OBJECT, NOISE_REGION, TRIGGER = "object", "noise", "trigger"


@dataclass(frozen=True, eq=False)
class RegionImages:
    """Images with a region of each.

    Attributes:
        inputs: inputs of the network, `(N, C, H, W)`.
        targets: the explained classes, `(N,)`.
        regions: `(N, H, W)`, bool.
        valid: images to measure, `(N,)`, bool; None: all. The others keep their place, since the
            networks of a group are compared image by image.
    """

    inputs: Tensor
    targets: Tensor
    regions: Tensor
    valid: Tensor | None = None


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Images that the network was trained on.

    Attributes:
        images: `(N, C, H, W)`, uint8.
        labels: `(N,)`, int64.
        inputs: function from such images to inputs of the network.
    """

    images: Tensor
    labels: Tensor
    inputs: Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class BoardNetwork:
    """A network with the images on which it is explained.

    Attributes:
        name: name in results; never a path.
        sha256: SHA-256 of the weights, hexadecimal; empty if the network was given as code.
        model: in eval mode.
        inputs: inputs to explain, `(N, C, H, W)`.
        targets: the explained classes, `(N,)`: those that the network predicts.
        references: other inputs, `(M, C, H, W)`, the baselines of expected gradients.
        regions: by kind (`OBJECT`, `NOISE_REGION`, `TRIGGER`), images with a known region.
        training: images for the fine-tuning of F-Fidelity; None if there are none.
    """

    name: str
    sha256: str
    model: nn.Module
    inputs: Tensor
    targets: Tensor
    references: Tensor
    regions: Mapping[str, RegionImages] = field(default_factory=dict)
    training: TrainingImages | None = None

    def move(self, device: torch.device) -> None:
        """Move the network to a device.

        Args:
            device: the device.

        Raises:
            RectGradError: the network, which has run on the CPU, fails on the device.
        """
        self.model.to(device)
        if device.type == "cpu":
            return
        try:
            with torch.no_grad():
                self.model(self.inputs[:1].to(device))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise RectGradError(
                f"{self.name} works on the CPU and fails on {device}: {error}. A network must not "
                "create tensors on a fixed device; change it, or choose --device cpu"
            ) from error

    def identity(self) -> dict[str, str]:
        """Hashes of the weights and the explained images, for the files of cells."""
        digest = hashlib.sha256()
        for tensor in (self.inputs, self.targets, self.references):
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        for kind, found in sorted(self.regions.items()):
            digest.update(kind.encode())
            for tensor in (found.inputs, found.targets, found.regions):
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return {"weights": self.sha256 or _hash(self.model), "images": digest.hexdigest()}


def _hash(model: nn.Module) -> str:
    """SHA-256 of the names and values of a network's parameters and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        # Bytes, since NumPy has no bfloat16.
        digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class BoardGroup:
    """Networks that differ by the seed of their training only; their rows are averaged.

    Attributes:
        name: name on the command line and in results.
        data: name of the data set.
        networks: at least one; all have the same images.
        note: a sentence for the report; may be empty.
    """

    name: str
    data: str
    networks: tuple[BoardNetwork, ...]
    note: str = ""
