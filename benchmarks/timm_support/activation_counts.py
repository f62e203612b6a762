"""Which activations RectGrad thresholds."""

import warnings
from collections import Counter

from torch import Tensor, nn

from captum_rectgrad import RectGrad, RectGradWarning


def activation_counts(
    model: nn.Module, x: Tensor, target: tuple[int, ...], percentile: float
) -> Counter[str]:
    """How many calls of each activation the backward pass of one sample went through.

    Args:
        model: in eval mode.
        x: `(1, ...)`.
        target: which output.
        percentile: the threshold.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RectGradWarning)
        _, layers = RectGrad(model, percentile).attribute(
            x, target=target, return_layer_statistics=True
        )
    return Counter(layer.activation for layer in layers)
