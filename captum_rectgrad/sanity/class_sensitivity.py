"""Sensitivity of maps to the explained class (Nie et al. 2018, section 3)."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.logits import check_classes, logits
from captum_rectgrad.sanity.similarity import SIMILARITIES, Similarity


def class_sensitivity(
    task: AttributionTask,
    model: nn.Module,
    others: Tensor,
    *,
    original: Tensor | None = None,
    similarities: Mapping[str, Similarity] = SIMILARITIES,
) -> dict[str, NDArray[np.float64]]:
    """Compare the maps of the explained classes with those of other classes of the same images.

    Args:
        task: the method, the images and the classes.
        model: in eval mode.
        others: other classes of each image, `(N, K)`.
        original: maps of the explained classes, `(N, C, H, W)`; None: they are computed.
        similarities: similarity measures by name.

    Returns:
        By the measure's name `(N,)`, the mean over the other classes; NaN without other classes,
        and where the map is empty.

    Raises:
        ValueError: the model lacks a class, or the images have the wrong size.
        MethodUnreliableError: the method is unreliable on this model.
    """
    check_classes(logits(model, task.images[:1]).shape[1], task.targets, others)
    before = task.maps(model) if original is None else original
    each_class = tqdm(others.T, unit="class", desc="other classes", disable=None)
    maps = [task.maps(model, other) for other in each_class]
    # An `other` class may equal the explained one: that pair is left out.
    same = (task.targets == others.T).numpy()
    found = {}
    for name, similarity in similarities.items():
        each = np.stack([similarity(before, after) for after in maps])
        counts = np.isfinite(each) & ~same
        total, count = np.where(counts, each, 0).sum(axis=0), counts.sum(axis=0)
        found[name] = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return found


def other_classes(model: nn.Module, images: Tensor, count: int, batch_size: int) -> Tensor:
    """For each image the classes with the next highest logits, and the one with the smallest.

    Args:
        model: in eval mode.
        images: `(N, C, H, W)`.
        count: number of classes, at most the model's number of classes minus 1.
        batch_size: images in memory.

    Returns:
        `(N, count)`: from the second-highest logit downwards; the last entry is the class with the
        smallest logit.

    Raises:
        ValueError: the model has a single logit, or the images have the wrong size.
    """
    order = logits(model, images, batch_size).argsort(dim=1, descending=True)
    count = min(count, order.shape[1] - 1)
    if not count:
        raise ValueError("the model has one logit, expected at least two to compare classes")
    return torch.cat([order[:, 1:count], order[:, -1:]], dim=1)
