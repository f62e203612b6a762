"""Attribution maps of many images, streamed in batches."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.rules.threshold import percentile_per_sample
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.options import FINAL_PERCENTILE, Final
from rectgrad_zoo.data.images import to_model_range


def device_of(model: nn.Module) -> torch.device:
    """The device of a network; the CPU if it has neither parameters nor buffers."""
    tensors = itertools.chain(model.parameters(), model.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


@dataclass(frozen=True, eq=False)
class MapBatch:
    """A batch of attribution maps.

    Attributes:
        images: slice of the images.
        maps: `(N, C, H, W)`, on the CPU.
    """

    images: slice
    maps: Tensor


def stream_maps(
    method: Method,
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    batch_size: int,
    seed: int,
    start: int = 0,
) -> Iterator[MapBatch]:
    """Attribute images in batches.

    Args:
        method: see `captum_rectgrad.evaluation.methods`.
        model: for inputs in [-1, 1], in eval mode; its device is used.
        images: `(N, 3, H, W)`, uint8 or as `model_inputs` takes them.
        targets: the classes to explain, `(N,)`.
        batch_size: batch size, halved after an out-of-memory error. Only a method's random numbers
            depend on it.
        seed: seed of the method's random numbers; each batch has a seed derived from it.
        start: index of the first image, if the images are a part of a larger set; the random
            numbers of a batch depend on it.

    Yields:
        The maps, in order.

    Raises:
        MethodUnreliableError: the method is unreliable on this model.
    """
    device = device_of(model)

    def compute(batch: slice) -> Tensor:
        inputs, own = (
            model_inputs(images[batch].to(device)),
            derived_seed(seed, start + batch.start),
        )
        return attribute(method, model, inputs, targets[batch].to(device), own).cpu()

    for batch, maps in in_batches(len(images), batch_size, compute):
        yield MapBatch(batch, maps)


def predictions(model: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """The classes with the highest logits.

    Args:
        model: for inputs in [-1, 1], in eval mode; its device is used.
        images: `(N, 3, H, W)`, uint8 or as `model_inputs` takes them.
        batch_size: batch size, halved after an out-of-memory error.

    Returns:
        `(N,)`, int64, on the CPU.
    """
    device = device_of(model)

    def compute(batch: slice) -> Tensor:
        with torch.inference_mode():
            classes: Tensor = model(model_inputs(images[batch].to(device))).argmax(dim=1)
        return classes.cpu()

    return torch.cat([found for _, found in in_batches(len(images), batch_size, compute)])


def model_inputs(images: Tensor) -> Tensor:
    """Inputs of the networks from images.

    Args:
        images: `(N, 3, H, W)`: uint8, or floating point in [-1, 1], which is not changed, so that
            changes below one grey level are kept.

    Returns:
        `(N, 3, H, W)`, floating point, in [-1, 1].
    """
    return images if images.is_floating_point() else to_model_range(images)


def finished(
    method: Method, maps: Tensor, final: Final, percentile: float = FINAL_PERCENTILE
) -> Tensor:
    """Apply the final threshold of section 5.2 to a baseline's maps.

    Args:
        method: the method of the maps.
        maps: `(N, C, H, W)`.
        final: whether the threshold is taken of the pixels or of the values; see `Final`.
        percentile: percentile of the threshold, in [0, 100].

    Returns:
        `(N, 1, H, W)` for a threshold of the pixels, else `(N, C, H, W)`; the same maps without a
        threshold, or if the method is not a baseline.
    """
    if final == "none" or not method.baseline:
        return maps
    return final_threshold(maps.sum(1, keepdim=True) if final == "pixels" else maps, percentile)


def final_threshold(maps: Tensor, percentile: float = FINAL_PERCENTILE) -> Tensor:
    """Set all values of a map up to its percentile to zero, as the paper does for baselines.

    Args:
        maps: `(N, C, H, W)`.
        percentile: percentile of all values of one map, in [0, 100]; nearest rank, as in listing 1.

    Returns:
        `(N, C, H, W)`.
    """
    threshold = percentile_per_sample(maps.flatten(1), percentile).view(-1, 1, 1, 1)
    return torch.where(maps > threshold, maps, 0)
