"""The random networks of Nie et al. 2018, section 3, and what theory says of their maps."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 3  # pixels, the side of a filter; one pixel of padding keeps the size


class RandomCNN(nn.Module):
    """One layer of random filters, a ReLU, and one random logit of all that they respond.

    `f(x) = sum over filters i and patches j of V_ij * relu(w_i . y_j)`, as in the paper's equation
    (4), the patches `y_j` of all positions padded with zeros. All weights are standard normal.

    Args:
        filters: N, their number.
        shape: of an image, `(C, H, W)`.
        generator: where the weights come from.
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
    """Three hidden layers of equal width and a logit, all weights normal.

    Args:
        width: units of a hidden layer.
        inputs: units of the input.
        generator: where the weights come from.

    Returns:
        `linear, ReLU, linear, ReLU, linear, ReLU, linear`; weights have variance 2 over their
        inputs, so that signals keep their size.
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
    """Make all parameters standard normal, in place.

    Args:
        model: whose.
        generator: where they come from.
    """
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)


def guided_limit(image: Tensor) -> Tensor:
    """What guided backpropagation of a `RandomCNN` becomes with infinitely many filters.

    The expectation of `relu(V_ij) w_i` where `w_i . y_j > 0` is parallel to `y_j / |y_j|`; the map
    is the sum of these over all patches, each at its place (appendix B, before the norms of the
    patches are taken for equal).

    Args:
        image: `(C, H, W)`.

    Returns:
        `(C, H, W)`, to a factor.
    """
    patches = F.unfold(image[None], PATCH, padding=PATCH // 2)
    norms = patches.norm(dim=1, keepdim=True)
    directions = torch.where(norms > 0, patches / norms, 0)
    size = (image.shape[1], image.shape[2])
    limit: Tensor = F.fold(directions, size, PATCH, padding=PATCH // 2)[0]
    return limit


def gaussian_scale(filters: int) -> float:
    """Standard deviation of saliency maps and DeconvNet's of a `RandomCNN`, off the border.

    `V_ij w_i` has variance 1 in each entry, and half of the pairs are cut off: by the forward ReLU
    for saliency, by the backward one for DeconvNet. Each pixel is in `PATCH ** 2` patches.
    (Appendix C has it without the half: it takes the cut-off distribution for a half-normal one.)

    Args:
        filters: N.

    Returns:
        `sqrt(N * PATCH ** 2 / 2)`.
    """
    return math.sqrt(filters * PATCH**2 / 2)
