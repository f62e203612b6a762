"""Figure 3: the decision as object or background features are set to zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.framework.by_network import stack_networks
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.result import Claim, Result, Row, all_of, judged
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.convolutions import convolution_activations
from captum_rectgrad.studies.kim2019.masks import at_size, correct, names_of
from captum_rectgrad.studies.kim2019.occlusion_curves import (
    BY_FRACTION,
    BY_NUMBER,
    UNITS,
    Array,
    Curves,
    Unit,
    loss,
    occlusion_curves,
    random_ranks,
    units_of,
)
from rectgrad_zoo.data.images import to_model_range

REGIONS = {"object": "#c43c00", "background": "#2a6a9e"}  # with their colours in the figure
_WIDTH, _HEIGHT = 2.6, 2.2  # inches, of a panel


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
        For each convolution, kind of unit and region the margin (the class's logit minus the
        largest other logit) with none, half and all of the region occluded, and its mean loss over
        all steps.
    """
    networks = context.networks("plain")
    data = correct(context, networks, context.masked(), config.per_class)
    by_network = [_measure(config, context, network, data) for network in networks]
    curves = {
        layer: {unit: _stacked([one[layer][unit] for one in by_network]) for unit in UNITS}
        for layer in by_network[0]
    }
    return Result(
        rows=[
            row
            for name, kinds in curves.items()
            for unit, one in kinds.items()
            for row in _rows(name, unit, one, context.seed)
        ],
        claims=[
            verdict_on(
                {name: kinds[unit] for name, kinds in curves.items()}, unit, view, context.seed
            )
            for unit in UNITS
            for view in (BY_FRACTION, BY_NUMBER)
        ],
        figure=_figure(curves, context.seed),
        notes=_notes(config, len(data), names_of(networks)),
    )


def _measure(
    config: FeatureMapOcclusionConfig,
    context: StudyContext,
    network: Network,
    data: MaskedImages,
) -> dict[str, dict[Unit, Curves]]:
    """The curves of a network by layer and unit, `(N, steps + 1)`."""
    inputs = to_model_range(data.images).to(context.device)
    layers = convolution_activations(network.model, inputs[:1])
    curves: dict[str, dict[Unit, Curves]] = {}
    rounds = len(layers) * len(data)
    with Progress(rounds, "image", network.name) as progress:
        for number, layer in enumerate(layers):
            found: dict[Unit, list[Curves]] = {unit: [] for unit in UNITS}
            for i, mask in enumerate(at_size(data.masks, layer.size)):
                for unit in UNITS:
                    seed = [context.seed, number, i, UNITS.index(unit)]
                    ranks = _ranks(unit, mask, layer.channels, config.orders, seed)
                    found[unit].append(
                        occlusion_curves(
                            network.model,
                            layer.module,
                            inputs[i : i + 1],
                            int(data.labels[i]),
                            ranks,
                            config.steps,
                            context.batch_size,
                        )
                    )
                progress.update()
            curves[layer.name] = {unit: _stacked(one) for unit, one in found.items()}
    return curves


def _ranks(
    unit: Unit, mask: Tensor, channels: int, orders: int, seed: Sequence[int]
) -> dict[str, Tensor]:
    """Random orders of the units of each region."""
    generator = np.random.default_rng(seed)
    regions = {"object": mask, "background": ~mask}
    return {
        name: random_ranks(units_of(unit, region, channels), orders, generator)
        for name, region in regions.items()
    }


def _stacked(found: Sequence[Curves]) -> Curves:
    return {view: stack_networks([one[view] for one in found]) for view in (BY_FRACTION, BY_NUMBER)}


def _rows(layer: str, unit: Unit, curves: Curves, seed: int) -> list[Row]:
    found: list[Row] = []
    for name in REGIONS:
        curve = curves[BY_FRACTION][name]
        row: Row = {
            "layer": layer,
            "unit": unit,
            "occluded": name,
            "margin, nothing occluded": mean(curve[..., 0], seed),
            "margin, half occluded": mean(curve[..., curve.shape[-1] // 2], seed),
            "margin, all occluded": mean(curve[..., -1], seed),
        }
        row |= {f"loss {view}": mean(loss(curves[view][name]), seed) for view in curves}
        found.append(row)
    return found


def verdict_on(curves: Mapping[str, Curves], unit: Unit, view: str, seed: int) -> Claim:
    """Judge whether object features matter more at every layer.

    Args:
        curves: curves by layer.
        unit: kind of the occluded units, for the text.
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
        f"features, at each convolution ({unit}, {view})",
        "section 3.2, figure 3",
        all_of([judged(gap) for gap in gaps.values()]),
        f"loss of margin, object minus background features: {numbers}",
    )


def _notes(config: FeatureMapOcclusionConfig, count: int, names: str) -> tuple[str, ...]:
    return (
        (
            f"{count} images that {names} classifies correctly; each region in {config.orders} "
            f"random orders, in {config.steps} steps. The margin is that of the mean of the logits "
            "over the orders, as in the authors' code."
        ),
        (
            "A single unit is one channel at one position, as in the authors' code (the primary "
            "definition, by fraction). A position is occluded in all channels."
        ),
        (
            "A position belongs to the object if the mask covers at least half of the pixels under "
            "it. An image without object or background at a layer is left out at that layer."
        ),
        (
            "By fraction, as in figure 3, the larger region loses more units in each step. By "
            "number, both lose the same number of units: steps are those of the smaller region, "
            "and the other region's margin is interpolated."
        ),
    )


def _figure(curves: Mapping[str, Mapping[Unit, Curves]], seed: int) -> Figure:
    """Units and views in lines, convolutions in columns; bands are 95 % intervals."""
    views = {
        BY_FRACTION: "occluded share of the region",
        BY_NUMBER: "occluded / number in the smaller region",
    }
    lines = [(unit, view) for view in views for unit in UNITS]
    size = (_WIDTH * len(curves), _HEIGHT * len(lines))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(lines), len(curves), squeeze=False, sharey=True)
    for line, (unit, view) in zip(grid, lines, strict=True):
        for axes, (layer, found) in zip(line, curves.items(), strict=True):
            _draw(axes, found[unit][view], seed)
            axes.set_title(f"{layer}, {unit}", fontsize=9)
            axes.set_xlabel(views[view], fontsize=7.5)
        line[0].set_ylabel("margin of the class's logit", fontsize=8)
    handles, _ = grid[0][0].get_legend_handles_labels()
    figure.legend(
        handles=[*handles, legends.band(), legends.dotted("below: another class is ahead")],
        loc="outside lower center",
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    return figure


def _draw(axes: Axes, curves: Mapping[str, Array], seed: int) -> None:
    for name, colour in REGIONS.items():
        points = [mean(values, seed) for values in np.moveaxis(curves[name], -1, 0)]
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
        "quick": FeatureMapOcclusionConfig(steps=10, orders=10),
        "full": FeatureMapOcclusionConfig(),
    },
    minutes={"smoke": 0.0, "quick": 9.8, "full": None},
)
