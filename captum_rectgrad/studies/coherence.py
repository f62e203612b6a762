"""Figures 1, 5a and 15: whether maps fall on the object, and on alike parts within a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor
from tqdm import tqdm

from captum_rectgrad.studies.comparing import Measured, baselines, less_than
from captum_rectgrad.studies.grids import Line, block_size, draw_block, new_figure
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.maps import finished
from captum_rectgrad.studies.masks import correct
from captum_rectgrad.studies.material import MaskedImages, Network
from captum_rectgrad.studies.measures import channel_sum, share_inside
from captum_rectgrad.studies.result import Claim, Result, Row
from captum_rectgrad.studies.statistics import difference, mean
from captum_rectgrad.studies.study import Study

ON, OFF = "share on the object", "share off the object"
SAME, OTHER, MORE = (
    "likeness within the class",
    "likeness to other classes",
    "more within the class",
)


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


def coherence(config: CoherenceConfig, lab: Lab) -> Result:
    """Draw and measure maps across classes and within them, without and with final threshold.

    Args:
        config: see there.
        lab: methods, material and machine.

    Returns:
        For each method and final threshold the share of the attribution on the object, and how
        alike the maps are within a class and to those of other classes.

    Raises:
        RectGradError: no image with a mask is classified correctly.
    """
    network = lab.network("plain")
    data = correct(lab, network, lab.masked(), config.per_class)
    maps = _maps(lab, network, data)
    across = _first_of_each(data.labels, 1, config.classes)
    within = _first_of_each(data.labels, 2, config.pairs)
    rows: list[Row] = []
    claims: list[Claim] = []
    blocks: dict[str, list[Line]] = {}
    for final, percentile in lab.finals.items():
        seen = {m.key: finished(m, maps[m.key], percentile) for m in lab.methods}
        measured = Measured(tuple(lab.methods), measure(seen, data))
        rows += _rows(measured, final, lab.seed)
        claims += _claims(measured, final, lab.seed)
        shown = {m.title: seen[m.key] for m in lab.methods if not m.control}
        for what, chosen in (("across classes", across), ("within a class", within)):
            if chosen and shown:
                title = f"{what}; final threshold of the baselines: {final}"
                blocks[title] = _lines(lab, data, chosen, shown)
    return Result(
        rows=rows,
        claims=claims,
        figure=_figure(blocks, len(lab.finals)),
        notes=(
            (
                f"{len(data)} images that {network.name} classifies correctly; the object is "
                f"{data.masks.double().mean().item():.1%} of them on average: the share of a map "
                "that treats all pixels alike. A map that is zero everywhere has no share."
            ),
            (
                "Likeness is the mean rank correlation of an image's map with those of the other "
                "images of its class, or of all images of other classes. Nothing is aligned: an "
                "object elsewhere, or the other way round, makes maps differ that emphasise the "
                "same part of it, and a tendency to the middle makes all maps alike, which is why "
                "the two are set against each other. Maps that are zero nearly everywhere "
                "correlate little whatever they show. It decides nothing about the paper's claim "
                "that maps of a class emphasise similar parts, which the figure shows and leaves "
                "to the eye; and its intervals take images for independent though pairs share them."
            ),
        ),
    )


def measure(
    maps: Mapping[str, Tensor], data: MaskedImages
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Measure where maps fall and how alike they are.

    Args:
        maps: by method, `(N, C, H, W)`.
        data: the images that they are of.

    Returns:
        By measure and method, `(N,)`; NaN where it is not defined.
    """
    off = {key: share_inside(found, ~data.masks) for key, found in maps.items()}
    alike = {key: likeness(found, data.labels) for key, found in maps.items()}
    return {
        ON: {key: (1 - share).numpy() for key, share in off.items()},
        OFF: {key: share.numpy() for key, share in off.items()},
        SAME: {key: same for key, (same, _) in alike.items()},
        OTHER: {key: other for key, (_, other) in alike.items()},
    }


def likeness(maps: Tensor, labels: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How alike each map is to others of its class, and to those of other classes.

    Args:
        maps: `(N, C, H, W)`.
        labels: `(N,)`.

    Returns:
        The mean rank correlation with each, `(N,)`; NaN where there is no other, or the map is
        constant. Other maps that are constant are left out.
    """
    ranks = rankdata(channel_sum(maps).flatten(1).numpy(), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    unit = np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)
    correlation = unit @ unit.T
    np.fill_diagonal(correlation, np.nan)
    same = (labels[:, None] == labels).numpy()
    return _mean_where(correlation, same), _mean_where(correlation, ~same)


def _mean_where(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each row; what is NaN is left out."""
    chosen = chosen & np.isfinite(values)
    count = chosen.sum(axis=1)
    total = np.where(chosen, values, 0).sum(axis=1)
    means: NDArray[np.float64] = np.divide(
        total, count, out=np.full(len(values), np.nan), where=count > 0
    )
    return means


def _maps(lab: Lab, network: Network, data: MaskedImages) -> dict[str, Tensor]:
    """Of all methods, without final threshold; a few hundred images, which fit into memory."""
    whole = replace(lab, final_percentile=None)
    images = network.sees(data).images
    return {
        method.key: whole.few_maps(method, network, images, data.labels)
        for method in tqdm(lab.methods, unit="method", desc=network.name, disable=None)
    }


def _first_of_each(labels: Tensor, count: int, classes: int) -> list[int]:
    """The first images of the first classes that have so many."""
    present = sorted(set(labels.tolist()))
    places = [torch.nonzero(labels == label)[:count, 0].tolist() for label in present]
    return [place for found in places if len(found) == count for place in found][: count * classes]


def _rows(measured: Measured, final: str, seed: int) -> list[Row]:
    return [
        {
            "final threshold": final,
            "method": method.title,
            ON: mean(measured.values[ON][method.key], seed),
            SAME: mean(measured.values[SAME][method.key], seed),
            OTHER: mean(measured.values[OTHER][method.key], seed),
            MORE: difference(
                measured.values[SAME][method.key], measured.values[OTHER][method.key], seed
            ),
        }
        for method in measured.methods
    ]


def _claims(measured: Measured, final: str, seed: int) -> list[Claim]:
    return [
        less_than(
            measured,
            OFF,
            winner,
            baselines(measured),
            f"Maps of {title} fall on the object more than those of all baselines",
            f"section 5.2, figure 5a; final threshold of the baselines: {final}",
            seed,
        )
        for winner, title in (("rectgrad", "RectGrad"), ("rectgrad-prr", "RectGrad PRR"))
    ]


def _lines(
    lab: Lab, data: MaskedImages, chosen: Sequence[int], shown: Mapping[str, Tensor]
) -> list[Line]:
    return [
        Line(
            data.images[place],
            lab.material.classes[data.labels[place]],
            {title: maps[place] for title, maps in shown.items()},
        )
        for place in chosen
    ]


def _figure(blocks: Mapping[str, Sequence[Line]], columns: int) -> Figure:
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
        "smoke": CoherenceConfig(per_class=3),
        "quick": CoherenceConfig(),
        "full": CoherenceConfig(),
    },
    minutes={"smoke": 0.1, "quick": None, "full": None},
)
