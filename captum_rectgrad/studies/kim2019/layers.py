"""Figures 6 and 14: saliency and RectGrad at each layer, down to the input."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.plotting.single_map import plot_map
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import sheet, show_image
from captum_rectgrad.studies.framework.bounds import NO_RISE, judged_by
from captum_rectgrad.studies.framework.by_network import complete_images, stack_networks
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    Verdict,
    judged,
    judged_above,
)
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.convolutions import convolution_activations
from captum_rectgrad.studies.kim2019.layer_attributions import DEFINITIONS, METHODS, LayerMethod
from captum_rectgrad.studies.kim2019.masks import at_size, correct, names_of, one_of_each
from rectgrad_zoo.data.images import to_model_range

Array = NDArray[np.float64]
Values = Mapping[str, Array]  # by layer, `(R, N)`

INPUT = "input"
COLOURS = {
    "Saliency": "#2a6a9e",
    "NoBias RectGrad": "#c43c00",
    "Gradient * Value": "#7fb0d6",
    "RectGrad": "#f0986a",
}
_DRAWN = 3  # images


@dataclass(frozen=True)
class LayersConfig:
    """Size of the study.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = None


def layers(config: LayersConfig, context: StudyContext) -> Result:
    """Measure saliency and RectGrad from the last convolution to the input, on images with masks.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each method and layer the share of absolute attribution outside the object, and that
        share divided by the background's share of the area, which is 1 for a uniform map.
    """
    networks = context.networks("plain")
    data = correct(context, networks, context.masked(), config.per_class)
    by_network = [_shares(context, network, data) for network in networks]
    shares, excess = (
        {name: stack_networks([each[kind][name] for each in by_network]) for name in METHODS}
        for kind in (0, 1)
    )
    model, modules, _ = _with_input(context, networks[0], data)
    return Result(
        rows=_rows(shares, excess, context.seed),
        claims=verdicts(excess, context.seed),
        figure=_figure(context, model, modules, data, excess),
        notes=(
            (
                f"{len(data)} images that {names_of(networks)} classifies correctly; maps are of "
                f"{networks[0].name}. Attributions are of a convolution's output after activation "
                "and pooling, averaged over channels. The input is the first layer. RectGrad is "
                "rectified by all activations after a layer, but not by the layer's own, and has "
                "no final threshold."
            ),
            (
                "The paper does not define the attribution of a layer. By gradient, Saliency is "
                "compared with NoBias RectGrad, the gradient that RectGrad passes on. By value "
                "times gradient, both are multiplied by the layer's output."
            ),
            (
                "A position of a layer belongs to the object if the mask covers at least half of "
                "the pixels under it. A map has no share if it is zero everywhere, or if the "
                "image is only object or only background at that layer."
            ),
        ),
    )


def _with_input(
    context: StudyContext, network: Network, data: MaskedImages
) -> tuple[nn.Module, dict[str, nn.Module], dict[str, Array]]:
    """The model with the input as a layer, its layers, and the background's area at each."""
    example = to_model_range(data.images[:1]).to(context.device)
    # An identity in front of the model, so that the input is also the output of a module.
    front = nn.Identity()
    modules: dict[str, nn.Module] = {INPUT: front}
    areas = {INPUT: background_area(data.masks, (data.masks.shape[1], data.masks.shape[2]))}
    for layer in convolution_activations(network.model, example):
        modules[layer.name] = layer.handed_on
        areas[layer.name] = background_area(data.masks, layer.handed_on_size)
    return nn.Sequential(front, network.model).eval(), modules, areas


def _shares(
    context: StudyContext, network: Network, data: MaskedImages
) -> tuple[dict[str, dict[str, Array]], dict[str, dict[str, Array]]]:
    """By method and layer: share outside the object, and over the background's area, `(N,)`."""
    model, modules, areas = _with_input(context, network, data)
    shares = {
        name: measure(context, model, modules, data, name, method)
        for name, method in METHODS.items()
    }
    excess = {
        name: {layer: share / areas[layer] for layer, share in found.items()}
        for name, found in shares.items()
    }
    return shares, excess


def background_area(masks: Tensor, size: tuple[int, int]) -> Array:
    """The background's share of the positions of a layer.

    Args:
        masks: `(N, H, W)`, bool.
        size: height and width of the layer's feature maps.

    Returns:
        `(N,)`, in (0, 1); NaN if all or none of the positions are background.
    """
    area: Array = (~at_size(masks, size)).double().mean(dim=(1, 2)).numpy()
    return np.where((area > 0) & (area < 1), area, np.nan)


def measure(
    context: StudyContext,
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    data: MaskedImages,
    label: str,
    method: LayerMethod,
) -> dict[str, Array]:
    """The share of absolute attribution outside the object, at each layer.

    Args:
        context: its device and batch size are used.
        model: the explained model.
        modules: modules of the model, by the name of the layer, in the order of their calls.
        data: images with masks; their labels are explained.
        label: label of the progress bar.
        method: the method.

    Returns:
        By layer `(N,)`; NaN for a map that is zero everywhere, and if all or none of the positions
        are background.
    """
    parts: dict[str, list[Tensor]] = {layer: [] for layer in modules}

    def compute(batch: slice) -> list[Tensor]:
        inputs = to_model_range(data.images[batch].to(context.device))
        found = method(model, list(modules.values()), inputs, data.labels[batch].to(context.device))
        return [maps.cpu() for maps in found]

    with Progress(len(data), "image", label) as progress:
        for batch, found in in_batches(len(data), context.batch_size, compute):
            for layer, maps in zip(modules, found, strict=True):
                height, width = maps.shape[2:]
                outside = ~at_size(data.masks[batch], (height, width))
                both = outside.any(dim=(1, 2)) & (~outside).any(dim=(1, 2))
                parts[layer].append(torch.where(both, share_inside(maps, outside), torch.nan))
            progress.update(batch.stop - batch.start)
    return {layer: torch.cat(values).numpy() for layer, values in parts.items()}


def _rows(shares: Mapping[str, Values], excess: Mapping[str, Values], seed: int) -> list[Row]:
    return [
        {
            "method": method,
            "layer": layer,
            "share outside the object": mean(share, seed),
            "share over the background's area": mean(excess[method][layer], seed),
            "images with a share": complete_images(share).shape[-1],
        }
        for method, found in shares.items()
        for layer, share in found.items()
    ]


def verdicts(excess: Mapping[str, Values], seed: int) -> list[Claim]:
    """Judge whether noise accumulates towards the input.

    Args:
        excess: by method and layer, share outside the object divided by the background's share of
            the area; the first layer is the input, the last is nearest to the output.
        seed: seed of the bootstrap.

    Returns:
        For each of `DEFINITIONS` the claims on the rise of the share from the last layer to the
        input: for the plain method, for RectGrad, and for their paired difference; and one on the
        share at the input.
    """
    last = list(excess["Saliency"])[-1]
    rises = {name: found[INPUT] - found[last] for name, found in excess.items()}
    what = f"share over the background's area, input minus {last}"
    found: list[Claim] = []
    for definition, (plain, rectgrad) in DEFINITIONS.items():
        source = f"section 5.2, figures 6 and 14; by {definition}"
        falls = mean(-rises[rectgrad], seed)
        no_rise, no_rise_if = judged_by(NO_RISE, partial(_no_rise, falls))
        more = difference(rises[plain], rises[rectgrad], seed)
        found += [
            Claim(
                "Noise in saliency maps accumulates towards the input",
                source,
                judged(mean(rises[plain], seed)),
                f"{what}, {plain}: {mean(rises[plain], seed)}",
            ),
            Claim(
                "RectGrad does not suffer from noise accumulation",
                source,
                no_rise,
                f"{what}, {rectgrad}: {mean(rises[rectgrad], seed)}; a rise up to {NO_RISE} does "
                f"not count as accumulation ({no_rise_if})",
            ),
            Claim(
                "Noise accumulates in saliency maps more than in RectGrad",
                source,
                judged(more),
                f"{what}, {plain} minus {rectgrad}: {more}",
            ),
        ]
    at_input = mean(excess["Saliency"][INPUT], seed)
    found.append(
        Claim(
            "Saliency maps assign more to the background than its share of the area",
            "section 3.2; the background as the place of noise",
            judged_above(at_input, 1),
            f"share over the background's area, at the input, Saliency: {at_input}; a uniform map "
            "has 1",
        )
    )
    return found


def _no_rise(falls: Estimate, bound: float) -> Verdict:
    return judged_above(falls, -bound)


def _figure(
    context: StudyContext,
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    data: MaskedImages,
    excess: Mapping[str, Values],
) -> Figure:
    """For each image a row of each method; the output is at the right."""
    drawn = one_of_each(data.labels, _DRAWN)
    inputs = to_model_range(data.images[drawn].to(context.device))
    targets = data.labels[drawn].to(context.device)
    made = sheet(len(METHODS) * len(drawn), 1 + len(modules))
    for axes, title in zip(made.pictures[0], ("image", *modules), strict=True):
        axes.set_title(title, fontsize=9)
    for number, (name, method) in enumerate(METHODS.items()):
        maps = method(model, list(modules.values()), inputs, targets)
        for i, index in enumerate(drawn):
            line = made.pictures[len(METHODS) * i + number]
            if number == 0:
                show_image(line[0], data.images[index], data.masks[index])
            else:
                line[0].set_axis_off()
            line[1].set_ylabel(name, fontsize=8)
            for axes, found in zip(line[1:], maps, strict=True):
                plot_map(found[i], axes)
    _draw_shares(made.plots[0], excess, context.seed)
    legends.draw_legend(made.below, f"maps: {legends.MAPS}; {legends.OUTLINE}")
    return made.figure


def _draw_shares(axes: Axes, excess: Mapping[str, Values], seed: int) -> None:
    for name, found in excess.items():
        points = [mean(values, seed) for values in found.values()]
        draw_curve(axes, range(len(points)), points, colour=COLOURS[name], label=name)
        axes.set_xticks(range(len(points)), list(found))
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1)
    axes.set_ylabel("share outside the object\nover the background's area", fontsize=8)
    lines, _ = axes.get_legend_handles_labels()
    dotted = legends.dotted("no preference for object or background")
    axes.legend(handles=[*lines, legends.band(), dotted], fontsize=8, frameon=False)


STUDY = Study(
    name="layers",
    shows="figures 6 and 14",
    asks="whether noise accumulates on the way to the input",
    images=(MASKED,),
    run=layers,
    presets={
        "smoke": LayersConfig(per_class=5),
        "quick": LayersConfig(),
        "full": LayersConfig(),
    },
    minutes={"smoke": 0.0, "quick": None, "full": 0.2},
)
