"""Figures 1, 5a and 15: whether maps fall on the object, and on alike parts within a class."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.studies.compute.maps import finished
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_size, draw_block, new_figure
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    MapMeasurements,
    both_less_than_baselines,
)
from captum_rectgrad.studies.framework.result import Claim, Result, Row
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.masks import correct
from captum_rectgrad.studies.kim2019.pairwise_similarity import Likeness, likeness

ON, OFF = "share on the object", "share off the object"
SAME, OTHER, MORE = "within the class", "to other classes", "more within the class"

# By final threshold and method.
Key = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Seen:
    """What is left of a method's maps when they have been measured.

    Attributes:
        off: share of each map off the object, `(N,)`; NaN for a map that is zero everywhere.
        likeness: by kind, see `pairs.likeness`.
        drawn: the maps that are drawn, by the place of their image, `(C, H, W)`.
    """

    off: NDArray[np.float64]
    likeness: Mapping[str, Likeness]
    drawn: Mapping[int, Tensor]


@dataclass(frozen=True)
class CoherenceConfig:
    """How much is measured and drawn.

    Attributes:
        per_class: number of correctly classified images with masks of each class; None: all.
        classes: how many classes are drawn, with one image of each.
        pairs: how many classes are drawn with two images of each.
    """

    per_class: int | None = None
    classes: int = 10
    pairs: int = 4


def coherence(config: CoherenceConfig, context: StudyContext) -> Result:
    """Draw and measure maps across classes and within them, without and with final threshold.

    Args:
        config: see there.
        context: methods, data and machine.

    Returns:
        For each method and final threshold the share of the attribution on the object, and how
        alike the maps are within a class and to those of other classes.

    Raises:
        RectGradError: no image with a mask is classified correctly.
    """
    network = context.network("plain")
    data = correct(context, network, context.masked(), config.per_class)
    across = _first_of_each(data.labels, 1, config.classes)
    within = _first_of_each(data.labels, 2, config.pairs)
    seen = _seen(context, network, data, {*across, *within})
    rows: list[Row] = []
    claims: list[Claim] = []
    blocks: dict[str, list[ImageRow]] = {}
    for final in context.finals:
        methods = {method.title: seen[final, method.key] for method in context.methods}
        rows += [_row(final, title, found, context.seed) for title, found in methods.items()]
        off = {method.key: seen[final, method.key].off for method in context.methods}
        claims += _claims(MapMeasurements(tuple(context.methods), {OFF: off}), final, context.seed)
        shown = {m.title: seen[final, m.key].drawn for m in context.methods if not m.control}
        for what, chosen in (("across classes", across), ("within a class", within)):
            if chosen and shown:
                title = f"{what}; final threshold of the baselines: {final}"
                blocks[title] = _lines(context, data, chosen, shown)
    return Result(
        rows=rows,
        claims=claims,
        figure=_figure(blocks, len(context.finals)),
        notes=(
            (
                f"{len(data)} images that {network.name} classifies correctly; the object is "
                f"{data.masks.double().mean().item():.1%} of them on average: the share of a map "
                "that treats all pixels alike. A map that is zero everywhere has no share."
            ),
            (
                "Likeness is the mean rank correlation, or overlap of the highest tenth, of an "
                "image's map with those of the other images of its class, or of all images of "
                "other classes; 'of absolute values', of the absolute sums over channels, since "
                "baselines are signed. Intervals draw images, and take all pairs of them. Nothing "
                "is aligned: an object elsewhere, or the other way round, makes maps differ that "
                "emphasise the same part of it, and a tendency to the middle makes all maps "
                "alike, which is why the two are set against each other. It decides nothing about "
                "the paper's claim that maps of a class emphasise similar parts, which the figure "
                "shows and leaves to the eye."
            ),
        ),
    )


def _seen(
    context: StudyContext, network: Network, data: MaskedImages, drawn: Collection[int]
) -> dict[Key, Seen]:
    """Measure the maps of one method after the other, with each final threshold."""
    whole = replace(context, final_percentile=None)
    found: dict[Key, Seen] = {}
    with Progress(len(context.methods), "method", network.name) as progress:
        for method in context.methods:
            maps = whole.few_maps(method, network, data.images, data.labels)
            for final, percentile in context.finals.items():
                cut = finished(method, maps, percentile)
                found[final, method.key] = Seen(
                    off=share_inside(cut, ~data.masks).numpy(),
                    likeness=likeness(cut, data.labels, context.seed),
                    drawn={place: cut[place].clone() for place in drawn},
                )
            progress.update()
    return found


def _first_of_each(labels: Tensor, count: int, classes: int) -> list[int]:
    """The first images of the first classes that have so many."""
    present = sorted(set(labels.tolist()))
    places = [torch.nonzero(labels == label)[:count, 0].tolist() for label in present]
    return [place for found in places if len(found) == count for place in found][: count * classes]


def _row(final: str, title: str, found: Seen, seed: int) -> Row:
    row: Row = {"final threshold": final, "method": title, ON: mean(1 - found.off, seed)}
    for kind, alike in found.likeness.items():
        row |= {
            f"{kind} {SAME}": alike.same,
            f"{kind} {OTHER}": alike.other,
            f"{kind} {MORE}": alike.more,
        }
    return row


def _claims(measured: MapMeasurements, final: str, seed: int) -> list[Claim]:
    return both_less_than_baselines(
        measured,
        {OFF: ""},
        "Maps of {} fall on the object more than those of all baselines",
        f"section 5.2, figure 5a; final threshold of the baselines: {final}",
        seed,
    )


def _lines(
    context: StudyContext,
    data: MaskedImages,
    chosen: Sequence[int],
    shown: Mapping[str, Mapping[int, Tensor]],
) -> list[ImageRow]:
    return [
        ImageRow(
            data.images[place],
            context.study_data.classes[data.labels[place]],
            {title: maps[place] for title, maps in shown.items()},
        )
        for place in chosen
    ]


def _figure(blocks: Mapping[str, Sequence[ImageRow]], columns: int) -> Figure:
    """Blocks with and without final threshold beside each other."""
    if not blocks:
        return new_figure(1, 1)
    titles = list(blocks)
    kinds = len(titles) // columns
    sizes = [block_size(len(blocks[t]), len(blocks[t][0].maps)) for t in titles[:kinds]]
    figure = new_figure(columns * sizes[0][0], sum(height for _, height in sizes))
    parts = figure.subfigures(
        kinds, columns, squeeze=False, height_ratios=[height for _, height in sizes]
    )
    for part, title in zip(parts.T.ravel(), titles, strict=True):
        draw_block(part, blocks[title], title)
    return figure


STUDY = Study(
    name="coherence",
    shows="figures 1, 5a and 15",
    asks="whether maps fall on the object, and on alike parts within a class",
    needs="images with masks; the plain network",
    run=coherence,
    presets={
        "smoke": CoherenceConfig(per_class=2, pairs=2),
        "quick": CoherenceConfig(),
        "full": CoherenceConfig(),
    },
    minutes={"smoke": 0.1, "quick": None, "full": 1.1},
    compares=True,
)
