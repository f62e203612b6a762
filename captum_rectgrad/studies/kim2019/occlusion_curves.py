"""Margins of a class as units of a feature map are set to zero in random orders (for figure 3)."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.studies.compute.batches import in_batches

Unit: TypeAlias = Literal["single units", "positions"]
UNITS: tuple[Unit, ...] = get_args(Unit)
BY_FRACTION, BY_NUMBER = "by fraction of the region", "by number"

Array = NDArray[np.float64]
# Margins, by view and region: `(steps + 1,)` of one image, `(N, steps + 1)` of all.
Curves = Mapping[str, Mapping[str, Array]]


def units_of(unit: Unit, region: Tensor, channels: int) -> Tensor:
    """The units of a region that are occluded one after another.

    Args:
        unit: "single units" for a channel at a position, "positions" for all channels there.
        region: `(H, W)`, bool.
        channels: number of channels of the feature map.

    Returns:
        `(channels, H, W)` for single units, `(1, H, W)` for positions, bool.
    """
    return region.expand(channels if unit == "single units" else 1, -1, -1)


def random_ranks(region: Tensor, orders: int, generator: np.random.Generator) -> Tensor:
    """Random orders of the units of a region.

    Args:
        region: any shape, bool; see `units_of`.
        orders: number of orders.
        generator: random number generator.

    Returns:
        `(orders, *region.shape)`, int32: the step at which a unit is occluded, from 0; units
        outside the region come last.
    """
    size = int(region.sum())
    ranks = torch.full((orders, *region.shape), region.numel(), dtype=torch.int32)
    drawn = generator.permuted(np.tile(np.arange(size, dtype=np.int32), (orders, 1)), axis=1)
    ranks[:, region] = torch.from_numpy(drawn)
    return ranks


def margin(logits: Tensor, label: int) -> Tensor:
    """Margin of a class.

    Args:
        logits: `(K, classes)`.
        label: index of the class.

    Returns:
        `(K,)`: its logit minus the largest other logit.
    """
    others = logits.clone()
    others[:, label] = -torch.inf
    return logits[:, label] - others.amax(dim=1)


def occluded_logits(model: nn.Module, layer: nn.Module, image: Tensor, hidden: Tensor) -> Tensor:
    """The logits of one image with units of a layer's output set to zero.

    The network runs once up to the layer with a batch of one, and from there with one sample per
    occlusion. Branches that bypass the layer keep a batch of one, which a sum with a skip
    connection broadcasts.

    Args:
        model: in eval mode.
        layer: a module of the model that returns `(1, C, H, W)`.
        image: `(1, 3, H, W)`, as the model takes it.
        hidden: `(K, C, H, W)`, or `(K, 1, H, W)` for all channels, bool, on the same device: True
            for an occluded unit.

    Returns:
        `(K, classes)`.
    """
    kept = ~hidden
    handle = layer.register_forward_hook(lambda _, __, output: output * kept)
    try:
        with torch.inference_mode():
            logits: Tensor = model(image)
            return logits
    finally:
        handle.remove()


def occlusion_curves(
    model: nn.Module,
    layer: nn.Module,
    image: Tensor,
    label: int,
    ranks: Mapping[str, Tensor],
    steps: int,
    batch_size: int,
) -> Curves:
    """The margins of one image as regions of a layer's output are occluded.

    The margin is that of the mean of the logits over the orders, as in the authors' code.

    Args:
        model: see `occluded_logits`.
        layer: see `occluded_logits`.
        image: see `occluded_logits`.
        label: the class.
        ranks: `random_ranks` of `units_of` by the region's name.
        steps: number of steps of the occlusion.
        batch_size: batch size of occlusions.

    Returns:
        By view and region `(steps + 1,)`. By fraction: after 0, 1, ... steps of the region's units.
        By number: after 0, 1, ... steps of the smallest region's number of units, interpolated
        between a region's own steps. NaN if a region is empty.
    """
    sizes = {name: int((found[0] < found[0].numel()).sum()) for name, found in ranks.items()}
    if not all(sizes.values()):
        nothing = np.full(steps + 1, np.nan)
        return {view: dict.fromkeys(ranks, nothing) for view in (BY_FRACTION, BY_NUMBER)}
    fractions = np.linspace(0, 1, steps + 1)
    by_fraction, by_number = {}, {}
    for name, orders in ranks.items():
        # If a region has fewer units than steps, some steps are equal.
        counts, place = np.unique(np.rint(fractions * sizes[name]), return_inverse=True)
        limits = torch.from_numpy(counts).int()[:, None, None, None]

        def compute(batch: slice, orders: Tensor = orders, limits: Tensor = limits) -> Tensor:
            pairs = torch.arange(batch.start, batch.stop)
            order = pairs.div(len(limits), rounding_mode="floor")
            hidden = orders[order] < limits[pairs % len(limits)]
            return occluded_logits(model, layer, image, hidden.to(image.device)).cpu()

        parts = in_batches(len(orders) * len(counts), batch_size, compute)
        logits = torch.cat([part for _, part in parts]).double()
        mean_logits = logits.view(len(orders), len(counts), -1).mean(dim=0)
        curve = margin(mean_logits, label).numpy()
        by_fraction[name] = curve[place]
        by_number[name] = np.interp(fractions * min(sizes.values()), counts, curve)
    return {BY_FRACTION: by_fraction, BY_NUMBER: by_number}


def loss(curve: Array) -> Array:
    """Margin lost to occlusion: without it minus with it, mean over the steps.

    Args:
        curve: `(..., N, steps + 1)`; the first entry is without occlusion.

    Returns:
        `(..., N)`.
    """
    result: Array = curve[..., 0] - curve[..., 1:].mean(axis=-1)
    return result
