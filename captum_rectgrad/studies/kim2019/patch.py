"""Figure 7: attribution on a corner of noise that is independent of the class."""

from collections.abc import Sequence

import torch
from torch import Tensor

from captum_rectgrad.evaluation.map_metrics import (
    amount_inside,
    amount_of_channels_inside,
    share_inside,
)
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.figures.boxplots import Panel, boxplots
from captum_rectgrad.studies.framework.bounds import SIMILAR_SHARE
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    MapMeasurements,
    baselines,
    by_primary,
    channels_note,
    less_than,
    measure_maps,
    rows,
    similar,
)
from captum_rectgrad.studies.framework.result import Claim, Result, Row
from captum_rectgrad.studies.framework.study import ImagesConfig, Study
from captum_rectgrad.studies.options import FINAL_TITLES, Final, Role

# Width of the border of the patch in which filters of the first convolution also see the image.
MARGIN = 2
NOISES: dict[Role, str] = {"occluded": "one patch", "noise": "noise of each image"}
# Source of the claims on each; the paper has no control.
SOURCES: dict[Role, str] = {"occluded": "section 5.3, figure 7", "noise": "not in the paper"}
AMOUNT, OF_CHANNELS, SHARE = (
    "amount in the corner",
    "amount in the corner, of all channels",
    "share in the corner",
)


def patch(config: ImagesConfig, context: StudyContext) -> Result:
    """Measure attribution in the corner for the network behind one patch, and for the control.

    The control was trained behind different noise in each image.

    Args:
        config: size of the study.
        context: methods, data and device.

    Returns:
        For each role, final threshold and method the amount of attribution in the corner, for the
        channels' sum and for all channels, and its share of the map.
    """
    data = context.images("test", config.images)
    panels: dict[str, Panel] = {}
    numbers: list[Row] = []
    claims: list[Claim] = []
    runs: list[MapMeasurements] = []
    area = float("nan")
    for role, noise in NOISES.items():
        networks = context.networks(role)
        seen = [network.with_occlusion(data).images for network in networks]
        region = corner(networks[0], seen[0])
        area = region.double().mean().item()
        found = measure(context, networks, seen, region)
        primary = found[context.finals[0]]
        panels[noise] = Panel(primary, AMOUNT, scaled=True)
        panels[f"{noise}, by share of the map"] = Panel(primary, SHARE, area)
        runs += found.values()
        source, judged = f"{SOURCES[role]}; {noise}", {}
        for final, measured in found.items():
            same = {"noise": noise, "final threshold": FINAL_TITLES[final]}
            numbers += rows(measured, context.seed, **same)
            judged[final] = _claims(measured, source, context.seed)
        claims += by_primary(judged)
    return Result(
        rows=numbers,
        claims=claims,
        figure=boxplots(panels),
        notes=(
            (f"A uniform map has a share of {area:.2%} in the corner (dotted line)."),
            channels_note(runs, AMOUNT, OF_CHANNELS),
            (
                "The amount is proportional to a method's scale, so only shares are comparable "
                "between methods. A map that is zero everywhere has no share."
            ),
        ),
    )


def measure(
    context: StudyContext, networks: Sequence[Network], images: Sequence[Tensor], region: Tensor
) -> dict[Final, MapMeasurements]:
    """Measure a region of all maps of networks.

    Args:
        context: methods and device.
        networks: the explained networks.
        images: for each network `(N, C, H, W)`, uint8, with its noise.
        region: `(H, W)`, bool.

    Returns:
        Amounts and share in the region, by final threshold.
    """

    def amount(maps: Tensor, _: slice) -> Tensor:
        return amount_inside(maps, region)

    def of_channels(maps: Tensor, _: slice) -> Tensor:
        return amount_of_channels_inside(maps, region)

    def share(maps: Tensor, _: slice) -> Tensor:
        return share_inside(maps, region)

    measures = {AMOUNT: amount, OF_CHANNELS: of_channels, SHARE: share}
    return measure_maps(context, networks, images, measures)


def corner(network: Network, images: Tensor) -> Tensor:
    """The pixels of the noise whose filters in the first layer only see noise.

    Args:
        network: trained behind noise.
        images: `(N, C, H, W)`.

    Returns:
        `(H, W)`, bool: 8 x 8 pixels of a patch of 10 x 10.

    Raises:
        ValueError: the network was trained without noise.
    """
    if network.occlusion is None:
        raise ValueError(f"{network.name} was trained without noise, so it has no noisy corner")
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
        claims.append(similar(measured, SHARE, pair, SIMILAR_SHARE, text, source, seed))
    return claims


STUDY = Study(
    name="patch",
    shows="figure 7",
    asks="how much attribution falls on a corner of pure noise",
    run=patch,
    presets={
        "smoke": ImagesConfig(images=30),
        "quick": ImagesConfig(images=1000),
        "full": ImagesConfig(),
    },
    minutes={"smoke": 0.3, "quick": 21.5, "full": None},
    roles=("occluded", "noise"),
    compares=True,
    better={SHARE: "lower"},
)
