"""A model's logits, and how far those of another are like them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.sanity.similarity import signed_ranks


def logits(model: nn.Module, images: Tensor, batch_size: int | None = None) -> Tensor:
    """The model's output, on the CPU.

    Args:
        model: in eval mode.
        images: `(N, C, H, W)`.
        batch_size: images in memory; None: all.

    Returns:
        `(N, classes)`.

    Raises:
        ValueError: the model cannot take the images; what it said is the error's cause.
        torch.OutOfMemoryError: there are too many at a time.
    """
    device = next(model.parameters()).device
    try:
        with torch.inference_mode():
            parts = [
                model(part.to(device)).cpu()
                for part in torch.split(images, batch_size or len(images))
            ]
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(
            f"the model cannot take images of shape {tuple(images.shape[1:])}: {error}"
        ) from error
    return torch.cat(parts)


def same_order(before: Tensor, after: Tensor) -> NDArray[np.float64]:
    """Spearman's rank correlation of two models' logits for the same images.

    Args:
        before: `(N, classes)`.
        after: `(N, classes)`, of another model.

    Returns:
        `(N,)`, in [-1, 1]; NaN where all of `before` are equal, 0 where all of `after` alone are.
    """
    # A map of one row: its pixels are the classes.
    return signed_ranks(before[:, None, None], after[:, None, None])


def check_classes(classes: int, *wanted: Tensor) -> None:
    """Refuse classes that the model does not have.

    Args:
        classes: how many logits it has.
        *wanted: numbers of classes, in tensors of any shape.

    Raises:
        ValueError: a number is below 0 or not below `classes`.
    """
    for each in wanted:
        if not ((each >= 0) & (each < classes)).all():
            raise ValueError(
                f"classes must be 0 to {classes - 1}, as the model has {classes} logits; got "
                f"{int(each.min())} to {int(each.max())}"
            )
