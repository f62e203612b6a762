"""Figure 7: how much attribution falls on a corner of noise that says nothing about the class."""

import torch
from torch import Tensor

from captum_rectgrad.studies.comparing import (
    Measured,
    baselines,
    boxplots,
    less_than,
    measure_maps,
    rows,
)
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.material import Network, Role
from captum_rectgrad.studies.measures import amount_inside, share_inside
from captum_rectgrad.studies.result import Claim, Result, Row
from captum_rectgrad.studies.study import ImagesConfig, Study

# The part of the patch that a filter of the first convolution sees nothing of the image in.
MARGIN = 2
NOISES: dict[Role, str] = {"occluded": "one patch", "noise": "noise of each image"}
AMOUNT, SHARE = "amount in the corner", "share in the corner"


def patch(config: ImagesConfig, lab: Lab) -> Result:
    """Measure it on the network behind one patch, and on the control behind noise of each image.

    Args:
        config: see there.
        lab: methods, material and machine.

    Returns:
        For each network and method the amount of attribution in the corner, as in the paper, and
        its share of the map.
    """
    data = lab.images("test", config.images)
    panels: dict[str, tuple[Measured, str, float | None]] = {}
    numbers: list[Row] = []
    claims: list[Claim] = []
    area = float("nan")
    for role, noise in NOISES.items():
        network = lab.network(role)
        seen = network.sees(data).images
        region = corner(network, seen)
        area = region.double().mean().item()
        measured = measure(lab, network, seen, region)
        panels[noise] = (measured, AMOUNT, None)
        panels[f"{noise}, by share"] = (measured, SHARE, area)
        numbers += rows(measured, lab.seed, noise=noise)
        claims += _claims(measured, noise, lab.seed)
    return Result(
        rows=numbers,
        claims=claims,
        figure=boxplots(panels),
        notes=(
            (
                f"A map that treats all pixels alike has a share of {area:.2%} in the corner: the "
                "dotted line."
            ),
            (
                "The amount is proportional to a method's scale, which is another for every "
                "method; only the shares compare them. A map that is zero everywhere has no share."
            ),
        ),
    )


def measure(lab: Lab, network: Network, images: Tensor, region: Tensor) -> Measured:
    """Measure a region on all maps of a network.

    Args:
        lab: methods and machine.
        network: what is explained.
        images: `(N, C, H, W)`, uint8, as the network is to see them.
        region: `(H, W)`, bool.

    Returns:
        Amount and share in the region.
    """

    def amount(maps: Tensor, _: slice) -> Tensor:
        return amount_inside(maps, region)

    def share(maps: Tensor, _: slice) -> Tensor:
        return share_inside(maps, region)

    return measure_maps(lab, network, images, {AMOUNT: amount, SHARE: share})


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
    if network.recipe.occlusion is None:
        raise ValueError(f"{network.name} was trained without noise: there is no corner")
    side = network.recipe.occlusion.size - MARGIN
    region = torch.zeros(images.shape[-2:], dtype=torch.bool)
    region[:side, :side] = True
    return region


def _claims(measured: Measured, where: str, seed: int) -> list[Claim]:
    others = baselines(measured)
    return [
        claim
        for measure, how in ((AMOUNT, ""), (SHARE, " (by share of the map)"))
        for claim in (
            less_than(
                measured,
                measure,
                "rectgrad-prr",
                [*others, "rectgrad"],
                f"RectGrad PRR assigns the least attribution to the corner{how}",
                f"section 5.3, figure 7; {where}",
                seed,
            ),
            less_than(
                measured,
                measure,
                "rectgrad",
                [key for key in others if key != "deeplift"],
                f"RectGrad assigns less to the corner than all baselines but DeepLIFT{how}",
                f"section 5.3, figure 7; {where}",
                seed,
            ),
        )
    ]


STUDY = Study(
    name="patch",
    shows="figure 7",
    asks="how much attribution falls on a corner of pure noise",
    needs="test images; the networks trained behind noise",
    run=patch,
    presets={
        "smoke": ImagesConfig(images=100),
        "quick": ImagesConfig(images=1000),
        "full": ImagesConfig(),
    },
    minutes={"smoke": 0.3, "quick": None, "full": None},
)
