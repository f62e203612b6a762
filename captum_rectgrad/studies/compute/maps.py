"""Attribution maps of many images, streamed: never all of them in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.rules.threshold import percentile_per_sample
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.options import FINAL_PERCENTILE
from rectgrad_zoo.data.images import to_model_range


@dataclass(frozen=True, eq=False)
class MapBatch:
    """Maps of some of the images.

    Attributes:
        images: which images these are.
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
    final_percentile: float | None = None,
    start: int = 0,
) -> Iterator[MapBatch]:
    """Attribute images a batch at a time.

    Args:
        method: see `captum_rectgrad.evaluation.methods`.
        model: for inputs in [-1, 1], in eval mode; the work is done on its device.
        images: `(N, 3, H, W)`, as `model_inputs` takes them.
        targets: the classes to explain, `(N,)`.
        batch_size: images in memory; halved where it runs out. Only what a method draws at random
            depends on it.
        seed: of what a method draws; each batch has its own that follows from it.
        final_percentile: of a baseline's map nothing below it is left; None leaves all. Methods
            that are no baselines are left as they are.
        start: number of the first image, where these are a part of more: what is drawn for a batch
            follows from it.

    Yields:
        The maps, in order.

    Raises:
        MethodUnreliableError: the method is unreliable on this model.
    """
    device = next(model.parameters()).device

    def compute(batch: slice) -> Tensor:
        inputs, own = (
            model_inputs(images[batch].to(device)),
            derived_seed(seed, start + batch.start),
        )
        found = attribute(method, model, inputs, targets[batch].to(device), own)
        return finished(method, found, final_percentile).cpu()

    for batch, maps in in_batches(len(images), batch_size, compute):
        yield MapBatch(batch, maps)


def predictions(model: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """The classes with the highest logits.

    Args:
        model: for inputs in [-1, 1], in eval mode; the work is done on its device.
        images: `(N, 3, H, W)`, as `model_inputs` takes them.
        batch_size: images in memory; halved where it runs out.

    Returns:
        `(N,)`, int64, on the CPU.
    """
    device = next(model.parameters()).device

    def compute(batch: slice) -> Tensor:
        with torch.inference_mode():
            classes: Tensor = model(model_inputs(images[batch].to(device))).argmax(dim=1)
        return classes.cpu()

    return torch.cat([found for _, found in in_batches(len(images), batch_size, compute)])


def model_inputs(images: Tensor) -> Tensor:
    """Images as the networks take them.

    Args:
        images: `(N, 3, H, W)`: uint8, or floating point and in [-1, 1] already, which keeps changes
            of less than a level of grey.

    Returns:
        `(N, 3, H, W)`, floating point, in [-1, 1].
    """
    return images if images.is_floating_point() else to_model_range(images)


def finished(method: Method, maps: Tensor, final_percentile: float | None) -> Tensor:
    """Maps as they are compared: a baseline's with the final threshold.

    Args:
        method: whose maps.
        maps: `(N, C, H, W)`.
        final_percentile: of the threshold; None: there is none.

    Returns:
        `(N, C, H, W)`; the same maps where there is none, or the method is no baseline.
    """
    if final_percentile is None or not method.baseline:
        return maps
    return final_threshold(maps, final_percentile)


def final_threshold(maps: Tensor, percentile: float = FINAL_PERCENTILE) -> Tensor:
    """Zero all of a map that does not exceed a percentile of it, as the paper does to baselines.

    Args:
        maps: `(N, C, H, W)`.
        percentile: of all values of one map, in [0, 100]; the nearest rank, as in listing 1.

    Returns:
        `(N, C, H, W)`.
    """
    threshold = percentile_per_sample(maps.flatten(1), percentile).view(-1, 1, 1, 1)
    return torch.where(maps > threshold, maps, 0)
