"""The models of a measurement: random weights that leave no path through the net closed."""

import timm
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

CLASSES = 10
SEED = 0
SAMPLES = 2

# Float64: a rounding error of float32 can carry a score across its layer's threshold, and the maps
# of two correct programs then differ by whole units. In float64 that needs scores equal to 15
# digits.
DTYPE = torch.float64

# Spread of the noise on what timm initialises with one constant.
NOISE = 0.1


def create(name: str, size: int) -> nn.Module:
    """One of timm's models for square inputs of a size, where it wants to know that beforehand.

    Args:
        name: timm's.
        size: height and width of its input, in pixels.
    """
    try:
        model: nn.Module = timm.create_model(name, num_classes=CLASSES, img_size=size)
    except TypeError:
        model = timm.create_model(name, num_classes=CLASSES)
    return model.eval()


def build(name: str, size: int) -> nn.Module:
    """The same with seeded random weights, in float64 and eval mode.

    Args:
        name: timm's.
        size: height and width of its input, in pixels.
    """
    torch.manual_seed(SEED)
    model = create(name, size).to(DTYPE)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in model.parameters():
            _open(parameter, generator)
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                _fill(module, generator)
    return model


def images(model: nn.Module, size: int) -> Tensor:
    """Seeded normal inputs `(2, C, size, size)` for a model.

    Args:
        model: one of timm's.
        size: height and width, in pixels.
    """
    generator = torch.Generator().manual_seed(SEED + 1)
    channels = getattr(model, "in_chans", 3)
    return torch.randn(SAMPLES, channels, size, size, generator=generator, dtype=DTYPE)


def _fill(norm: _BatchNorm, generator: torch.Generator) -> None:
    """Give a batch norm the statistics of nothing in particular."""
    if norm.running_mean is not None and norm.running_var is not None:
        norm.running_mean.normal_(0, NOISE, generator=generator)
        norm.running_var.uniform_(0.5, 1.5, generator=generator)


def _open(parameter: Tensor, generator: torch.Generator) -> None:
    """Add noise to a parameter that is one constant.

    A residual branch that ends in a zero (or 1e-6, as layer scales begin) gives no gradient to the
    activations inside it, and a head of zeros none to the whole net: a map would then agree with
    the reference whatever had been done to it.
    """
    if bool((parameter == parameter.flatten()[0]).all()):
        noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        parameter.add_(noise, alpha=NOISE)
