"""A model's logits, and their similarity to another model's."""

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
        ValueError: there are no images, the model cannot take them (the model's error is the
            cause), or the output is not of shape `(N, classes)`.
        torch.OutOfMemoryError: the batch is too large.
    """
    if not len(images):
        raise ValueError("got no images, expected at least one")
    device = next(model.parameters()).device
    try:
        # Not in inference mode: modules such as old-style `weight_norm` keep tensors, and
        # inference tensors could not be modified later.
        with torch.no_grad():
            parts = [
                _checked(model(part.to(device)), len(part)).cpu()
                for part in torch.split(images, batch_size or len(images))
            ]
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ValueError(
            f"the model cannot take images of shape {tuple(images.shape[1:])}: {error}"
        ) from error
    return torch.cat(parts)


def _checked(output: object, samples: int) -> Tensor:
    if not isinstance(output, Tensor):
        got = f"a {type(output).__name__}"
    elif output.shape[:-1] != (samples,):
        got = f"a tensor of shape {tuple(output.shape)}"
    else:
        return output
    raise ValueError(
        f"expected logits, one tensor of shape (N, classes); for {samples} images the model "
        f"returned {got}. Wrap it in a module that only returns its logits"
    )


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
    """Check that the model has the given classes.

    Args:
        classes: number of logits of the model.
        *wanted: class indices, in tensors of any shape.

    Raises:
        ValueError: an index is below 0 or not below `classes`.
    """
    for each in wanted:
        if not ((each >= 0) & (each < classes)).all():
            raise ValueError(
                f"classes must be 0 to {classes - 1}, since the model has {classes} logits; got "
                f"{int(each.min())} to {int(each.max())}"
            )
