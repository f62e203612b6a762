"""Similarity of maps to the input image, which guided backpropagation nearly recovers.

Nie et al. 2018, section 4 and theorem 1.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.similarity import RECOVERIES, Similarity


def image_recovery(
    task: AttributionTask,
    model: nn.Module,
    *,
    original: Tensor | None = None,
    similarities: Mapping[str, Similarity] = RECOVERIES,
) -> dict[str, NDArray[np.float64]]:
    """Compare maps with their input images.

    Args:
        task: the method and the images. A method that multiplies by the input resembles the image
            for that reason alone.
        model: in eval mode.
        original: the maps, `(N, C, H, W)`; None: they are computed.
        similarities: similarity measures by name.

    Returns:
        By the measure's name `(N,)`.

    Raises:
        MethodUnreliableError: the method is unreliable on this model.
    """
    maps = task.maps(model) if original is None else original
    return {name: similarity(maps, task.images) for name, similarity in similarities.items()}
