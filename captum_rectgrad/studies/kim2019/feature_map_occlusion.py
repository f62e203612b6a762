"""Figure 3: the decision as object or background features are set to zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.result import Claim, Result, Row, all_of, judged
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.convolutions import convolution_activations
from captum_rectgrad.studies.kim2019.masks import at_size, correct
from rectgrad_zoo.data.images import to_model_range

REGIONS = {"object": "#c43c00", "background": "#2a6a9e"}  # with their colours in the figure
BY_FRACTION, BY_NUMBER = "by fraction of the region", "by number of positions"
_WIDTH, _HEIGHT = 2.6, 2.4  # inches, of a panel

Array = NDArray[np.float64]
# Margins at one layer, by view and region: `(N, steps + 1)`.
Curves = Mapping[str, Mapping[str, Array]]


@dataclass(frozen=True)
class FeatureMapOcclusionConfig:
    """Size of the study.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
        steps: number of steps of the occlusion of a region.
        orders: number of random orders in which a region is occluded.
    """

    per_class: int | None = 10
    steps: int = 100
    orders: int = 50


def feature_map_occlusion(config: FeatureMapOcclusionConfig, context: StudyContext) -> Result:
    """Occlude the activations of each convolution, on correctly classified images with masks.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each convolution and region the margin (the class's logit minus the largest other
        logit) with none, half and all of the region occluded, and its mean loss over all steps.
    """
    network = context.network("plain")
    data = correct(context, [network], context.masked(), config.per_class)
    inputs = to_model_range(data.images).to(context.device)
    layers = convolution_activations(network.model, inputs[:1])
    curves: dict[str, Curves] = {}
    rounds = len(layers) * len(data)
    with Progress(rounds, "image", network.name) as progress:
        for number, layer in enumerate(layers):
            found = []
            for i, mask in enumerate(at_size(data.masks, layer.size)):
                regions = {"object": mask, "background": ~mask}
                generator = np.random.default_rng([context.seed, number, i])
                ranks = {
                    name: random_ranks(region, config.orders, generator)
                    for name, region in regions.items()
                }
                image, label = inputs[i : i + 1], int(data.labels[i])
                found.append(
                    occlusion_curves(
                        network.model,
                        layer.module,
                        image,
                        label,
                        ranks,
                        config.steps,
                        context.batch_size,
                    )
                )
                progress.update()
            curves[layer.name] = _stacked(found)
    return Result(
        rows=[row for name, found in curves.items() for row in _rows(name, found, context.seed)],
        claims=[verdict_on(curves, view, context.seed) for view in (BY_FRACTION, BY_NUMBER)],
        figure=_figure(curves, context.seed),
        notes=_notes(config, len(data)),
    )


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


def random_ranks(region: Tensor, orders: int, generator: np.random.Generator) -> Tensor:
    """Random orders of the positions of a region.

    Args:
        region: `(H, W)`, bool.
        orders: number of orders.
        generator: random number generator.

    Returns:
        `(orders, H, W)`, int64: the step at which a position is occluded, from 0; positions
        outside the region come last.
    """
    size = int(region.sum())
    ranks = torch.full((orders, *region.shape), region.numel())
    drawn = generator.permuted(np.tile(np.arange(size), (orders, 1)), axis=1)
    ranks[:, region] = torch.from_numpy(drawn)
    return ranks


def occluded_margins(
    model: nn.Module, layer: nn.Module, image: Tensor, label: int, hidden: Tensor
) -> Tensor:
    """The margin of one image with positions of a layer's output set to zero in all channels.

    The network runs once up to the layer with a batch of one, and from there with one sample per
    occlusion. Branches that bypass the layer keep a batch of one, which a sum with a skip
    connection broadcasts.

    Args:
        model: in eval mode.
        layer: a module of the model that returns `(1, C, H, W)`.
        image: `(1, C, H, W)`, as the model takes it.
        label: the class.
        hidden: `(K, H, W)`, bool, on the same device: True for an occluded position.

    Returns:
        `(K,)`.
    """
    kept = ~hidden[:, None]
    handle = layer.register_forward_hook(lambda _, __, output: output * kept)
    try:
        with torch.inference_mode():
            return margin(model(image), label)
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
) -> dict[str, dict[str, Array]]:
    """The margins of one image as regions of a layer's output are occluded.

    Args:
        model: see `occluded_margins`.
        layer: see `occluded_margins`.
        image: see `occluded_margins`.
        label: see `occluded_margins`.
        ranks: `random_ranks` by the region's name.
        steps: number of steps of the occlusion.
        batch_size: batch size of occlusions.

    Returns:
        By view and region `(steps + 1,)`, mean over the orders. By fraction: after 0, 1, ... steps
        of the region's positions. By number: after 0, 1, ... steps of the smallest region's number
        of positions, interpolated between a region's own steps. NaN if a region is empty.
    """
    sizes = {name: int((found[0] < found[0].numel()).sum()) for name, found in ranks.items()}
    if not all(sizes.values()):
        nothing = np.full(steps + 1, np.nan)
        return {view: dict.fromkeys(ranks, nothing) for view in (BY_FRACTION, BY_NUMBER)}
    fractions = np.linspace(0, 1, steps + 1)
    by_fraction, by_number = {}, {}
    for name, orders in ranks.items():
        # If a region has fewer positions than steps, some steps are equal.
        counts, place = np.unique(np.rint(fractions * sizes[name]), return_inverse=True)
        limits = torch.from_numpy(counts)[:, None, None]

        def compute(batch: slice, orders: Tensor = orders, limits: Tensor = limits) -> Tensor:
            pairs = torch.arange(batch.start, batch.stop)
            order = pairs.div(len(limits), rounding_mode="floor")
            hidden = orders[order] < limits[pairs % len(limits)]
            return occluded_margins(model, layer, image, label, hidden.to(image.device)).cpu()

        parts = in_batches(len(orders) * len(counts), batch_size, compute)
        margins = torch.cat([part for _, part in parts]).double()
        curve = margins.view(len(orders), len(counts)).mean(dim=0).numpy()
        by_fraction[name] = curve[place]
        by_number[name] = np.interp(fractions * min(sizes.values()), counts, curve)
    return {BY_FRACTION: by_fraction, BY_NUMBER: by_number}


def _stacked(found: Sequence[Curves]) -> Curves:
    return {
        view: {name: np.stack([one[view][name] for one in found]) for name in REGIONS}
        for view in (BY_FRACTION, BY_NUMBER)
    }


def loss(curve: Array) -> Array:
    """Margin lost to occlusion: without it minus with it, mean over the steps.

    Args:
        curve: `(N, steps + 1)`; the first entry is without occlusion.

    Returns:
        `(N,)`.
    """
    result: Array = curve[:, 0] - curve[:, 1:].mean(axis=1)
    return result


def _rows(layer: str, curves: Curves, seed: int) -> list[Row]:
    found: list[Row] = []
    for name in REGIONS:
        curve = curves[BY_FRACTION][name]
        row: Row = {
            "layer": layer,
            "occluded": name,
            "margin, nothing occluded": mean(curve[:, 0], seed),
            "margin, half occluded": mean(curve[:, curve.shape[1] // 2], seed),
            "margin, all occluded": mean(curve[:, -1], seed),
        }
        row |= {f"loss {view}": mean(loss(curves[view][name]), seed) for view in curves}
        found.append(row)
    return found


def verdict_on(curves: Mapping[str, Curves], view: str, seed: int) -> Claim:
    """Judge whether object features matter more at every layer.

    Args:
        curves: curves by layer.
        view: `BY_FRACTION` or `BY_NUMBER`.
        seed: seed of the bootstrap.

    Returns:
        The claim. It holds if the interval of the mean paired difference of the losses is above 0
        at each layer.
    """
    gaps = {
        layer: difference(loss(found[view]["object"]), loss(found[view]["background"]), seed)
        for layer, found in curves.items()
    }
    numbers = "; ".join(f"{layer} {gap}" for layer, gap in gaps.items())
    return Claim(
        "Occluding object features has a larger impact on the decision than occluding background "
        f"features, at each convolution ({view})",
        "section 3.2, figure 3",
        all_of([judged(gap) for gap in gaps.values()]),
        f"loss of margin, object minus background features: {numbers}",
    )


def _notes(config: FeatureMapOcclusionConfig, count: int) -> tuple[str, ...]:
    return (
        (
            f"{count} correctly classified images; each region in {config.orders} random orders, "
            f"in {config.steps} steps. A position of a feature map is occluded in all channels."
        ),
        (
            "A position belongs to the object if the mask covers at least half of the pixels under "
            "it. An image without object or background at a layer is left out at that layer."
        ),
        (
            "By fraction, as in figure 3, the larger region loses more positions in each step. By "
            "number, both lose the same number of positions: steps are those of the smaller "
            "region, and the other region's margin is interpolated."
        ),
    )


def _figure(curves: Mapping[str, Curves], seed: int) -> Figure:
    """Views in lines, convolutions in columns; bands are 95 % intervals."""
    views = {
        BY_FRACTION: "occluded share of the region",
        BY_NUMBER: "occluded positions / positions of the smaller region",
    }
    size = (_WIDTH * len(curves), _HEIGHT * len(views))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(views), len(curves), squeeze=False, sharey=True)
    for line, (view, label) in zip(grid, views.items(), strict=True):
        for axes, (layer, found) in zip(line, curves.items(), strict=True):
            _draw(axes, found[view], seed)
            axes.set_title(f"{layer}, {view}" if len(curves) == 1 else layer, fontsize=9)
            axes.set_xlabel(label, fontsize=7.5)
        line[0].set_ylabel("margin of the class's logit", fontsize=8)
    lines, _ = grid[0][0].get_legend_handles_labels()
    figure.legend(
        handles=[*lines, legends.band(), legends.dotted("below: another class is ahead")],
        loc="outside lower center",
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    return figure


def _draw(axes: Axes, curves: Mapping[str, Array], seed: int) -> None:
    for name, colour in REGIONS.items():
        points = [mean(values, seed) for values in curves[name].T]
        shares = np.linspace(0, 1, len(points)).tolist()
        draw_curve(axes, shares, points, colour=colour, label=f"{name} occluded", marker=None)
    axes.axhline(0, color="0.5", linestyle=":", linewidth=1)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


STUDY = Study(
    name="feature-map-occlusion",
    shows="figure 3",
    asks="whether the decision rests on the object's features more than on the background's",
    images=(MASKED,),
    run=feature_map_occlusion,
    presets={
        "smoke": FeatureMapOcclusionConfig(per_class=1, steps=10, orders=2),
        "quick": FeatureMapOcclusionConfig(steps=20, orders=10),
        "full": FeatureMapOcclusionConfig(),
    },
    minutes={"smoke": 0.0, "quick": 4.7, "full": None},
    one_network=True,
)
