"""Figure 13: whether a network keeps the features of the object and drops the others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.plotting.maps import plot_map
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.data.material import MaskedImages, Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import sheet, show_image
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.result import Claim, Result, Row, all_of, judged_within
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.convolutions import (
    ConvolutionActivation,
    convolution_activations,
    outputs,
)
from captum_rectgrad.studies.kim2019.masks import at_size, correct, one_of_each
from rectgrad_zoo.data.images import to_model_range

# What "not significantly different" is taken to mean: of all units of a layer, and in proportion
# to those that are active (where equivalence is tested, a fifth either way is usual).
NOT_DIFFERENT, NOT_DIFFERENT_RELATIVE = 0.05, 0.2
REGIONS = {"object": "#c43c00", "background": "#2a6a9e"}  # with their colours in the figure
_DRAWN = 4  # images
_SIDE = 4  # channels of a mosaic, each way
_BRIGHTNESS = PowerNorm(0.5, 0, 1)  # so that small values show

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureMapsConfig:
    """How much is measured.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = None


def feature_maps(config: FeatureMapsConfig, lab: Lab) -> Result:
    """Count active units on objects and backgrounds of correctly classified images with masks.

    Args:
        config: see there.
        lab: material and machine; its methods are not used.

    Returns:
        For each convolution the share of the units that are active on the object, on the
        background, and their difference.
    """
    network = lab.network("plain")
    data = correct(lab, network, lab.masked(), config.per_class)
    example = to_model_range(data.images[:1]).to(lab.device)
    layers = convolution_activations(network.model, example)
    shares = measure(lab, network.model, layers, data)
    return Result(
        rows=[_row(layer, found, lab.seed) for layer, found in shares.items()],
        claims=[verdict_on(shares, lab.seed, relative=relative) for relative in (False, True)],
        figure=_figure(lab, network, layers, data, shares),
        notes=(
            (
                f"{len(data)} correctly classified images. A unit (a channel at a position) is "
                "active where its value is above 0; its position is the object's where the mask "
                "covers at least half of the pixels under it."
            ),
            (
                "A difference whose interval leaves out 0 is real; the claim is that it is "
                "small, so it is held against a bound. The relative difference is that in "
                "proportion to the mean of the two shares."
            ),
            (
                f"The first {_SIDE * _SIDE} channels of each layer are drawn, each from 0 (black) "
                "to its own largest value (white)."
            ),
        ),
    )


def measure(
    lab: Lab, model: nn.Module, layers: tuple[ConvolutionActivation, ...], data: MaskedImages
) -> dict[str, dict[str, Array]]:
    """Shares of active units.

    Args:
        lab: the machine.
        model: in eval mode.
        layers: of it.
        data: images with masks.

    Returns:
        By layer and region `(N,)`; NaN for an image that has no such region at a layer.
    """
    parts: dict[str, dict[str, list[Tensor]]] = {
        layer.name: {name: [] for name in REGIONS} for layer in layers
    }

    def compute(batch: slice) -> list[Tensor]:
        return _activations(model, layers, data.images[batch].to(lab.device))

    for batch, found in in_batches(len(data), lab.batch_size, compute):
        for layer, values in zip(layers, found, strict=True):
            mask = at_size(data.masks[batch], layer.size)
            for name, region in (("object", mask), ("background", ~mask)):
                parts[layer.name][name].append(active_share(values, region))
    return {
        layer: {name: torch.cat(values).numpy() for name, values in regions.items()}
        for layer, regions in parts.items()
    }


def active_share(values: Tensor, region: Tensor) -> Tensor:
    """How many units of a region are active.

    Args:
        values: activations, `(N, C, H, W)`.
        region: `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, in [0, 1]: the share of the region's units that are above 0; NaN where the
        region is empty.
    """
    active = ((values > 0) & region[:, None]).double().sum(dim=(1, 2, 3))
    share: Tensor = active / (region.sum(dim=(1, 2)) * values.shape[1])
    return share


def apart(found: Mapping[str, Array], *, relative: bool) -> Array:
    """By how much more is active on the object than on the background.

    Args:
        found: by region, shares of active units, `(N,)`.
        relative: whether in proportion to the mean of the two.

    Returns:
        `(N,)`: in [-1, 1], or in [-2, 2] and NaN where nothing is active.
    """
    gap = found["object"] - found["background"]
    if not relative:
        return gap
    both = (found["object"] + found["background"]) / 2
    return np.divide(gap, both, out=np.full_like(gap, np.nan), where=both > 0)


def verdict_on(shares: Mapping[str, Mapping[str, Array]], seed: int, *, relative: bool) -> Claim:
    """Judge that object and background do not differ, at every layer.

    Args:
        shares: by layer and region.
        seed: of the bootstrap.
        relative: see `apart`.

    Returns:
        The claim: it holds if the interval of the mean paired difference is within
        `NOT_DIFFERENT`, or `NOT_DIFFERENT_RELATIVE`, either way at each layer.
    """
    bound = NOT_DIFFERENT_RELATIVE if relative else NOT_DIFFERENT
    gaps = {layer: mean(apart(found, relative=relative), seed) for layer, found in shares.items()}
    numbers = "; ".join(f"{layer} {gap}" for layer, gap in gaps.items())
    how = " in proportion to their mean" if relative else ""
    return Claim(
        "The tendency to retain or drop features is not significantly different for object and "
        f"background, at each convolution{' (in proportion)' if relative else ''}",
        "section 3.2, figure 13",
        all_of([judged_within(gap, bound) for gap in gaps.values()]),
        f"share of active units on the object less that on the background{how}: {numbers}; held "
        f"against {bound:g} either way",
    )


def _row(layer: str, found: Mapping[str, Array], seed: int) -> Row:
    row: Row = {"layer": layer}
    row |= {f"active on the {name}": mean(values, seed) for name, values in found.items()}
    for title, relative in (("difference", False), ("difference, relative", True)):
        row[title] = mean(apart(found, relative=relative), seed)
    return row


def _activations(
    model: nn.Module, layers: tuple[ConvolutionActivation, ...], images: Tensor
) -> list[Tensor]:
    with outputs([layer.module for layer in layers]) as found, torch.inference_mode():
        model(to_model_range(images))
    return [values.cpu() for values in found]


def mosaic(values: Tensor) -> Tensor:
    """The first channels side by side, each scaled to its own largest value.

    Args:
        values: activations of one image, `(C, H, W)`.

    Returns:
        `(height, width)`, in [0, 1], with NaN between the channels and where there are none.
    """
    _, height, width = values.shape
    found = torch.full((_SIDE * (height + 1) - 1, _SIDE * (width + 1) - 1), torch.nan)
    for number, channel in enumerate(values[: _SIDE * _SIDE]):
        top, left = number // _SIDE * (height + 1), number % _SIDE * (width + 1)
        largest = channel.max().clamp(min=torch.finfo(channel.dtype).tiny)
        found[top : top + height, left : left + width] = channel.clamp(min=0) / largest
    return found


def _figure(
    lab: Lab,
    network: Network,
    layers: tuple[ConvolutionActivation, ...],
    data: MaskedImages,
    shares: Mapping[str, Mapping[str, Array]],
) -> Figure:
    """Image, saliency map and channels, as in figure 13; below, the shares of active units."""
    drawn = one_of_each(data.labels, _DRAWN)
    images, labels = data.images[drawn], data.labels[drawn]
    (saliency,) = choose_methods(["saliency"])
    plain = replace(lab, final_percentile=None)
    maps = torch.cat([batch.maps for batch in plain.maps(saliency, network, images, labels)])
    activations = _activations(network.model, layers, images.to(lab.device))
    made = sheet(len(drawn), 2 + len(layers))
    titles = ["image", "Saliency", *(layer.name for layer in layers)]
    for axes, title in zip(made.pictures[0], titles, strict=True):
        axes.set_title(title, fontsize=9)
    for i, line in enumerate(made.pictures):
        show_image(line[0], images[i], data.masks[drawn[i]])
        plot_map(maps[i], line[1])
        for axes, values in zip(line[2:], activations, strict=True):
            axes.imshow(mosaic(values[i]).numpy(), cmap="gray", norm=_BRIGHTNESS)
    (axes,) = made.plots
    for offset, (name, colour) in zip((-0.06, 0.06), REGIONS.items(), strict=True):
        points = [mean(found[name], lab.seed) for found in shares.values()]
        axes.errorbar(
            np.arange(len(points)) + offset,
            [point.value for point in points],
            [
                [point.value - point.low for point in points],
                [point.high - point.value for point in points],
            ],
            fmt="o",
            markersize=4,
            color=colour,
            capsize=3,
            label=name,
        )
    axes.set_xticks(range(len(shares)), list(shares))
    axes.set_ylabel("share of active units", fontsize=8)
    axes.set_ylim(bottom=0)
    axes.legend(title="bars: 95 % intervals", fontsize=8, title_fontsize=8, frameon=False)
    legends.explain(
        made.figure,
        f"map: {legends.MAPS}; {legends.OUTLINE}",
        f"grey: the first {_SIDE * _SIDE} channels, each from 0 (black) to its largest value",
    )
    return made.figure


STUDY = Study(
    name="feature-maps",
    shows="figure 13",
    asks="whether the network drops features of the background",
    needs="images with masks; the plain network",
    run=feature_maps,
    presets={
        "smoke": FeatureMapsConfig(per_class=5),
        "quick": FeatureMapsConfig(),
        "full": FeatureMapsConfig(),
    },
    minutes={"smoke": 0.0, "quick": None, "full": 0.1},
)
