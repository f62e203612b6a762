"""Figure 4: the effect of the threshold, from tau = 0 and q = 0 to q = 99.5."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import Result, Row
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019 import threshold_measurements as sweep
from captum_rectgrad.studies.kim2019.map_identities import CLAIM_2, judged_identity
from captum_rectgrad.studies.kim2019.threshold_claims import claims, estimate
from captum_rectgrad.studies.kim2019.threshold_measurements import Sweep

_CURVES = 3.3  # inches
_LIKENESSES = (
    (sweep.RANK_REFERENCE, sweep.OVERLAP_REFERENCE),
    (sweep.RANK_TAU, sweep.OVERLAP_TAU),
    (sweep.RANK_LOWER, sweep.OVERLAP_LOWER),
)
_COLOURS = ("#c43c00", "#2a6a9e", "#5c8a3a")
_SMALL = 7  # points


@dataclass(frozen=True)
class ThresholdSweepConfig:
    """Size of the study.

    Attributes:
        images: number of test images; None: all.
        drawn: number of plotted images, all of one class.
    """

    images: int | None = None
    drawn: int = 3


def threshold_sweep(config: ThresholdSweepConfig, context: StudyContext) -> Result:
    """Compare maps of the plain network at thresholds from none to the highest.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each threshold the sparsity of the maps and their similarity to other thresholds' maps.
    """
    networks, data = context.networks("plain"), context.images("test", config.images)
    network, images = networks[0], networks[0].with_occlusion(data).images
    classes = [context.predictions(each, images) for each in networks]
    found = sweep.of_networks(
        [
            sweep.measure(context, each, images, of_each)
            for each, of_each in zip(networks, classes, strict=True)
        ]
    )
    targets = classes[0]
    chosen = _of_one_class(targets, targets == data.labels, config.drawn)
    drawn = {
        column.title: context.few_maps(column, network, images[chosen], targets[chosen])
        for column in sweep.thresholds()
    }
    lines = [
        ImageRow(
            images[index],
            context.study_data.classes[targets[index]],
            {title: maps[number] for title, maps in drawn.items()},
        )
        for number, index in enumerate(chosen)
    ]
    return Result(
        rows=[_row(found, title, context.seed) for title in found.titles],
        claims=[
            judged_identity(CLAIM_2, context, networks, images, classes),
            *claims(found, context.seed),
        ],
        figure=_figure(found, lines, context.seed),
        notes=(
            (
                "Maps of the first network are drawn. Maps use the padding trick and no final zero "
                "thresholding, as in figure 4. Only the comparison with Guided Backprop * Input "
                "has no padding trick and has the final thresholding."
            ),
            (
                "Energy is the sum of a map's absolute values, divided by that at tau = 0. Overlap "
                "is the intersection over the union of the 10 % highest-ranked pixels, or of all "
                "positive pixels if there are fewer. Two random sets of 10 % have an overlap of "
                "0.053. Overlap and rank correlation are not defined for an empty map."
            ),
            (
                "Each layer has one threshold per image. If it is exactly zero, the layer works as "
                "at tau = 0."
            ),
            (
                "Pixels above zero have a positive value in any channel: those that the final zero "
                "thresholding leaves. The outermost ring is one pixel wide."
            ),
        ),
    )


def _of_one_class(targets: Tensor, right: Tensor, count: int) -> list[int]:
    """The first images of the most frequent class, correctly classified ones if there are any."""
    eligible = right if right.any() else torch.ones_like(right)
    label = targets[eligible].bincount().argmax()
    chosen: list[int] = torch.nonzero(eligible & (targets == label))[:count, 0].tolist()
    return chosen


def _row(found: Sweep, title: str, seed: int) -> Row:
    at_zero = found.at_zero[found.titles.index(title)]
    row: Row = {"threshold": title}
    row |= {name: estimate(found, name, title, seed) for name in found.values}
    row[sweep.EMPTY] = int(found.values[sweep.EMPTY][title].sum())
    row |= {
        f"{sweep.THRESHOLDS}, {layer}": float(share)
        for layer, share in zip(found.layers, at_zero, strict=True)
    }
    return row


def _figure(found: Sweep, lines: Sequence[ImageRow], seed: int) -> Figure:
    width, height = block_size(lines)
    figure = new_figure(width, height + _CURVES, block_dpi(lines))
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, _CURVES])
    draw_block(parts[0, 0], lines, "RectGrad by threshold")
    _draw_curves(parts[1, 0], found, seed)
    return figure


def _draw_curves(where: SubFigure, found: Sweep, seed: int) -> None:
    left, middle, right = where.subplots(1, 3)
    for name in (sweep.NOT_ZERO, sweep.ENERGY, sweep.EMPTY):
        _curve(left, found, name, seed)
    left.set_yscale("symlog", linthresh=0.01)
    left.set_title("share of pixels and of maps; energy", fontsize=_SMALL)
    for colour, pair in zip(_COLOURS, _LIKENESSES, strict=True):
        for name, style in zip(pair, ("-", "--"), strict=True):
            _curve(middle, found, name, seed, colour, style)
    middle.set_title("similarity of maps", fontsize=_SMALL)
    # Two rows each: the layout has no room for a third.
    for axes, columns, others in ((left, 2, [legends.band()]), (middle, 3, [])):
        lines, _ = axes.get_legend_handles_labels()
        axes.legend(
            handles=[*lines, *others],
            fontsize=_SMALL - 1,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.3),
            ncols=columns,
        )
        axes.grid(axis="y", color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
    drawn = right.imshow(found.at_zero.T, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    right.set_yticks(range(len(found.layers)), found.layers, fontsize=_SMALL)
    right.set_title("share of the images whose threshold is exactly zero", fontsize=_SMALL)
    where.colorbar(drawn, ax=right).ax.tick_params(labelsize=_SMALL)
    ticks = [title.removeprefix("q = ") for title in found.titles]
    for axes in (left, middle, right):
        axes.set_xticks(range(len(ticks)), ticks, fontsize=_SMALL, rotation=45)
        axes.tick_params(axis="y", labelsize=_SMALL)
        axes.set_xlabel("q", fontsize=_SMALL)


def _curve(
    axes: Axes, found: Sweep, name: str, seed: int, colour: str | None = None, style: str = "-"
) -> None:
    estimates = [estimate(found, name, title, seed) for title in found.titles]
    draw_curve(axes, range(len(estimates)), estimates, colour=colour, label=name, style=style)


STUDY = Study(
    name="threshold-sweep",
    shows="figure 4",
    asks="how the threshold changes the maps",
    run=threshold_sweep,
    presets={
        "smoke": ThresholdSweepConfig(images=30),
        "quick": ThresholdSweepConfig(images=1000),
        "full": ThresholdSweepConfig(),
    },
    minutes={"smoke": 0.2, "quick": 9.2, "full": None},
)
