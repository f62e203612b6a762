"""Gradients at inputs and layers of a graph."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from captum_rectgrad._engine.layer_recorder import LayerTensor
from captum_rectgrad.errors import RectGradError


def input_points(inputs: Sequence[Tensor]) -> list[LayerTensor]:
    """The inputs as attributed tensors."""
    return [
        LayerTensor(tensor, get_gradient_edge(tensor), f"input {i}")
        for i, tensor in enumerate(inputs)
    ]


def compute_gradients(
    outputs: Sequence[Tensor],
    points: Sequence[LayerTensor],
    grad_outputs: Sequence[Tensor] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> list[Tensor]:
    """The gradients of outputs with respect to tensors of a graph.

    Args:
        outputs: differentiated tensors, of any shape.
        points: tensors of the same graph.
        grad_outputs: output gradients, of the shapes of `outputs`; None for ones.
        retain_graph: as in `torch.autograd.grad`.
        create_graph: as in `torch.autograd.grad`.

    Returns:
        The gradient of each point, of its shape.

    Raises:
        RectGradError: a point has no gradient.
    """
    found: Sequence[Tensor | None] = [None] * len(points)
    if any(output.requires_grad for output in outputs):
        found = torch.autograd.grad(
            outputs,
            [point.edge for point in points],
            grad_outputs=grad_outputs or [torch.ones_like(output) for output in outputs],
            retain_graph=retain_graph,
            create_graph=create_graph,
            allow_unused=True,
        )
    for point, gradient in zip(points, found, strict=True):
        if gradient is None:
            raise RectGradError(
                f"no gradient reaches {point.name}: the output does not depend on it, or only "
                "through operations without a derivative (argmax, detach(), torch.no_grad() in "
                "forward(), integer or quantized tensors). Pass inputs without attribution in "
                "additional_forward_args"
            )
    return [gradient for gradient in found if gradient is not None]
