"""RectGrad of a hidden layer as a method among others."""

from functools import partial

from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad
from captum_rectgrad.evaluation.methods import Method


def layer_method(layer: str, percentile: float) -> Method:
    """RectGrad of a hidden layer.

    Args:
        layer: name of a module with an output of shape `(N, C, H, W)`.
        percentile: RectGrad's q, in [0, 100].

    Returns:
        A method whose attributions have the shape of the layer's output.
    """
    return Method(
        "layer-rectgrad", f"RectGrad of layer {layer}", partial(_attribute, layer, percentile)
    )


def _attribute(
    layer: str, percentile: float, model: nn.Module, x: Tensor, target: Tensor
) -> Tensor:
    method = LayerRectGrad(model, model.get_submodule(layer), percentile=percentile)
    found: Tensor = method.attribute(x, target=target)
    return found
