"""Which activations RectGrad thresholds: the one place here that knows the package from inside."""

import re
from collections import Counter

import torch
from torch import Tensor, nn

from captum_rectgrad.hooks import rectified
from captum_rectgrad.rectified_pass import RectifiedPass
from captum_rectgrad.settings import Settings

# A gate is called "'blocks.0.act' (ReLU)" or "sigmoid(), activation 3 of ...".
GATE = re.compile(r"'.*' \((?P<module>\w+)\)|(?P<function>\w+)\(\)")


def activations_met(
    model: nn.Module, x: Tensor, target: tuple[int, ...], percentile: float
) -> Counter[str]:
    """How many calls of each activation the backward pass of one sample went through.

    Args:
        model: in eval mode.
        x: `(1, ...)`.
        target: which output.
        percentile: the threshold.
    """
    state = RectifiedPass(Settings.of(percentile), batch=1, copies=True)
    leaf = x.clone().requires_grad_()
    with rectified(model, state):
        logit = model(leaf.clone())[0][target]
        with state.backward():
            torch.autograd.grad(logit, leaf)
    matches = [GATE.match(gate.name) for gate in state.gates]
    return Counter(match["module"] or match["function"] for match in matches if match)
