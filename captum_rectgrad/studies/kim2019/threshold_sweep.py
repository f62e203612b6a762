"""Figure 4: the effect of the threshold, from tau = 0 and q = 0 to q = 99.5."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean, share
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.bounds import NEARLY_ALL, ROUNDING, SAME, Bound, judged_by
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    Verdict,
    all_of,
    judged,
    judged_above,
)
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019 import threshold_measurements as sweep
from captum_rectgrad.studies.kim2019.threshold_measurements import PERCENTILES, Sweep, title_of

HIGH = 80.0  # maps do not change from `sweep.REFERENCE` up to here, according to the paper
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
    network = context.network("plain")
    data = context.images("test", config.images)
    images = network.with_occlusion(data).images
    targets = context.predictions(network, images)
    found = sweep.measure(context, network, images, targets)
    gaps = sweep.guided_backprop_gaps(context, network, images, targets)
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
        claims=[_guided_claim(gaps), *_claims(found, context.seed)],
        figure=_figure(found, lines, context.seed),
        notes=(
            (
                "Maps use the padding trick and no final zero thresholding, as in figure 4. Only "
                "the comparison with Guided Backprop * Input has no padding trick and has the "
                "final thresholding."
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
    row |= {name: _estimate(found, name, title, seed) for name in found.values}
    row[sweep.EMPTY] = int(found.values[sweep.EMPTY][title].sum())
    row |= {
        f"{sweep.THRESHOLDS}, {layer}": float(share)
        for layer, share in zip(found.layers, at_zero, strict=True)
    }
    return row


def _estimate(found: Sweep, name: str, title: str, seed: int) -> Estimate:
    values = found.values[name][title]
    return share(values, seed) if name in sweep.SHARES else mean(values, seed)


def _guided_claim(gaps: NDArray[np.float64]) -> Claim:
    """An identity holds for all images or not: the maximum is judged without an interval."""
    return Claim(
        "With tau = 0 it is Guided Backprop * Input, thresholded at zero",
        "section 4.3, claim 2",
        "holds" if gaps.max() <= ROUNDING.value else "does not hold",
        "largest difference of all images, relative to the map's largest value: "
        f"{gaps.max():.2g}; up to {ROUNDING} (float32 rounding) counts as equal",
    )


def _claims(found: Sweep, seed: int) -> list[Claim]:
    low, high, start = title_of(sweep.REFERENCE), title_of(HIGH), title_of(PERCENTILES[0])
    after = [title_of(percentile) for percentile in PERCENTILES if percentile > sweep.REFERENCE]
    between = [title_of(q) for q in PERCENTILES if sweep.REFERENCE <= q <= HIGH]
    rank, overlap = found.values[sweep.RANK_REFERENCE], found.values[sweep.OVERLAP_REFERENCE]
    alike = [mean(rank[high], seed), mean(overlap[high], seed)]
    gains = [difference(one[high], one[start], seed) for one in (rank, overlap)]
    regions = {title: mean(overlap[title], seed) for title in after}
    zero = {title: _estimate(found, sweep.THRESHOLDS, title, seed) for title in between}
    scores = mean(found.values[sweep.SCORES][low], seed)
    same = [t for t in found.titles[1:] if (found.values[sweep.THRESHOLDS][t] == 1).all()]
    same_where = f"all thresholds are zero at: {', '.join(same) or 'no q'}"
    no_change, no_change_if = _all_above(SAME, alike)
    same_regions, same_regions_if = _all_above(SAME, regions.values())
    at_zero, at_zero_if = _all_above(NEARLY_ALL, zero.values())
    return [
        Claim(
            f"Maps change from {start} to {low} more than from {low} to {high}",
            "section 5.1, figure 4",
            all_of([judged(gain) for gain in gains]),
            f"similarity to {low}, {high} minus {start}: rank correlation {gains[0]}, overlap "
            f"{gains[1]}",
        ),
        Claim(
            f"There is no significant change from {low} to {high}",
            "section 5.1, figure 4",
            no_change,
            f"similarity of {high} and {low}: rank correlation {alike[0]}, overlap {alike[1]}; "
            f"above {SAME} counts as no significant change ({no_change_if}); {same_where}",
        ),
        _sparser(found, seed),
        Claim(
            f"Regions of high attribution do not change above {low}",
            "section 5.1, figure 4",
            same_regions,
            f"{sweep.OVERLAP_REFERENCE}: {_least(regions)}; above {SAME} counts as the same "
            f"regions ({same_regions_if})",
        ),
        Claim(
            f"Thresholds are zero from {low} to {high}",
            "section 5.1",
            at_zero,
            f"share of thresholds that are exactly zero (the paper: about zero): {_least(zero)}; "
            f"above {NEARLY_ALL} counts as zero ({at_zero_if})",
        ),
        Claim(
            "The majority of scores is zero",
            "section 5.1",
            judged_above(scores, 0.5),
            f"share of the scores that are zero, at {low}: {scores}; above 0.5 is a majority",
        ),
    ]


def _all_above(bound: Bound, found: Iterable[Estimate]) -> tuple[Verdict, str]:
    return judged_by(bound, lambda value: all_of([judged_above(one, value) for one in found]))


def _sparser(found: Sweep, seed: int) -> Claim:
    """Judge each step above `HIGH`."""
    steps = pairwise([title_of(percentile) for percentile in PERCENTILES if percentile >= HIGH])
    left = found.values[sweep.NOT_ZERO]
    drops = {
        f"from {lower} to {higher}": difference(left[lower], left[higher], seed)
        for lower, higher in steps
    }
    return Claim(
        f"Maps become sparser above {title_of(HIGH)}, the more the higher q",
        "section 5.1, figure 4",
        all_of([judged(drop) for drop in drops.values()]),
        f"share of the pixels that become zero at each step: {_least(drops)}",
    )


def _least(found: Mapping[str, Estimate]) -> str:
    least = min(found, key=lambda title: found[title].value)
    return f"lowest for {least}: {found[least]}"


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
    estimates = [_estimate(found, name, title, seed) for title in found.titles]
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
    minutes={"smoke": 0.2, "quick": 8.3, "full": None},
    one_network=True,
)
