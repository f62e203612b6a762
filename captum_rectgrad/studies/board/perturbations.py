"""Rows that mask parts of an image, at a stated number of masked copies: all are Captum's."""

import warnings
from importlib.util import find_spec

import torch
from captum.attr import KernelShap, Lime, Occlusion
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import MethodUnreliableError

FEATURES = 8  # squares along each side of an image, for LIME and KernelSHAP
AT_ONCE = 64  # masked copies in one forward pass


def occlusion(windows: int, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Occlusion with windows side by side, or overlapping by half.

    Args:
        windows: positions of the window along each side; from 9 on, windows overlap by half.
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.
    """
    strides = [max(1, side // windows) for side in x.shape[-2:]]
    overlap = 1 if windows <= FEATURES else 2
    sizes = [overlap * stride for stride in strides]
    found: Tensor = Occlusion(model).attribute(
        x,
        sliding_window_shapes=(x.shape[1], *sizes),
        strides=(x.shape[1], *strides),
        target=target,
        perturbations_per_eval=max(1, AT_ONCE // len(x)),
    )
    return found


def squares(x: Tensor) -> Tensor:
    """The number of the square of each pixel, `FEATURES` along each side, `(1, 1, H, W)`."""
    rows, columns = (
        torch.arange(side, device=x.device) * FEATURES // side for side in x.shape[-2:]
    )
    return (rows[:, None] * FEATURES + columns)[None, None]


def lime(copies: int, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """LIME with squares as features.

    Args:
        copies: number of masked copies of each image.
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: scikit-learn is not installed.
    """
    return _surrogate(Lime(model), copies, x, target)


def kernel_shap(copies: int, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """KernelSHAP with squares as features; arguments as for `lime`, of `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: scikit-learn is not installed.
    """
    return _surrogate(KernelShap(model), copies, x, target)


def _surrogate(method: Lime, copies: int, x: Tensor, target: Tensor) -> Tensor:
    if find_spec("sklearn") is None:
        raise MethodUnreliableError("scikit-learn is not installed: pip install scikit-learn")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are providing multiple inputs for Lime")
        found: Tensor = method.attribute(
            x.detach(),
            target=target,
            feature_mask=squares(x),
            n_samples=copies,
            perturbations_per_eval=AT_ONCE,
        )
    return found
