"""Inputs of a model, and their pictures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

import rectgrad_zoo
from rectgrad_zoo.data.preprocessing import processor_transform

COLOURS = 3  # channels of a picture
_DIMENSIONS = 3  # (C, H, W)


def find_transform(model: nn.Module, given: Any = None) -> Callable[[Image.Image], Tensor]:
    """The preprocessing of a model.

    Args:
        model: any model of images.
        given: a function from an RGB image to a tensor `(C, H, W)`, a weights enum member of
            torchvision, or an image processor of transformers. None: the preprocessing of a model
            of rectgrad_zoo or timm.

    Returns:
        A function from an RGB image to a tensor `(C, H, W)`.

    Raises:
        ValueError: nothing is given and the preprocessing of the model is not known.
        TypeError: what is given is none of these.
    """
    if given is None:
        if not getattr(model, "pretrained_cfg", None):
            name = type(model).__name__
            raise ValueError(
                f"{name} has no pretrained_cfg, so its preprocessing is not known; pass "
                "transform=, such as torchvision.models.ResNet18_Weights.DEFAULT, "
                'transformers.AutoImageProcessor.from_pretrained("google/vit-base-patch16-224"), '
                "or a function from a PIL image to a tensor (C, H, W)"
            )
        return rectgrad_zoo.transform(model)
    # A class is callable: `ResNet18_Weights` without `.DEFAULT`, or a processor without settings.
    if isinstance(given, type) or not (callable(given) or _is_weights(given)):
        what = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
        raise TypeError(
            f"got a transform of type {what}, expected a function from a PIL image "
            "to a tensor (C, H, W), weights of torchvision or an image processor of transformers"
        )
    if _is_weights(given):
        preset: Callable[[Image.Image], Tensor] = given.transforms()
        return preset
    if _is_processor(given):
        return processor_transform(given)
    function: Callable[[Image.Image], Tensor] = given
    return function


def model_input(model: nn.Module, image: Image.Image | Tensor, transform: Any = None) -> Tensor:
    """An image as the model's input.

    Args:
        model: any model of images.
        image: an RGB image, or a tensor `(C, H, W)` that is preprocessed already.
        transform: as `given` of `find_transform`.

    Returns:
        `(1, C, H, W)`, with the device and the type of the model's parameters.

    Raises:
        ValueError: the preprocessing is not known, or a tensor has another shape or NaN.
        TypeError: the transform returns something other than a floating point tensor.
    """
    given = isinstance(image, Tensor)
    x = image if isinstance(image, Tensor) else find_transform(model, transform)(image)
    source = "the image is" if given else "the transform returned"
    if not isinstance(x, Tensor) or not x.is_floating_point():
        what = f"a tensor of {x.dtype}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise TypeError(
            f"{source} {what}, expected a floating point tensor (C, H, W); "
            + ("pass a NumPy array or a PIL image" if given else "end it with ToTensor, Normalize")
        )
    if x.ndim != _DIMENSIONS:
        raise ValueError(
            f"{source} a tensor of shape {tuple(x.shape)}, expected (C, H, W); of a batch, pass "
            "list(images)"
        )
    if not x.isfinite().all():
        raise ValueError(f"{source} a tensor with NaN or infinite values; expected finite values")
    like = next(model.parameters(), x)
    return x[None].to(like.device, like.dtype)


def picture(model: nn.Module, x: Tensor, transform: Any = None) -> NDArray[np.float32]:
    """An input of the model as an image: undo the normalisation.

    Args:
        model: any model of images.
        x: one input of the model, `(C, H, W)`.
        transform: as `given` of `find_transform`; the mean and standard deviation are taken from
            it. Without them, the smallest value becomes 0 and the largest 1.

    Returns:
        `(H, W, 3)` in [0, 1]; grey unless there are three channels.
    """
    x = x.detach().cpu().float()
    found = _normalisation(model, transform)
    if found is None:
        low, high = x.min(), x.max()
        x = (x - low) / (high - low).clamp(min=torch.finfo(x.dtype).tiny)
    else:
        mean, std = (torch.as_tensor(values, dtype=x.dtype).reshape(-1, 1, 1) for values in found)
        x = x * std + mean
    if len(x) != COLOURS:
        x = x.mean(dim=0).expand(COLOURS, -1, -1)
    seen: NDArray[np.float32] = x.permute(1, 2, 0).clamp(0, 1).numpy()
    return seen


def _normalisation(model: nn.Module, transform: Any) -> tuple[Any, Any] | None:
    """Mean and standard deviation of each channel; None if they are not known."""
    if transform is None:
        if not getattr(model, "pretrained_cfg", None):
            return None
        config = resolve_model_data_config(model)
        return config["mean"], config["std"]
    if _is_processor(transform):
        if not getattr(transform, "do_normalize", False):
            return None
        return transform.image_mean, transform.image_std
    if _is_weights(transform):
        transform = transform.transforms()
    # The steps of a `Compose` of torchvision; its `Normalize` comes last.
    steps = getattr(transform, "transforms", [transform])
    for step in reversed(steps):
        mean, std = getattr(step, "mean", None), getattr(step, "std", None)
        if mean is not None and std is not None:
            return mean, std
    return None


def _is_weights(transform: Any) -> bool:
    """Whether it is a weights enum member of torchvision; a `Compose` has a list `transforms`."""
    return callable(getattr(transform, "transforms", None)) and hasattr(transform, "meta")


def _is_processor(transform: Any) -> bool:
    """Whether it is an image processor of transformers, which is optional."""
    return hasattr(transform, "model_input_names") and callable(transform)
