"""Whether a hook of the user keeps a gradient, which must not be changed in place then."""

import sys
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.autograd.graph import Node


def is_kept(gradients: tuple[Tensor | None, ...]) -> bool:
    """Whether Python code other than the calling hook refers to the first gradient.

    References from C++, such as those of other nodes, are not seen.

    Args:
        gradients: the argument of a hook that is called before a node.
    """
    return sys.getrefcount(gradients[0]) > _REFERENCES


def _references() -> int:
    """The number of references to a gradient that no hook keeps, which depends on versions."""
    counts = []
    with torch.inference_mode(mode=False), torch.enable_grad():
        x = torch.ones(1, device="cpu", requires_grad=True)
        doubled = x * 2
        node = cast("Node", doubled.grad_fn)
        node.register_prehook(lambda gradients: counts.append(sys.getrefcount(gradients[0])))
        torch.autograd.grad(doubled.relu(), x)
    return counts[0]


_REFERENCES = _references()
