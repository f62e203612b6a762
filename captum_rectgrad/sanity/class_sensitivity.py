"""Whether maps for different classes differ (Nie et al. 2018, section 3)."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.sanity.explaining import Explaining
from captum_rectgrad.sanity.similarity import SIMILARITIES, Similarity


def class_sensitivity(
    explaining: Explaining,
    model: nn.Module,
    others: Tensor,
    *,
    original: Tensor | None = None,
    similarities: Mapping[str, Similarity] = SIMILARITIES,
) -> dict[str, NDArray[np.float64]]:
    """Compare the maps of the explained classes with those of others, on the same images.

    Args:
        explaining: the method, the images and the classes.
        model: in eval mode.
        others: for each image other classes, `(N, K)`.
        original: the maps of the explained classes, if they are there already.
        similarities: what is measured, by name.

    Returns:
        By the measure's name `(N,)`, the mean over the other classes; NaN without any.

    Raises:
        ValueError: a class is one that the model does not have.
        NotAvailableError: the method would not be itself on this model.
    """
    classes = logits(model, explaining.images[:1]).shape[1]
    for wanted in (explaining.targets, others):
        if not ((wanted >= 0) & (wanted < classes)).all():
            raise ValueError(
                f"classes must be 0 to {classes - 1}, as the model has {classes} logits; got "
                f"{int(wanted.min())} to {int(wanted.max())}"
            )
    before = explaining.maps(model) if original is None else original
    maps = [explaining.maps(model, other) for other in others.T]
    # A class is no other than itself.
    same = (explaining.targets == others.T).numpy()
    found = {}
    for name, similarity in similarities.items():
        each = np.stack([similarity(before, after) for after in maps])
        counts = np.isfinite(each) & ~same
        total, count = np.where(counts, each, 0).sum(axis=0), counts.sum(axis=0)
        found[name] = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return found


def other_classes(model: nn.Module, images: Tensor, count: int, batch_size: int) -> Tensor:
    """For each image the classes whose logits come next after the largest, and the least.

    Args:
        model: in eval mode.
        images: `(N, C, H, W)`.
        count: how many, at most the number of classes less 1.
        batch_size: images in memory.

    Returns:
        `(N, count)`: all but the last in falling order of their logits from the second largest; the
        last is the class with the smallest.

    Raises:
        ValueError: the model has a single logit, or the images are not of its size.
    """
    found = torch.cat([logits(model, part) for part in torch.split(images, batch_size)])
    order = found.argsort(dim=1, descending=True)
    count = min(count, order.shape[1] - 1)
    if not count:
        raise ValueError("the model has one logit: there is no other class to compare with")
    return torch.cat([order[:, 1:count], order[:, -1:]], dim=1)


def logits(model: nn.Module, images: Tensor) -> Tensor:
    """The model's output, on the CPU.

    Args:
        model: in eval mode.
        images: `(N, C, H, W)`.

    Returns:
        `(N, classes)`.

    Raises:
        ValueError: the images are not of the size the model is for.
    """
    try:
        with torch.inference_mode():
            output: Tensor = model(images.to(next(model.parameters()).device)).cpu()
    except RuntimeError as error:
        raise ValueError(
            f"the model cannot take images of shape {tuple(images.shape[1:])}: {error}"
        ) from error
    return output
