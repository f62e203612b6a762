"""Figures 1, 5a and 15: whether maps fall on the object, and on similar parts within a class."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    MapMeasurements,
    both_less_than_baselines,
)
from captum_rectgrad.studies.framework.result import Result, Row
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.masks import correct, names_of
from captum_rectgrad.studies.kim2019.pairwise_similarity import Likeness, likeness
from captum_rectgrad.studies.options import FINAL_TITLES, Final

ON, OFF = "share on the object", "share off the object"
SAME, OTHER, MORE = "within the class", "to other classes", "more within the class"

# By final threshold and method.
Key = tuple[Final, str]


@dataclass(frozen=True, eq=False)
class Seen:
    """Measurements of a method's maps.

    Attributes:
        off: share of each map off the object, by network and image, `(R, N)`; NaN for a map that is
            zero everywhere.
        likeness: similarity of the first network's maps by measure, see `pairs.likeness`.
        drawn: the plotted maps of the first network by index of the image, `(C, H, W)`.
    """

    off: NDArray[np.float64]
    likeness: Mapping[str, Likeness]
    drawn: Mapping[int, Tensor]


@dataclass(frozen=True)
class CoherenceConfig:
    """Size of the study.

    Attributes:
        per_class: number of correctly classified images with masks of each class; None: all.
        classes: number of classes plotted with one image each.
        pairs: number of classes plotted with two images each.
    """

    per_class: int | None = None
    classes: int = 10
    pairs: int = 4


def coherence(config: CoherenceConfig, context: StudyContext) -> Result:
    """Plot and measure maps across and within classes, without and with final threshold.

    Args:
        config: size of the study.
        context: methods, data and device.

    Returns:
        For each method and final threshold the share of attribution on the object, and the
        similarity of maps within a class and to those of other classes.

    Raises:
        RectGradError: no image with a mask is classified correctly.
    """
    networks = context.networks("plain")
    data = correct(context, networks, context.masked(), config.per_class)
    across = _first_of_each(data.labels, 1, config.classes)
    within = _first_of_each(data.labels, 2, config.pairs)
    seen = _seen(context, networks, data, {*across, *within})
    rows: list[Row] = []
    shares: dict[Final, MapMeasurements] = {}
    blocks: dict[str, list[ImageRow]] = {}
    for final in context.finals:
        methods = {method.title: seen[final, method.key] for method in context.methods}
        rows += [_row(final, title, found, context.seed) for title, found in methods.items()]
        off = {method.key: seen[final, method.key].off for method in context.methods}
        shares[final] = MapMeasurements(tuple(context.methods), {OFF: off})
        if final == "values":  # hardly differs from the pixels to the eye
            continue
        shown = {m.title: seen[final, m.key].drawn for m in context.methods if not m.control}
        for what, chosen in (("across classes", across), ("within a class", within)):
            if chosen and shown:
                title = f"{what}; final threshold of the baselines: {FINAL_TITLES[final]}"
                blocks[title] = _lines(context, data, chosen, shown)
    return Result(
        rows=rows,
        claims=both_less_than_baselines(
            shares,
            {OFF: ""},
            "Maps of {} fall on the object more than those of all baselines",
            "section 5.2, figure 5a",
            context.seed,
        ),
        figure=_figure(blocks, len({*context.finals} - {"values"})),
        notes=(
            (
                f"{len(data)} images that {names_of(networks)} classifies correctly; the object is "
                f"{data.masks.double().mean().item():.1%} of them on average, which is the share "
                "of a uniform map. A map that is zero everywhere has no share."
            ),
            (
                "Maps are drawn, and compared with each other, for the first network only. "
                "The similarity of an image's map is the mean rank correlation, or overlap of the "
                "10 % highest-ranked pixels, with the maps of the other images of its class, or of "
                "all images of other classes. Measures 'of absolute values' use the absolute sums "
                "over channels, since baselines are signed. Intervals resample images and use all "
                "pairs of them. Maps are not aligned: a different position or direction of the "
                "object lowers the similarity of maps that emphasise the same part. A tendency "
                "towards the centre raises the similarity of all maps, so similarities within "
                "and between classes are compared. They do not decide the paper's claim that maps "
                "of a class emphasise similar parts, which the figure shows qualitatively."
            ),
        ),
    )


def _seen(
    context: StudyContext,
    networks: Sequence[Network],
    data: MaskedImages,
    drawn: Collection[int],
) -> dict[Key, Seen]:
    """Measure the maps of each method with each final threshold."""
    found: dict[Key, Seen] = {}
    with Progress(len(context.methods), "method", networks[0].name) as progress:
        for method in context.methods:
            maps = [context.few_maps(method, each, data.images, data.labels) for each in networks]
            for final in context.finals:
                cut = [context.finished(method, each, final) for each in maps]
                found[final, method.key] = Seen(
                    off=torch.stack([share_inside(each, ~data.masks) for each in cut]).numpy(),
                    likeness=likeness(cut[0], data.labels, context.seed),
                    drawn={place: cut[0][place].clone() for place in drawn},
                )
            progress.update()
    return found


def _first_of_each(labels: Tensor, count: int, classes: int) -> list[int]:
    """The first images of the first classes that have at least `count`."""
    present = sorted(set(labels.tolist()))
    places = [torch.nonzero(labels == label)[:count, 0].tolist() for label in present]
    return [place for found in places if len(found) == count for place in found][: count * classes]


def _row(final: Final, title: str, found: Seen, seed: int) -> Row:
    row: Row = {
        "final threshold": FINAL_TITLES[final],
        "method": title,
        ON: mean(1 - found.off, seed),
    }
    for kind, alike in found.likeness.items():
        row |= {
            f"{kind} {SAME}": alike.same,
            f"{kind} {OTHER}": alike.other,
            f"{kind} {MORE}": alike.more,
        }
    return row


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
    """Blocks with and without final threshold, side by side."""
    if not blocks:
        return new_figure(1, 1)
    titles = list(blocks)
    kinds = len(titles) // columns
    sizes = [block_size(blocks[title]) for title in titles[:kinds]]
    total = sum(height for _, height in sizes)
    figure = new_figure(columns * sizes[0][0], total, block_dpi(blocks[titles[0]]))
    parts = figure.subfigures(
        kinds, columns, squeeze=False, height_ratios=[height for _, height in sizes]
    )
    for part, title in zip(parts.T.ravel(), titles, strict=True):
        draw_block(part, blocks[title], title)
    return figure


STUDY = Study(
    name="coherence",
    shows="figures 1, 5a and 15",
    asks="whether maps fall on the object, and on similar parts within a class",
    images=(MASKED,),
    run=coherence,
    presets={
        "smoke": CoherenceConfig(per_class=2, pairs=2),
        "quick": CoherenceConfig(),
        "full": CoherenceConfig(),
    },
    minutes={"smoke": 0.1, "quick": None, "full": 3.1},
    compares=True,
    better={ON: "higher"},
)
