"""Figures 10 and 11: maps with re-initialised layers, cumulatively or one layer at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad.evaluation.intervals import crossed_mean
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.sanity.defaults import REPEATS
from captum_rectgrad.sanity.parameter_layers import module_of
from captum_rectgrad.sanity.randomisation import Order, Randomisation, randomisation
from captum_rectgrad.sanity.similarity import UNSIGNED
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    family_text,
    judged,
    judged_against_all,
    level_of_family,
)
from captum_rectgrad.studies.framework.study import NIE, Study
from captum_rectgrad.studies.nie2018.trained_and_untrained import (
    METHODS,
    counted,
    inputs_of,
    same_rules,
    task,
)

Array = NDArray[np.float64]

_COLOURS = ("#2a6a9e", "#5c8a3a", "#7a5195", "#c43c00", "#e08a2c")
_PANELS = 3.4  # inches, height of the curves below the maps
ORDERS: Mapping[Order, str] = {
    "cascading": "all from a layer on (figure 10)",
    "independent": "one layer alone (figure 11)",
}


@dataclass(frozen=True)
class LayersConfig:
    """Size of the study.

    Attributes:
        images: number of test images.
        steps: number of evenly spaced layers at which maps are computed, or all layers if there are
            no more (VGG-16 has 16); None: all.
        repeats: number of re-initialisations.
    """

    images: int | None = 500
    steps: int | None = 16
    repeats: int = REPEATS


def layers(config: LayersConfig, context: StudyContext) -> Result:
    """Re-initialise layers, and compare maps with those of the trained network.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each order, layer and rule the similarity of maps to the trained network's.
    """
    inputs = inputs_of(context, config.images)
    models = [network.model for network in context.networks("plain")]
    runs: dict[tuple[Order, str], list[Randomisation]] = {}
    first: dict[str, Tensor] = {}
    total = len(METHODS) * len(models)
    with tqdm(total=total, unit="method", desc="layers", disable=None) as progress:
        for method, (number, model) in product(METHODS, enumerate(models)):
            asked = task(context, method, model, inputs)
            original = asked.maps(model)
            first.setdefault(method.title, original[:1])
            for order in ORDERS:
                run = randomisation(
                    asked,
                    model,
                    order,
                    steps=config.steps,
                    repeats=config.repeats,
                    # Other random weights for each network, so that their effect has an interval.
                    seed=derived_seed(context.seed, number) if models[1:] else context.seed,
                    original=original,
                )
                runs.setdefault((order, method.title), []).append(run)
            progress.update()
    found = {key: over_networks(of) for key, of in runs.items()}
    run = found["cascading", METHODS[0].title]
    notes = [
        (
            f"{counted(inputs)} Maps are for the class that the trained network predicts. Layers "
            f"and their running statistics are re-initialised {config.repeats} times. Intervals "
            "are over the trained networks, or for one network over these repetitions, and over "
            "the images. Maps of the first network are drawn."
        )
    ]
    if len(run.layers) < run.randomised[-1]:
        notes.append(
            f"Maps are computed at {len(run.layers)} evenly spaced layers of the "
            f"{run.randomised[-1]} with parameters. Claims only concern these."
        )
    notes += filter(None, [same_rules(first)])
    if drawn := run.made.drawn:
        notes.append(
            f"{', '.join(drawn)}: drawn from a normal distribution with the previous mean and "
            "standard deviation, since the layer has no reset_parameters."
        )
    return Result(
        rows=_rows(found, context.seed),
        claims=claims(
            {m.title: found["independent", m.title] for m in METHODS}, models[0], context.seed
        ),
        figure=_figure(context, found),
        notes=notes,
    )


def over_networks(runs: Sequence[Randomisation]) -> Randomisation:
    """The runs of several networks as one, with networks in the place of repetitions.

    Args:
        runs: of networks of one architecture and the same images.

    Returns:
        The first run, with the similarity of each network's maps averaged over its repetitions. A
        single run is unchanged.
    """
    if len(runs) == 1:
        return runs[0]
    similarity = {
        name: np.stack([run.similarity[name].mean(axis=1) for run in runs], axis=1)
        for name in runs[0].similarity
    }
    return replace(runs[0], similarity=similarity)


def _rows(found: Mapping[tuple[Order, str], Randomisation], seed: int) -> list[Row]:
    return [
        {
            "random": ORDERS[order],
            "method": method,
            "layer": layer,
            "random layers": count,
            **{name: crossed_mean(values[place], seed) for name, values in run.similarity.items()},
        }
        for (order, method), run in found.items()
        for place, (layer, count) in enumerate(zip(run.layers, run.randomised, strict=True))
    ]


def claims(runs: Mapping[str, Randomisation], model: nn.Module, seed: int) -> list[Claim]:
    """The conclusions of section G on guided backpropagation, and the same on RectGrad.

    Args:
        runs: by method, with one layer randomised at a time.
        model: the model of the layers.
        seed: seed of the bootstrap.

    Returns:
        The claims; those for which the model has too few layers are left out.
    """
    made = []
    for method in ("Guided BP", "NoBias RectGrad"):
        likeness = dict(zip(runs[method].layers, runs[method].similarity[UNSIGNED], strict=True))
        names = {
            kind: [name for name in likeness if isinstance(module_of(model, name), kind)]
            for kind in (nn.Conv2d, nn.Linear)
        }
        convolutions, dense = ([likeness[name] for name in each] for each in names.values())
        source = "supplement, section G" if method == "Guided BP" else "not in the paper"
        if convolutions and dense:
            gap = crossed_mean(np.mean(dense, axis=0) - np.mean(convolutions, axis=0), seed)
            made.append(
                Claim(
                    f"Convolutions have a greater impact on {method} than dense layers",
                    source,
                    judged(gap),
                    f"mean {UNSIGNED}, dense minus convolutional layers randomised: {gap}",
                )
            )
        if len(convolutions) > 1:
            made.append(_earlier(method, source, names[nn.Conv2d][::-1], likeness, seed))
    return made


def _earlier(
    method: str, source: str, names: Sequence[str], likeness: Mapping[str, Array], seed: int
) -> Claim:
    """Judge each convolution beside the next one; the names are in the order of the network."""
    level = level_of_family(len(names) - 1)
    gaps, corrected = {}, []
    for earlier, later in pairwise(names):
        values = likeness[later] - likeness[earlier]
        gaps[f"{later} minus {earlier}"] = crossed_mean(values, seed)
        corrected.append(judged(crossed_mean(values, seed, level)))
    verdict = judged_against_all([judged(gap) for gap in gaps.values()], corrected)
    ordered = sorted(gaps, key=lambda pair: gaps[pair].value)
    least, most = ordered[0], ordered[-1]
    return Claim(
        f"Each convolution has a greater impact on {method} than the next one",
        source,
        verdict,
        f"{UNSIGNED} with one of the two randomised, lowest for {least}: {gaps[least]}; highest "
        f"for {most}: {gaps[most]}{family_text(len(gaps), verdict)}",
    )


def _figure(context: StudyContext, found: Mapping[tuple[Order, str], Randomisation]) -> Figure:
    """Maps of the first image for both orders, with the curves of all images below."""
    (image,) = context.images("test", 1).images
    blocks = {}
    for order, title in ORDERS.items():
        run = found[order, METHODS[0].title]
        blocks[title] = [
            ImageRow(
                image,
                f"{'from ' * (order == 'cascading')}{layer}",
                {m.title: found[order, m.title].first[place] for m in METHODS},
            )
            for place, layer in enumerate(run.layers)
        ]
    lines = next(iter(blocks.values()))
    width, height = block_size(lines)
    figure = new_figure(width * len(blocks), height + _PANELS, block_dpi(lines))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, _PANELS])[:, 0]
    for part, (title, block) in zip(
        above.subfigures(1, len(blocks), squeeze=False)[0], blocks.items(), strict=True
    ):
        draw_block(part, block, f"randomised (at the left): {title}")
    for axes, order in zip(below.subplots(1, len(ORDERS)), ORDERS, strict=True):
        _draw_curves(axes, {m.title: found[order, m.title] for m in METHODS}, context.seed)
        axes.set_title(ORDERS[order], fontsize=8)
    handles, labels = below.axes[0].get_legend_handles_labels()
    below.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=7, frameon=False)
    return figure


def _draw_curves(axes: Axes, runs: Mapping[str, Randomisation], seed: int) -> None:
    for colour, (method, run) in zip(_COLOURS, runs.items(), strict=True):
        points = [crossed_mean(values, seed) for values in run.similarity[UNSIGNED]]
        places = range(len(points))
        # Dashed, so that both curves are visible if it equals DeconvNet.
        style = "--" if method == "Guided BP" else "-"
        draw_curve(axes, places, points, colour=colour, label=method, style=style)
        axes.set_xticks(places, run.layers, rotation=45, ha="right", fontsize=7)
    axes.set_ylim(-0.1, 1.05)
    axes.set_ylabel(f"{UNSIGNED}\nwith the trained network's maps", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


STUDY = Study(
    name="nie-layers",
    shows="supplement, figures 10 and 11",
    asks="which layers' weights the maps depend on",
    run=layers,
    presets={
        "smoke": LayersConfig(images=3, steps=3),
        "quick": LayersConfig(images=200, steps=6),
        "full": LayersConfig(),
    },
    minutes={"smoke": None, "quick": 17.3, "full": None},
    paper=NIE,
    any_network=True,
)
