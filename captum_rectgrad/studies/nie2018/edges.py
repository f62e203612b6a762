"""Figure 9: guided backpropagation compared with an edge detector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad.evaluation.intervals import difference, mean
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.sanity.similarity import SIMILARITIES, input_correlation
from captum_rectgrad.studies.data.study_data import MaskedImages
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
    same_rules,
    task,
)

LIKE = "correlation with the edges"
_DRAWN = 3  # images, as in the figure


@dataclass(frozen=True)
class EdgesConfig:
    """Size of the study.

    Attributes:
        images: number of test images.
    """

    images: int | None = 1000


def vertical_edges(inputs: Tensor) -> Tensor:
    """Difference of each pixel and its left neighbour (supplement, section F).

    Args:
        inputs: `(N, C, H, W)`.

    Returns:
        `(N, C, H, W)`; 0 in the first column.
    """
    edges = inputs.new_zeros(inputs.shape)
    edges[..., 1:] = inputs.diff(dim=-1)
    return edges


def _attribute(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return vertical_edges(x.detach())


# The edge detector as a `Method`, so that `--methods` can name it.
EDGE_DETECTOR = Method("edges", "Edges", _attribute)


def edges(config: EdgesConfig, context: StudyContext) -> Result:
    """Measure the similarity of maps to the edges of their images.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For the trained and the untrained network and each rule the similarity of maps to edges.
    """
    inputs = inputs_of(context, config.images)
    edge_maps = vertical_edges(inputs)
    rows: list[Row] = []
    found: dict[tuple[str, str], NDArray[np.float64]] = {}
    shown: list[dict[str, Tensor]] = [{} for _ in range(min(_DRAWN, len(inputs)))]
    models = networks(context, inputs)
    total = len(METHODS) * sum(map(len, models.values()))
    with tqdm(total=total, unit="method", desc="edges", disable=None) as progress:
        for name, of_name in models.items():
            for method in METHODS:
                measured: list[dict[str, NDArray[np.float64]]] = []
                for model in of_name:
                    maps = task(context, method, model, inputs).maps(model)
                    measured.append(_similarities(maps, edge_maps))
                    if model is models["trained"][0]:
                        for place, line in enumerate(shown):
                            line[method.title] = maps[place]
                    progress.update()
                values = stack_networks(measured)
                found[name, method.title] = values[LIKE]
                row: Row = {"network": name, "method": method.title}
                rows.append(row | {key: mean(each, context.seed) for key, each in values.items()})
    for place, line in enumerate(shown):
        line[EDGE_DETECTOR.title] = edge_maps[place]
    return Result(
        rows=rows,
        claims=[*_claims(found, context.seed), *_background(context, models["trained"])],
        figure=_figure(context.images("test", len(shown)).images, shown),
        notes=(
            (
                f"{counted(inputs)} {LIKE[0].upper()}{LIKE[1:]} is the absolute value of Pearson's "
                "correlation over all pixels and channels; other measures are of maps summed over "
                "channels. Maps of the first network are drawn."
            ),
            *filter(None, [same_rules(shown[0])]),
        ),
    )


def _similarities(maps: Tensor, edge_maps: Tensor) -> dict[str, NDArray[np.float64]]:
    """Similarity of maps to edges by measure, `(N,)`."""
    likenesses = {f"{name} with edges": of(maps, edge_maps) for name, of in SIMILARITIES.items()}
    return {LIKE: input_correlation(maps, edge_maps), **likenesses}


def _claims(found: dict[tuple[str, str], NDArray[np.float64]], seed: int) -> list[Claim]:
    guided = difference(found["trained", "Guided BP"], found["trained", "Saliency"], seed)
    than = "Saliency's"
    mine = difference(found["trained", "NoBias RectGrad"], found["trained", "Saliency"], seed)
    return [
        Claim(
            "Guided backpropagation pays attention to edges, more than saliency",
            "supplement, section F, figure 9",
            judged(guided),
            f"{LIKE}: Guided BP's is {gap_text(guided, than)}",
        ),
        Claim(
            "RectGrad, too, pays attention to edges more than saliency",
            "not in the paper",
            judged(mine),
            f"{LIKE}: NoBias RectGrad's is {gap_text(mine, than)}",
        ),
    ]


def off_the_object(
    context: StudyContext, models: Sequence[nn.Module], data: MaskedImages
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of guided backpropagation's maps and of the edges is off the object.

    Args:
        context: batch size and seed.
        models: the R trained networks.
        data: images with masks.

    Returns:
        Shares of the absolute map off the object, `(R, N)`, of guided backpropagation and of the
        edge detector, which is the same for all networks.
    """
    inputs = context.network("plain").inputs(data.images)
    guided = next(method for method in METHODS if method.key == "guided-bp")
    shares = [
        share_inside(task(context, guided, model, inputs).maps(model), ~data.masks).numpy()
        for model in models
    ]
    of_edges = share_inside(vertical_edges(inputs), ~data.masks).numpy()
    return np.stack(shares), np.stack([of_edges] * len(models))


def _background(context: StudyContext, models: Sequence[nn.Module]) -> list[Claim]:
    """The claim on the background; none for data without masks, such as photographs."""
    if not context.study_data.has_masks:
        return []
    data = context.masked()
    guided, of_edges = off_the_object(context, models, data)
    less, than = difference(of_edges, guided, context.seed), "the edge detector's"
    return [
        Claim(
            "Guided backpropagation filters out patches of the background, an edge detector does "
            "not",
            "supplement, section F, figure 9",
            judged(less),
            f"share of the map off the object, of {len(data)} images with masks: Guided BP's is "
            f"{gap_text(less, than, ('lower', 'higher'))}; "
            f"Guided BP {mean(guided, context.seed)}",
        )
    ]


def _figure(images: Tensor, shown: list[dict[str, Tensor]]) -> Figure:
    lines = [ImageRow(image, "", maps) for image, maps in zip(images, shown, strict=True)]
    figure = new_figure(*block_size(lines), block_dpi(lines))
    part = figure.subfigures(1, 1, squeeze=False)[0, 0]
    draw_block(part, lines, "trained network")
    return figure


STUDY = Study(
    name="nie-edges",
    shows="supplement, figure 9",
    asks="whether maps are similar to the output of an edge detector",
    run=edges,
    presets={
        "smoke": EdgesConfig(images=3),
        "quick": EdgesConfig(images=300),
        "full": EdgesConfig(),
    },
    minutes={"smoke": None, "quick": 1.8, "full": None},
    paper=NIE,
    any_network=True,
)
