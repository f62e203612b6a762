"""Rows of gradients and relevance: Sobel, DeconvNet, expected gradients, LRP."""

from functools import partial

import numpy as np
import torch
from captum.attr import Deconvolution, GradientShap
from skimage.filters import sobel as sobel_filter
from torch import Tensor, nn
from torch.autograd.graph import Node

from captum_rectgrad import Deconvolution as FunctionalDeconvolution
from captum_rectgrad.evaluation.captum_compatible import captum_compatible
from captum_rectgrad.evaluation.methods import MethodUnreliableError, check_hooks, check_once
from captum_rectgrad.studies.board.localisation import DisconnectedCells

# Operations that zennit's EpsilonPlusFlat has rules for, or that move values only.
_RELEVANCE = (
    "Accumulate", "AddmmBackward", "AdaptiveAvgPool2D", "AvgPool2D", "Convolution", "Relu",
    "MaxPool2D", "Mean", "MkldnnConvolution", "NativeBatchNorm", "CudnnBatchNorm", "Reshape",
    "Squeeze", "TBackward", "Transpose", "Unsqueeze", "UnsafeView", "View", "Clone",
)  # fmt: skip
_RELEVANCE_KEY = "lrp"


def sobel(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    """scikit-image's Sobel filter of each channel: it depends on the image alone.

    Args:
        x: `(N, C, H, W)`.

    Returns:
        `(N, C, H, W)`.
    """
    planes = x.detach().flatten(0, 1).cpu().double().numpy()
    edges = np.stack([sobel_filter(plane) for plane in planes])
    return torch.from_numpy(edges).to(x).view_as(x)


def deconvnet(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Captum's Deconvolution, where it agrees with this package's.

    Args:
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: Captum's hooks miss activations of the model.
    """
    check_hooks(Deconvolution, FunctionalDeconvolution, "deconvnet", model, x, target)
    found: Tensor = Deconvolution(captum_compatible(model)).attribute(x, target=target)
    return found


def expected_gradients(
    others: Tensor, samples: int, model: nn.Module, x: Tensor, target: Tensor
) -> Tensor:
    """Captum's GradientShap without noise: integrated gradients from random other images.

    Args:
        others: baselines, `(M, C, H, W)`; repeated to the size of a grid of images.
        samples: number of random baselines and positions for each image.
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.
    """
    times = [side // own for side, own in zip(x.shape[-2:], others.shape[-2:], strict=True)]
    baselines = others.to(x).repeat(1, 1, *times)
    # Captum draws with NumPy's global generator, which the board's seed does not reach.
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(torch.randint(2**31, (1,)).item())  # noqa: NPY002
    try:
        found: Tensor = GradientShap(model).attribute(
            x, baselines, n_samples=samples, stdevs=0.0, target=target
        )
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return found


def relevance(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Zennit's EpsilonPlusFlat, on networks whose operations it has rules for.

    Args:
        model: in eval mode.
        x: `(N, C, H, W)`.
        target: `(N,)`.

    Returns:
        `(N, C, H, W)`.

    Raises:
        MethodUnreliableError: zennit is not installed, or would use the plain gradient at a part of
            the model.
    """
    try:
        from zennit.attribution import Gradient  # noqa: PLC0415 (optional)
        from zennit.canonizers import SequentialMergeBatchNorm  # noqa: PLC0415
        from zennit.composites import EpsilonPlusFlat  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MethodUnreliableError("zennit is not installed: pip install zennit") from error
    check_once(model, _RELEVANCE_KEY, partial(_without_rule, model, x))
    composite = EpsilonPlusFlat(canonizers=[SequentialMergeBatchNorm()])
    with Gradient(model=model, composite=composite) as attributor:
        _, found = attributor(x, partial(_one_hot, target))
    result: Tensor = found
    return result


def _one_hot(target: Tensor, output: Tensor) -> Tensor:
    return nn.functional.one_hot(target, output.shape[1]).to(output)


def _without_rule(model: nn.Module, x: Tensor) -> str | None:
    """The first operation of a model that zennit's composite has no rule for, as a reason."""
    if isinstance(model, DisconnectedCells):
        return (
            "zennit's Flat rule applies to the first layer of a model; a grid of separate networks "
            "has one in each cell"
        )
    with torch.enable_grad():
        node = model(x.detach()[:1].clone().requires_grad_()).grad_fn
    names = _operations(node)
    modules = sum(isinstance(module, nn.ReLU) for module in model.modules())
    if sum(name.startswith("Relu") for name in names) > modules:
        return "zennit hooks modules only, and the model calls ReLU as a function or a module twice"
    for name in names:
        if not name.startswith(_RELEVANCE):
            return (
                f"zennit's EpsilonPlusFlat has no rule for {name.removesuffix('0')[:-8]} in this "
                "model, and would use the plain gradient there"
            )
    return None


def _operations(first: Node | None) -> list[str]:
    """Names of all nodes of a graph."""
    waiting = [first] if first is not None else []
    seen, names = set(waiting), []
    while waiting:
        node = waiting.pop()
        names.append(node.name().removeprefix("torch::autograd::"))
        following = {child for child, _ in node.next_functions if child is not None} - seen
        seen |= following
        waiting.extend(following)
    return names
