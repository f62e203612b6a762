"""Figure 7: how much attribution falls on a corner of noise that says nothing about the class."""

import torch
from torch import Tensor

from captum_rectgrad.evaluation.map_metrics import (
    amount_inside,
    amount_of_channels_inside,
    share_inside,
)
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.figures.boxplots import Panel, boxplots
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    MapMeasurements,
    baselines,
    channels_note,
    less_than,
    measure_maps,
    rows,
    similar,
)
from captum_rectgrad.studies.framework.result import Claim, Result, Row
from captum_rectgrad.studies.framework.study import ImagesConfig, Study
from captum_rectgrad.studies.options import Role

# The part of the patch that a filter of the first convolution sees nothing of the image in.
MARGIN = 2
NOISES: dict[Role, str] = {"occluded": "one patch", "noise": "noise of each image"}
# Where a claim on each is from: the paper has no control.
SOURCES: dict[Role, str] = {"occluded": "section 5.3, figure 7", "noise": "not in the paper"}
AMOUNT, OF_CHANNELS, SHARE = (
    "amount in the corner",
    "amount in the corner, of all channels",
    "share in the corner",
)
# Of a map: what "similarly good" is taken to mean; with all pixels alike the corner has 0.0625.
SIMILAR = 0.01


def patch(config: ImagesConfig, context: StudyContext) -> Result:
    """Measure it on the network behind one patch, and on the control behind noise of each image.

    Args:
        config: see there.
        context: methods, data and machine.

    Returns:
        For each network and method the amount of attribution in the corner, of the channels' sum
        and of all channels, and its share of the map.
    """
    data = context.images("test", config.images)
    panels: dict[str, Panel] = {}
    numbers: list[Row] = []
    claims: list[Claim] = []
    area = float("nan")
    for role, noise in NOISES.items():
        network = context.network(role)
        seen = network.with_occlusion(data).images
        region = corner(network, seen)
        area = region.double().mean().item()
        measured = measure(context, network, seen, region)
        panels[noise] = Panel(measured, AMOUNT, scaled=True)
        panels[f"{noise}, by share of the map"] = Panel(measured, SHARE, area)
        numbers += rows(measured, context.seed, noise=noise)
        claims += _claims(measured, f"{SOURCES[role]}; {noise}", context.seed)
    return Result(
        rows=numbers,
        claims=claims,
        figure=boxplots(panels),
        notes=(
            (
                f"A map that treats all pixels alike has a share of {area:.2%} in the corner: the "
                "dotted line."
            ),
            channels_note([panel.measured for panel in panels.values()], AMOUNT, OF_CHANNELS),
            (
                "The amount is proportional to a method's scale, which is another for every "
                "method; only the shares compare them. A map that is zero everywhere has no share."
            ),
        ),
    )


def measure(
    context: StudyContext, network: Network, images: Tensor, region: Tensor
) -> MapMeasurements:
    """Measure a region on all maps of a network.

    Args:
        context: methods and machine.
        network: what is explained.
        images: `(N, C, H, W)`, uint8, as the network is to see them.
        region: `(H, W)`, bool.

    Returns:
        Amounts and share in the region.
    """

    def amount(maps: Tensor, _: slice) -> Tensor:
        return amount_inside(maps, region)

    def of_channels(maps: Tensor, _: slice) -> Tensor:
        return amount_of_channels_inside(maps, region)

    def share(maps: Tensor, _: slice) -> Tensor:
        return share_inside(maps, region)

    measures = {AMOUNT: amount, OF_CHANNELS: of_channels, SHARE: share}
    return measure_maps(context, network, images, measures)


def corner(network: Network, images: Tensor) -> Tensor:
    """The part of the noise that no filter of the first layer sees together with the image.

    Args:
        network: trained behind noise.
        images: `(N, C, H, W)`.

    Returns:
        `(H, W)`, bool: 8 x 8 pixels of a patch of 10 x 10.

    Raises:
        ValueError: the network was trained without noise.
    """
    if network.occlusion is None:
        raise ValueError(f"{network.name} was trained without noise: there is no corner")
    side = network.occlusion.size - MARGIN
    region = torch.zeros(images.shape[-2:], dtype=torch.bool)
    region[:side, :side] = True
    return region


def _claims(measured: MapMeasurements, source: str, seed: int) -> list[Claim]:
    others = baselines(measured)
    least = "RectGrad PRR assigns the least attribution to the corner"
    less = "RectGrad assigns less to the corner than all baselines but DeepLIFT"
    others_of = {
        "rectgrad-prr": (least, [*others, "rectgrad"]),
        "rectgrad": (less, [key for key in others if key != "deeplift"]),
    }
    run = {method.key for method in measured.methods}
    claims = [
        less_than(measured, measure, winner, beaten, text + how, source, seed)
        for measure, how in ((AMOUNT, ""), (SHARE, " (by share of the map)"))
        for winner, (text, beaten) in others_of.items()
        if winner in run
    ]
    pair = ("rectgrad", "deeplift")
    if run.issuperset(pair):
        text = "RectGrad and DeepLIFT assign similarly much to the corner (by share of the map)"
        claims.append(similar(measured, SHARE, pair, SIMILAR, text, source, seed))
    return claims


STUDY = Study(
    name="patch",
    shows="figure 7",
    asks="how much attribution falls on a corner of pure noise",
    needs="test images; the networks trained behind noise",
    run=patch,
    presets={
        "smoke": ImagesConfig(images=30),
        "quick": ImagesConfig(images=1000),
        "full": ImagesConfig(),
    },
    minutes={"smoke": 0.3, "quick": 9.5, "full": None},
    roles=("occluded", "noise"),
    compares=True,
)
