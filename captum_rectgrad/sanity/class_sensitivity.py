"""Whether maps for different classes differ (Nie et al. 2018, section 3)."""

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
    """Compare the maps of the explained classes with those of others, on the same images.

    Args:
        task: the method, the images and the classes.
        model: in eval mode.
        others: for each image other classes, `(N, K)`.
        original: the maps of the explained classes, `(N, C, H, W)`, if they are there already.
        similarities: what is measured, by name.

    Returns:
        By the measure's name `(N,)`, the mean over the other classes; NaN without any, and where
        the map is empty.

    Raises:
        ValueError: a class is one that the model does not have, or the images are not of its size.
        MethodUnreliableError: the method is unreliable on this model.
    """
    check_classes(logits(model, task.images[:1]).shape[1], task.targets, others)
    before = task.maps(model) if original is None else original
    each_class = tqdm(others.T, unit="class", desc="other classes", disable=None)
    maps = [task.maps(model, other) for other in each_class]
    # A class is no other than itself.
    same = (task.targets == others.T).numpy()
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
    order = logits(model, images, batch_size).argsort(dim=1, descending=True)
    count = min(count, order.shape[1] - 1)
    if not count:
        raise ValueError("the model has one logit: there is no other class to compare with")
    return torch.cat([order[:, 1:count], order[:, -1:]], dim=1)
