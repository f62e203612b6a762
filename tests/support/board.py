"""Small networks and methods for tests of the board."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method, methods
from captum_rectgrad.studies.board.explained import Explained
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.board.sizes import PRESET_SIZES, BoardSizes

SIZES = replace(PRESET_SIZES["smoke"], images=8, samples=4, masked_copies=20, draws=3)


class Colours(nn.Module):
    """The logit of class k is the mean of channel k: a grid of any size has a known answer."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class Linear(nn.Module):
    """Logits from the pixels of one channel."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(weights.shape[1], weights.shape[0], bias=False)
        self.layer.weight.data = weights

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.mean(dim=1).flatten(1))


def with_parameter(model: nn.Module) -> nn.Module:
    """The model with a parameter, by which its device is known."""
    model.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    return model.eval()


def coloured_images(count: int = 8, classes: int = 4, side: int = 4) -> Tensor:
    """Image i has ones in channel i % classes, and zeros elsewhere."""
    images = torch.zeros(count, classes, side, side)
    images[torch.arange(count), torch.arange(count) % classes] = 1
    return images


def network(model: nn.Module, inputs: Tensor, **more: Any) -> BoardNetwork:
    """A network of the board that explains its predictions of these inputs."""
    with torch.no_grad():
        targets = model(inputs).argmax(dim=1)
    return BoardNetwork("tiny", "0" * 64, model, inputs, targets, inputs, **more)


def own(attribute: Callable[[nn.Module, Tensor, Tensor], Tensor], key: str = "own") -> Method:
    """A method from a function."""
    return Method(key, key, attribute)


def method(key: str) -> Method:
    """A method of the package's table."""
    (found,) = (each for each in methods() if each.key == key)
    return found


def explained(
    chosen: str | Method, of: BoardNetwork, sizes: BoardSizes = SIZES, robust: Any = None
) -> Explained:
    """A method on a network."""
    made = method(chosen) if isinstance(chosen, str) else chosen
    return Explained(made, of, sizes, 0, robust)
