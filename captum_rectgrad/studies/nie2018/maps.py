"""Figures 1 to 8, 12 and 13: maps for several logits of a trained and an untrained network."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
from captum_rectgrad.sanity.image_recovery import image_recovery
from captum_rectgrad.sanity.similarity import IMAGE, RECOVERIES, SIMILARITIES, UNSIGNED
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.by_network import stack_networks
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import Claim, Result, Row, gap_text, judged
from captum_rectgrad.studies.framework.study import NIE, Study
from captum_rectgrad.studies.nie2018.trained_and_untrained import (
    METHODS,
    counted,
    inputs_of,
    networks,
    predicted,
    same_rules,
    task,
)

OTHERS = 2  # number of compared logits: the second highest, and the smallest
_CAPTION = 16  # characters per line
# By network and method, measurements by name, `(R, N)` or `(N,)`.
Found: TypeAlias = Mapping[tuple[str, str], Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class MapsConfig:
    """Size of the study.

    Attributes:
        images: number of test images.
        drawn: number of plotted images.
    """

    images: int | None = 1000
    drawn: int = 2


def maps(config: MapsConfig, context: StudyContext) -> Result:
    """Compare maps of the highest logit with those of two other logits, and with the image.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each network and rule the similarity of maps of different logits, and of maps and the
        image.
    """
    inputs = inputs_of(context, config.images)
    models = networks(context, inputs)
    found: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = {}
    blocks: dict[str, list[ImageRow]] = {}
    total = len(METHODS) * sum(map(len, models.values()))
    with tqdm(total=total, unit="method", desc="maps", disable=None) as progress:
        for name, of_name in models.items():
            others = [other_classes(m, inputs, OTHERS, context.batch_size) for m in of_name]
            few_others = others[0][: config.drawn]
            drawn: list[dict[str, Tensor]] = [
                {} for _ in range(few_others.numel() + len(few_others))
            ]
            for method in METHODS:
                measured: list[dict[str, NDArray[np.float64]]] = []
                for model, logits in zip(of_name, others, strict=True):
                    asked = task(context, method, model, inputs)
                    original = asked.maps(model)
                    measured.append(
                        {
                            **class_sensitivity(asked, model, logits, original=original),
                            **image_recovery(asked, model, original=original),
                        }
                    )
                    progress.update()
                found[name, method.title] = stack_networks(measured)
                few = task(context, method, of_name[0], inputs[: config.drawn])
                each = [few.maps(of_name[0]), *(few.maps(of_name[0], o) for o in few_others.T)]
                for place, lines in enumerate(drawn):
                    lines[method.title] = each[place % len(each)][place // len(each)]
            blocks[f"{name} network"] = _lines(context, of_name[0], inputs, drawn, few_others)
    return Result(
        rows=_rows(found, context.seed),
        claims=claims(found, context.seed),
        figure=_figure(blocks),
        notes=(
            (
                f"{counted(inputs)} The highest logit is compared with the second highest and with "
                "the smallest; the mean of the two is reported. Similarities are of maps summed "
                "over channels, SSIM of absolute values scaled to [0, 1]."
            ),
            (
                "An untrained network is a trained one with all layers re-initialised. Maps of the "
                "first network are drawn. RectGrad multiplies by the input, so its maps resemble "
                "the image for that reason alone; NoBias RectGrad does not."
            ),
            *filter(None, [same_rules(drawn[0])]),
        ),
    )


def claims(found: Found, seed: int) -> list[Claim]:
    """Judge the supplement's observations.

    Args:
        found: see `Found`.
        seed: seed of the bootstrap.

    Returns:
        The claims, for each network.
    """
    made = []
    for network in dict.fromkeys(name for name, _ in found):
        saliency = found[network, "Saliency"]
        for method in ("DeconvNet", "Guided BP", "NoBias RectGrad"):
            other = found[network, method]
            less = difference(other[UNSIGNED], saliency[UNSIGNED], seed)
            more = difference(other[IMAGE], saliency[IMAGE], seed)
            less_text, more_text = (gap_text(gap, "Saliency's") for gap in (less, more))
            source = (
                "supplement, figures 1 to 8, 12, 13" if "Rect" not in method else "not in the paper"
            )
            made += [
                Claim(
                    f"{method} is less class-sensitive than saliency ({network} network)",
                    source,
                    judged(less),
                    f"{UNSIGNED} of maps of different logits: {method}'s is {less_text}",
                ),
                Claim(
                    f"{method} recovers the image more than saliency ({network} network)",
                    source,
                    judged(more),
                    f"{IMAGE}: {method}'s is {more_text}",
                ),
            ]
    return made


def _rows(found: Found, seed: int) -> list[Row]:
    return [
        {
            "network": network,
            "method": method,
            **{f"{name} of logits": mean(values[name], seed) for name in SIMILARITIES},
            **{name: mean(values[name], seed) for name in RECOVERIES},
        }
        for (network, method), values in found.items()
    ]


def _lines(
    context: StudyContext,
    model: nn.Module,
    inputs: Tensor,
    drawn: list[dict[str, Tensor]],
    others: Tensor,
) -> list[ImageRow]:
    """A row for each image and logit."""
    names = context.study_data.classes
    images = context.images("test", len(others)).images
    largest = predicted(model, inputs[: len(others)], context.batch_size)
    chosen = torch.cat([largest[:, None], others], dim=1)
    what = ("largest", *["next"] * (others.shape[1] - 1), "smallest")
    lines = []
    for place, shown in enumerate(drawn):
        image, logit = divmod(place, len(what))
        name = textwrap.fill(names[int(chosen[image, logit])], _CAPTION)
        lines.append(ImageRow(images[image], f"{what[logit]} logit:\n{name}", shown))
    return lines


def _figure(blocks: Mapping[str, list[ImageRow]]) -> Figure:
    first = next(iter(blocks.values()))
    width, height = block_size(first)
    figure = new_figure(width * len(blocks), height, block_dpi(first))
    parts = figure.subfigures(1, len(blocks), squeeze=False)[0]
    for part, (title, lines) in zip(parts, blocks.items(), strict=True):
        draw_block(part, lines, title)
    return figure


STUDY = Study(
    name="nie-maps",
    shows="what the supplement's figures 1 to 8, 12 and 13 show",
    asks="whether maps differ between classes, or show the image for every class",
    run=maps,
    presets={
        "smoke": MapsConfig(images=3, drawn=1),
        "quick": MapsConfig(images=300),
        "full": MapsConfig(),
    },
    minutes={"smoke": None, "quick": 2.5, "full": None},
    paper=NIE,
    any_network=True,
)
