"""The random networks of Nie et al. 2018, section 3, and the theory of their maps."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 3  # pixels, the side of a filter; the padding is one pixel


class RandomCNN(nn.Module):
    """One layer of random filters, a ReLU, and a random linear logit of all responses.

    `f(x) = sum over filters i and patches j of V_ij * relu(w_i . y_j)`, the paper's equation (4),
    with zero-padded patches `y_j` at all positions. All weights are standard normal.

    Args:
        filters: number of filters, N.
        shape: shape of an image, `(C, H, W)`.
        generator: random number generator of the weights.
    """

    def __init__(
        self, filters: int, shape: tuple[int, int, int], generator: torch.Generator
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.filters = nn.Conv2d(channels, filters, PATCH, padding=PATCH // 2, bias=False)
        self.relu = nn.ReLU()
        self.logit = nn.Linear(filters * height * width, 1, bias=False)
        draw_weights(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """The logit.

        Args:
            x: `(1, C, H, W)`.

        Returns:
            `(1, 1)`.
        """
        logit: Tensor = self.logit(self.relu(self.filters(x)).flatten(1))
        return logit


def random_dense(width: int, inputs: int, generator: torch.Generator) -> nn.Sequential:
    """Three hidden layers of equal width and one logit, with normal weights.

    Args:
        width: number of units of a hidden layer.
        inputs: number of inputs.
        generator: random number generator of the weights.

    Returns:
        `linear, ReLU, linear, ReLU, linear, ReLU, linear`; weights have variance 2 divided by the
        number of inputs, so that signals keep their scale.
    """
    sizes = (inputs, width, width, width, 1)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, bias=False), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    draw_weights(model, generator)
    for module in model[::2]:
        with torch.no_grad():
            weight = next(module.parameters())
            weight.mul_(math.sqrt(2 / weight.shape[1]))
    return model


def draw_weights(model: nn.Module, generator: torch.Generator) -> None:
    """Set all parameters to standard normal values, in place.

    Args:
        model: the model.
        generator: random number generator.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)


def guided_limit(image: Tensor) -> Tensor:
    """Limit of guided backpropagation of a `RandomCNN` for infinitely many filters.

    The expectation of `relu(V_ij) w_i` where `w_i . y_j > 0` is parallel to `y_j / |y_j|`. The map
    is the sum of these over all patches at their positions (appendix B, before the norms of the
    patches are assumed to be equal).

    Args:
        image: `(C, H, W)`.

    Returns:
        `(C, H, W)`, up to a factor.
    """
    patches = F.unfold(image[None], PATCH, padding=PATCH // 2)
    norms = patches.norm(dim=1, keepdim=True)
    directions = torch.where(norms > 0, patches / norms, 0)
    size = (image.shape[1], image.shape[2])
    limit: Tensor = F.fold(directions, size, PATCH, padding=PATCH // 2)[0]
    return limit


def gaussian_scale(filters: int) -> float:
    """Standard deviation of saliency and DeconvNet maps of a `RandomCNN`, away from the border.

    `V_ij w_i` has variance 1 in each entry. Half of the pairs are cut off: by the forward ReLU for
    saliency, by the backward ReLU for DeconvNet. Each pixel is in `PATCH ** 2` patches. (Appendix C
    lacks the half, since it treats the cut-off distribution as half-normal.)

    Args:
        filters: number of filters, N.

    Returns:
        `sqrt(N * PATCH ** 2 / 2)`.
    """
    return math.sqrt(filters * PATCH**2 / 2)
