"""Figure 2: saliency maps are not zero at pixels of pure noise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.evaluation.intervals import mean, proportion, proportion_difference
from captum_rectgrad.evaluation.map_metrics import channel_sum, share_inside
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.bounds import NEARLY_ALL, SAME_ACCURACY, judged_by
from captum_rectgrad.studies.framework.by_network import stack_networks
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import Claim, Result, Row, judged_above, judged_within
from captum_rectgrad.studies.framework.study import ImagesConfig, Study
from captum_rectgrad.studies.kim2019.patch import MARGIN, NOISES, corner
from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.occlusion import Occlusion, occluded

_DRAWN = 4  # images
_LEGEND = 0.4  # inches


@dataclass(frozen=True, eq=False)
class _Seen:
    """Measurements of the saliency maps, by network and image, `(R, N)`."""

    touched: NDArray[np.float64]  # share of the corner's pixels that are not zero
    share: NDArray[np.float64]  # of the map's attribution that is in the corner
    right: NDArray[np.float64]  # whether the class is right, with the noise trained behind
    right_elsewhere: NDArray[np.float64]  # and with other noise


def occluded_saliency(config: ImagesConfig, context: StudyContext) -> Result:
    """Measure saliency maps of networks that were trained behind noise.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For the networks behind one patch and for the control: the share of the corner's pixels that
        are not zero, the corner's share of the map, and the accuracy, also with other noise and of
        the network on plain images.
    """
    data = context.images("test", config.images)
    plain = context.networks("plain")
    right_plain = np.stack([_right(context, network, data) for network in plain])
    numbers: list[Row] = []
    claims: list[Claim] = []
    blocks: dict[str, list[ImageRow]] = {}
    for role, noise in NOISES.items():
        networks = context.networks(role)
        seen = [network.with_occlusion(data).images for network in networks]
        region = corner(networks[0], seen[0])
        measured = [
            _measure(context, network, data, images, region)
            for network, images in zip(networks, seen, strict=True)
        ]
        found = _Seen(**stack_networks([vars(one) for one, _ in measured]))
        area = region.double().mean().item()
        touched, share = mean(found.touched, context.seed), mean(found.share, context.seed)
        numbers.append(
            {
                "noise": noise,
                "corner's pixels not zero": touched,
                "share in the corner": share,
                "corner's share of the area": area,
                "accuracy": proportion(found.right),
                "accuracy with other noise": proportion(found.right_elsewhere),
                "accuracy on plain images": proportion(right_plain),
            }
        )
        claims += _claims(found, right_plain, role, area, context.seed)
        names = (context.study_data.classes[label] for label in data.labels[:_DRAWN].tolist())
        blocks[noise] = [
            ImageRow(image, name, {"Saliency": drawn})
            for image, name, drawn in zip(seen[0][:_DRAWN], names, measured[0][1], strict=True)
        ]
    return Result(
        rows=numbers,
        claims=claims,
        figure=_figure(blocks, int(region.any(dim=0).sum())),
        notes=(
            (
                "Maps are summed over channels; those of the first network are drawn. The square "
                "marks the corner: pixels whose filters in the first layer only see noise."
            ),
            (
                "The noise is irrelevant to the task by construction. The accuracy with other "
                "noise shows whether a network uses it anyway, which the paper does not test. "
                "The accuracy on plain images is that of other networks, trained on plain images."
            ),
        ),
    )


def _measure(
    context: StudyContext, network: Network, data: LabelledImages, seen: Tensor, region: Tensor
) -> tuple[_Seen, Tensor]:
    """Measure a network, and keep the first maps for the figure."""
    (saliency,) = choose_methods(["saliency"])
    targets = context.predictions(network, seen)
    touched, share, drawn = [], [], torch.empty(0)
    for batch in context.maps(saliency, network, seen, targets):
        inside = channel_sum(batch.maps)[:, region]
        touched.append((inside != 0).double().mean(dim=1))
        share.append(share_inside(batch.maps, region))
        drawn = torch.cat([drawn, batch.maps[: max(0, _DRAWN - len(drawn))]])
    occlusion = network.occlusion
    assert occlusion is not None  # noqa: S101 (corner has looked)
    found = _Seen(
        touched=torch.cat(touched).numpy(),
        share=torch.cat(share).numpy(),
        right=(targets == data.labels).double().numpy(),
        right_elsewhere=_right(context, network, data, replace(occlusion, seed=occlusion.seed + 1)),
    )
    return found, drawn


def _right(
    context: StudyContext, network: Network, data: LabelledImages, noise: Occlusion | None = None
) -> NDArray[np.float64]:
    """Whether a network is correct, `(N,)`, for images with or without noise."""
    right: NDArray[np.float64] = (
        (context.predictions(network, occluded(data, noise).images) == data.labels).double().numpy()
    )
    return right


def _claims(
    found: _Seen, right_plain: NDArray[np.float64], role: Role, area: float, seed: int
) -> list[Claim]:
    paper = "section 3.1, figure 2" if role == "occluded" else "not in the paper"
    share = mean(found.share, seed)
    not_zero = proportion((found.touched > 0).astype(np.float64))
    exchanged = proportion_difference(found.right, found.right_elsewhere, seed)
    nearly_all, nearly_all_if = judged_by(NEARLY_ALL, lambda value: judged_above(not_zero, value))
    unused, unused_if = judged_by(SAME_ACCURACY, lambda value: judged_within(exchanged, value))
    # The control is trained in another way, so its accuracy differs for other reasons as well.
    accuracy = [_same_accuracy(right_plain, found.right, seed)] if role == "occluded" else []
    return [
        Claim(
            "Saliency maps are not zero on the noise, consistently across test data",
            f"{paper}; {NOISES[role]}",
            nearly_all,
            f"share of the images with any value but zero there: {not_zero}; above {NEARLY_ALL} "
            f"counts as consistent ({nearly_all_if}). The corner has {share} of the map "
            f"and {area:g} of the area",
        ),
        *accuracy,
        Claim(
            "The network's accuracy does not rest on which noise it is",
            f"not in the paper; {NOISES[role]}",
            unused,
            f"loss of accuracy with other noise: {exchanged}; differences up to "
            f"{SAME_ACCURACY} do not count ({unused_if})",
        ),
    ]


def _same_accuracy(plain: NDArray[np.float64], noise: NDArray[np.float64], seed: int) -> Claim:
    behind = proportion_difference(plain, noise, seed)
    same, same_if = judged_by(SAME_ACCURACY, lambda value: judged_within(behind, value))
    return Claim(
        "Test accuracy does not change significantly when the training images have the noise",
        f"section 3.1, figure 2; {NOISES['occluded']}",
        same,
        f"accuracy, plain images minus images with noise: {behind}; differences up to "
        f"{SAME_ACCURACY} do not count ({same_if})",
    )


def _figure(blocks: Mapping[str, list[ImageRow]], side: int) -> Figure:
    """The networks side by side."""
    first = next(iter(blocks.values()))
    width, height = block_size(first)
    figure = new_figure(width * len(blocks), height + _LEGEND, block_dpi(first))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, _LEGEND])[:, 0]
    parts = above.subfigures(1, len(blocks), squeeze=False)[0]
    for part, (noise, lines) in zip(parts, blocks.items(), strict=True):
        draw_block(part, lines, noise, square=side)
    noise_side = side + MARGIN
    legends.draw_legend(
        below,
        f"green: the {side} x {side} pixels whose filters in the first layer only see noise,",
        f"of {noise_side} x {noise_side} noise pixels",
    )
    return figure


STUDY = Study(
    name="occluded-saliency",
    shows="figure 2",
    asks="whether saliency maps mark a corner of pure noise",
    run=occluded_saliency,
    presets={
        "smoke": ImagesConfig(images=40),
        "quick": ImagesConfig(),
        "full": ImagesConfig(),
    },
    minutes={"smoke": 0.1, "quick": 3.1, "full": 4.2},
    roles=("plain", "occluded", "noise"),
)
