"""Figure 13: whether a network keeps the features of the object and drops those of the background.

It counts active units of every convolution on both. Appendix C.1: activations next to the border.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.evaluation.intervals import mean, proportion
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.plotting.single_map import plot_map
from captum_rectgrad.plotting.whole_pixels import draw_pixels
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import sheet, show_image
from captum_rectgrad.studies.framework.bounds import (
    SIMILAR_ACTIVITY,
    SIMILAR_RELATIVE,
    judged_by,
)
from captum_rectgrad.studies.framework.by_network import stack_networks
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    Verdict,
    all_of,
    judged_above,
    judged_within,
    level_of_family,
)
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.convolutions import (
    ConvolutionActivation,
    convolution_activations,
    outputs,
)
from captum_rectgrad.studies.kim2019.masks import at_size, correct, names_of, one_of_each
from rectgrad_zoo.data.images import to_model_range

REGIONS = {"object": "#c43c00", "background": "#2a6a9e"}  # with their colours in the figure
RING, RING_AREA = "largest activation in the outermost ring", "the ring's share of the positions"
_DRAWN = 4  # images
_SIDE = 4  # channels along each side of a mosaic
_BRIGHTNESS = PowerNorm(0.5, 0, 1)  # makes small values visible

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureMapsConfig:
    """Size of the study.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = None


def feature_maps(config: FeatureMapsConfig, context: StudyContext) -> Result:
    """Count active units on objects and backgrounds of correctly classified images with masks.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each convolution the share of active units on the object, on the background, and their
        difference; and how often the largest activation is in the outermost ring of positions.
    """
    networks = context.networks("plain")
    data = correct(context, networks, context.masked(), config.per_class)
    example = to_model_range(data.images[:1]).to(context.device)
    models = [network.model for network in networks]
    layers = [convolution_activations(model, example) for model in models]
    found = [measure(context, *pair, data) for pair in zip(models, layers, strict=True)]
    shares = {layer: stack_networks([one[layer] for one in found]) for layer in found[0]}
    return Result(
        rows=[_row(layer, found, context.seed) for layer, found in shares.items()],
        claims=[
            *(verdict_on(shares, context.seed, relative=relative) for relative in (False, True)),
            verdict_on_majority(shares, context.seed),
            verdict_on_ring(shares),
        ],
        figure=_figure(context, networks[0], layers[0], data, shares),
        notes=(
            (
                f"{len(data)} images that {names_of(networks)} classifies correctly. A unit (a "
                "channel at a position) is active if its value is above 0. A position belongs to "
                "the object if the mask covers at least half of the pixels under it."
            ),
            (
                "The claim is that the difference is small, so it is judged against a bound, not "
                "against 0. The relative difference is divided by the mean of the two shares."
            ),
            (
                "The outermost ring is one position wide. Appendix C.1 says that zero padding "
                "occasionally leads to high activations along the border, without a number: here "
                "the largest activation of an image counts as high."
            ),
            (
                f"Maps and channels are of {networks[0].name}. The first {_SIDE * _SIDE} channels "
                "of each layer are plotted, each from 0 (black) to its largest value (white)."
            ),
        ),
    )


def measure(
    context: StudyContext,
    model: nn.Module,
    layers: tuple[ConvolutionActivation, ...],
    data: MaskedImages,
) -> dict[str, dict[str, Array]]:
    """Shares of active units.

    Args:
        context: its device and batch size are used.
        model: in eval mode.
        layers: layers of the model.
        data: images with masks.

    Returns:
        By layer: by region `(N,)`, NaN if an image has no such region; `RING`, 1 if the largest
        activation of all channels is in the outermost ring of positions, else 0 (NaN if all are 0);
        and `RING_AREA`.
    """
    parts: dict[str, dict[str, list[Tensor]]] = {
        layer.name: {name: [] for name in (*REGIONS, RING, RING_AREA)} for layer in layers
    }

    def compute(batch: slice) -> list[Tensor]:
        return _activations(model, layers, data.images[batch].to(context.device))

    for batch, found in in_batches(len(data), context.batch_size, compute):
        for layer, values in zip(layers, found, strict=True):
            mask = at_size(data.masks[batch], layer.size)
            for name, region in (("object", mask), ("background", ~mask)):
                parts[layer.name][name].append(active_share(values, region))
            inside, area = largest_in_ring(values)
            parts[layer.name][RING].append(inside)
            parts[layer.name][RING_AREA].append(torch.full_like(inside, area))
    return {
        layer: {name: torch.cat(values).numpy() for name, values in regions.items()}
        for layer, regions in parts.items()
    }


def active_share(values: Tensor, region: Tensor) -> Tensor:
    """Share of active units in a region.

    Args:
        values: activations, `(N, C, H, W)`.
        region: `(N, H, W)`, bool.

    Returns:
        `(N,)`, float64, in [0, 1]: share of the region's units above 0; NaN if the region is
        empty.
    """
    active = ((values > 0) & region[:, None]).double().sum(dim=(1, 2, 3))
    share: Tensor = active / (region.sum(dim=(1, 2)) * values.shape[1])
    return share


def largest_in_ring(values: Tensor) -> tuple[Tensor, float]:
    """Whether the largest activation of an image is in the outermost ring of positions.

    Args:
        values: activations, `(N, C, H, W)`.

    Returns:
        `(N,)`, float64: 1 if it is, 0 if not, NaN if no activation is above 0; and the ring's share
        of the positions.
    """
    ring = torch.ones(values.shape[2:], dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    largest, highest = values.amax(dim=1).flatten(1).max(dim=1)
    inside = ring.flatten()[highest].double()
    return torch.where(largest > 0, inside, torch.nan), ring.double().mean().item()


def apart(found: Mapping[str, Array], *, relative: bool) -> Array:
    """Difference of the shares of active units, object minus background.

    Args:
        found: shares of active units by region, `(R, N)` or `(N,)`.
        relative: whether to divide by the mean of the two.

    Returns:
        The same shape: in [-1, 1], or, if relative, in [-2, 2] and NaN where no unit is active.
    """
    gap = found["object"] - found["background"]
    if not relative:
        return gap
    both = (found["object"] + found["background"]) / 2
    return np.divide(gap, both, out=np.full_like(gap, np.nan), where=both > 0)


def verdict_on(shares: Mapping[str, Mapping[str, Array]], seed: int, *, relative: bool) -> Claim:
    """Judge whether object and background are similar at every layer.

    Args:
        shares: shares of active units by layer and region.
        seed: seed of the bootstrap.
        relative: see `apart`.

    Returns:
        The claim. It holds if the interval of the mean paired difference is within
        `SIMILAR_ACTIVITY`, or `SIMILAR_RELATIVE`, at each layer.
    """
    bound = SIMILAR_RELATIVE if relative else SIMILAR_ACTIVITY
    gaps = {layer: mean(apart(found, relative=relative), seed) for layer, found in shares.items()}
    numbers = "; ".join(f"{layer} {gap}" for layer, gap in gaps.items())
    verdict, sensitivity = judged_by(
        bound, lambda value: all_of([judged_within(gap, value) for gap in gaps.values()])
    )
    how = ", divided by their mean" if relative else ""
    return Claim(
        "The tendency to retain or drop features is not significantly different for object and "
        f"background, at each convolution{' (in proportion)' if relative else ''}",
        "section 3.2, figure 13",
        verdict,
        f"share of active units, object minus background{how}: {numbers}; differences up to "
        f"{bound} count as similar ({sensitivity})",
    )


def verdict_on_majority(shares: Mapping[str, Mapping[str, Array]], seed: int) -> Claim:
    """Judge whether most units are inactive, on object and background of every layer.

    Args:
        shares: shares of active units by layer and region.
        seed: seed of the bootstrap.

    Returns:
        The claim. It holds if the interval of the mean share of inactive units is above one half
        for each region of each layer.
    """
    idle = {
        f"{layer} {region}": mean(1 - found[region], seed)
        for layer, found in shares.items()
        for region in REGIONS
    }
    least = min(idle, key=lambda name: idle[name].value)
    return Claim(
        "The majority of activations is zero, at each convolution",
        "section 5.1",
        all_of([judged_above(one, 0.5) for one in idle.values()]),
        f"share of inactive units, lowest at {least}: {idle[least]}; above 0.5 is a majority",
    )


def verdict_on_ring(shares: Mapping[str, Mapping[str, Array]]) -> Claim:
    """Judge whether the largest activation is often next to the border, at any convolution.

    Args:
        shares: by layer, `RING` and `RING_AREA`; see `measure`.

    Returns:
        The claim. It holds if the interval of the share of the images is above the ring's area at
        any layer, with Holm's correction for the layers; it does not hold if it is below at all.
    """
    level = level_of_family(len(shares))
    areas = {layer: float(found[RING_AREA].flat[0]) for layer, found in shares.items()}
    found = {layer: proportion(values[RING]) for layer, values in shares.items()}
    corrected = [
        judged_above(proportion(values[RING], level), areas[layer])
        for layer, values in shares.items()
    ]
    verdict: Verdict = "undecided"
    if "holds" in corrected:
        verdict = "holds"
    elif all(judged_above(each, areas[layer]) == "does not hold" for layer, each in found.items()):
        verdict = "does not hold"
    numbers = "; ".join(f"{layer} {each}, {areas[layer]:.3g}" for layer, each in found.items())
    return Claim(
        "The largest activation is next to the border more often than its area",
        "appendix C.1",
        verdict,
        "share of the images whose largest activation is in the outermost ring, and the ring's "
        f"share of the positions: {numbers}; judged with Holm's correction for {len(shares)} "
        "convolutions",
    )


def _row(layer: str, found: Mapping[str, Array], seed: int) -> Row:
    row: Row = {"layer": layer}
    row |= {f"active on the {name}": mean(found[name], seed) for name in REGIONS}
    for title, relative in (("difference", False), ("difference, relative", True)):
        row[title] = mean(apart(found, relative=relative), seed)
    row[RING] = proportion(found[RING])
    row[RING_AREA] = float(found[RING_AREA].flat[0])
    return row


def _activations(
    model: nn.Module, layers: tuple[ConvolutionActivation, ...], images: Tensor
) -> list[Tensor]:
    with outputs([layer.module for layer in layers]) as found, torch.inference_mode():
        model(to_model_range(images))
    return [values.cpu() for values in found]


def mosaic(values: Tensor) -> Tensor:
    """The first channels in a grid, each scaled to its largest value.

    Args:
        values: activations of one image, `(C, H, W)`.

    Returns:
        `(height, width)`, in [0, 1], with NaN between channels and for missing channels.
    """
    _, height, width = values.shape
    found = torch.full((_SIDE * (height + 1) - 1, _SIDE * (width + 1) - 1), torch.nan)
    for number, channel in enumerate(values[: _SIDE * _SIDE]):
        top, left = number // _SIDE * (height + 1), number % _SIDE * (width + 1)
        largest = channel.max().clamp(min=torch.finfo(channel.dtype).tiny)
        found[top : top + height, left : left + width] = channel.clamp(min=0) / largest
    return found


def _figure(
    context: StudyContext,
    network: Network,
    layers: tuple[ConvolutionActivation, ...],
    data: MaskedImages,
    shares: Mapping[str, Mapping[str, Array]],
) -> Figure:
    """Image, saliency map and channels, as in figure 13; shares of active units below."""
    drawn = one_of_each(data.labels, _DRAWN)
    images, labels = data.images[drawn], data.labels[drawn]
    (saliency,) = choose_methods(["saliency"])
    maps = torch.cat([batch.maps for batch in context.maps(saliency, network, images, labels)])
    activations = _activations(network.model, layers, images.to(context.device))
    made = sheet(len(drawn), 2 + len(layers))
    titles = ["image", "Saliency", *(layer.name for layer in layers)]
    for axes, title in zip(made.pictures[0], titles, strict=True):
        axes.set_title(title, fontsize=9)
    for i, line in enumerate(made.pictures):
        show_image(line[0], images[i], data.masks[drawn[i]])
        plot_map(maps[i], line[1])
        for axes, values in zip(line[2:], activations, strict=True):
            draw_pixels(axes, mosaic(values[i]).numpy(), cmap="gray", norm=_BRIGHTNESS)
    (axes,) = made.plots
    for offset, (name, colour) in zip((-0.06, 0.06), REGIONS.items(), strict=True):
        points = [mean(found[name], context.seed) for found in shares.values()]
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
    legends.draw_legend(
        made.below,
        f"map: {legends.MAPS}; {legends.OUTLINE}",
        f"grey: the first {_SIDE * _SIDE} channels, each from 0 (black) to its largest value",
    )
    return made.figure


STUDY = Study(
    name="feature-maps",
    shows="figure 13",
    asks="whether the network drops features of the background",
    images=(MASKED,),
    run=feature_maps,
    presets={
        "smoke": FeatureMapsConfig(per_class=5),
        "quick": FeatureMapsConfig(),
        "full": FeatureMapsConfig(),
    },
    minutes={"smoke": 0.0, "quick": None, "full": 0.1},
)
