"""Section 3.1: saliency maps of networks that were trained on adversarial examples."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.evaluation.map_metrics import relative_total_variation
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.evaluation.network_intervals import unpaired_difference
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.by_network import Array, stack_networks
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.result import Claim, Result, gap_text, judged
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.background import (
    EXCESS,
    SHARE,
    BackgroundConfig,
    shares_outside,
)
from captum_rectgrad.studies.kim2019.masks import correct, names_of, one_of_each
from captum_rectgrad.studies.options import Role

ROUGHNESS = "total variation per attribution"
TRAININGS: dict[Role, str] = {"plain": "plain", "robust": "adversarial"}
_DRAWN = 5  # images


def robust_saliency(config: BackgroundConfig, context: StudyContext) -> Result:
    """Measure saliency maps of plain and of adversarially trained networks.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each training the share of attribution on the background, that share divided by the
        background's share of the image, and the total variation per unit of attribution.
    """
    networks = {role: context.networks(role) for role in TRAININGS}
    every = [network for of_role in networks.values() for network in of_role]
    data = correct(context, every, context.masked(), config.per_class)
    found = {role: _measure(context, of_role, data) for role, of_role in networks.items()}
    return Result(
        rows=[
            {"training": TRAININGS[role], **{k: mean(v, context.seed) for k, v in values.items()}}
            for role, values in found.items()
        ],
        claims=[
            _cleaner(found["plain"][measure], found["robust"][measure], measure, how, context.seed)
            for measure, how in (
                (SHARE, "less of the map is on the background"),
                (ROUGHNESS, "less total variation per unit of attribution"),
            )
        ],
        figure=_figure(context, networks, data),
        notes=(
            (
                f"{len(data)} images that {names_of(every)} classifies correctly. Saliency is the "
                "signed gradient, without final threshold. Total variation per unit of attribution "
                "is largest, 4, for isolated pixels. The trainings may differ in more than the "
                "adversarial examples; see the networks' recipes."
            ),
        ),
    )


def _measure(
    context: StudyContext, networks: Sequence[Network], data: MaskedImages
) -> dict[str, Array]:
    """By measure, `(R, N)`."""
    (saliency,) = choose_methods(["saliency"])
    measures = {**shares_outside(data.masks), ROUGHNESS: _roughness}
    by_network: list[dict[str, Array]] = []
    for network in networks:
        parts: dict[str, list[Array]] = {SHARE: [], EXCESS: [], ROUGHNESS: []}
        for batch in context.maps(saliency, network, data.images, data.labels):
            for name, measure in measures.items():
                parts[name].append(measure(batch.maps, batch.images).numpy())
        by_network.append({name: np.concatenate(values) for name, values in parts.items()})
    return stack_networks(by_network)


def _roughness(maps: Tensor, _: slice) -> Tensor:
    return relative_total_variation(maps)


def _cleaner(plain: Array, robust: Array, measure: str, how: str, seed: int) -> Claim:
    gap = unpaired_difference(plain, robust, seed)
    return Claim(
        f"Adversarially trained networks have cleaner saliency maps: {how}",
        "section 3.1, from other papers",
        judged(gap),
        f"{measure}: theirs is {gap_text(gap, 'that of plain networks', ('lower', 'higher'))}",
    )


def _figure(
    context: StudyContext, networks: dict[Role, tuple[Network, ...]], data: MaskedImages
) -> Figure:
    """Maps of the first network of each training."""
    (saliency,) = choose_methods(["saliency"])
    drawn = one_of_each(data.labels, _DRAWN)
    images, labels = data.images[drawn], data.labels[drawn]
    maps = {
        f"Saliency, {training} training": context.few_maps(
            saliency, networks[role][0], images, labels
        )
        for role, training in TRAININGS.items()
    }
    lines = [
        ImageRow(
            image,
            context.study_data.classes[label],
            {title: found[number] for title, found in maps.items()},
        )
        for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True))
    ]
    figure = new_figure(*block_size(lines), block_dpi(lines))
    draw_block(figure.subfigures(1, 1, squeeze=False)[0, 0], lines, "")
    return figure


STUDY = Study(
    name="robust-saliency",
    shows="section 3.1",
    asks="whether adversarially trained networks have cleaner saliency maps",
    images=(MASKED,),
    run=robust_saliency,
    presets={
        "smoke": BackgroundConfig(per_class=2),
        "quick": BackgroundConfig(per_class=None),
        "full": BackgroundConfig(per_class=None),
    },
    minutes={"smoke": None, "quick": None, "full": 0.2},
    roles=("plain", "robust"),
)
