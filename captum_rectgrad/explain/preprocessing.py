"""Inputs of a model, and their pictures."""

import numpy as np
import torch
from numpy.typing import NDArray
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn


def picture(model: nn.Module, x: Tensor) -> NDArray[np.float32]:
    """An input of the model as an image: undo the normalisation of `rectgrad_zoo.transform`.

    Args:
        model: from `rectgrad_zoo.load`, or any model with timm's data configuration.
        x: one input of the model, `(C, H, W)`.

    Returns:
        `(H, W, C)` in [0, 1].
    """
    config = resolve_model_data_config(model)
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
    seen: NDArray[np.float32] = (x.cpu() * std + mean).permute(1, 2, 0).clamp(0, 1).numpy()
    return seen
