"""The backward pass under the rules."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.layer_calls import Point
from captum_rectgrad.rectified_pass import RectifiedPass


def differentiated(scalars: Tensor, points: Sequence[Point], state: RectifiedPass) -> list[Tensor]:
    """The gradients that arrive at some points.

    Args:
        scalars: what is differentiated: their sum.
        points: of the same graph.
        state: of the pass that made it.

    Returns:
        A gradient for each point, of its shape.

    Raises:
        RectGradError: no gradient arrives at a point.
    """
    found: Sequence[Tensor | None] = [None] * len(points)
    if scalars.requires_grad:
        # A checkpointed block is run again on the way back, and must be under the rules there too:
        # so in this thread, on a GPU as well; and from an edge, since a function mode is off while
        # it hands on a call with tensors, as this one would be.
        with torch.autograd.set_multithreading_enabled(False), state.backward():
            found = torch.autograd.grad(
                get_gradient_edge(scalars),
                [point.edge for point in points],
                grad_outputs=torch.ones_like(scalars),
                allow_unused=True,
            )
    gradients = []
    for point, gradient in zip(points, found, strict=True):
        if gradient is None:
            raise RectGradError(
                f"no gradient leads back to {point.name}: what is attributed does not depend on "
                "it, or only through what has no derivative (argmax, detach(), torch.no_grad() in "
                "a forward, integer or quantized tensors). An input that is not to be attributed "
                "to belongs into additional_forward_args"
            )
        gradients.append(gradient)
    return gradients
