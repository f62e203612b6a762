"""Dependence of maps on the training labels (Adebayo et al. 2018, section 5)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.similarity import SIMILARITIES, Similarity


def random_labels(
    task: AttributionTask,
    model: nn.Module,
    other: nn.Module,
    *,
    original: Tensor | None = None,
    similarities: Mapping[str, Similarity] = SIMILARITIES,
) -> dict[str, NDArray[np.float64]]:
    """Compare a model's maps with those of a model trained on random labels.

    Args:
        task: the method, the images and the classes, the same for both.
        model: in eval mode.
        other: the same architecture, trained on the same images with random labels.
        original: maps of `model`, `(N, C, H, W)`; None: they are computed.
        similarities: similarity measures by name.

    Returns:
        By the measure's name `(N,)`.

    Raises:
        MethodUnreliableError: the method is unreliable on one of the models.
    """
    before = task.maps(model) if original is None else original
    after = task.maps(other)
    return {name: similarity(before, after) for name, similarity in similarities.items()}
