"""Figure 8, top: attribution on the background, outside the object's mask."""

from dataclasses import dataclass

from torch import Tensor

from captum_rectgrad.evaluation.map_metrics import (
    amount_inside,
    amount_of_channels_inside,
    share_inside,
)
from captum_rectgrad.studies.figures.boxplots import Panel, boxplots
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    Measure,
    both_less_than_baselines,
    channels_note,
    measure_maps,
    rows_of,
)
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.masks import correct, names_of

AMOUNT, OF_CHANNELS, SHARE, EXCESS = (
    "amount on the background",
    "amount on the background, of all channels",
    "share on the background",
    "share over the background's area",
)


@dataclass(frozen=True)
class BackgroundConfig:
    """Size of the study.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = 10


def background(config: BackgroundConfig, context: StudyContext) -> Result:
    """Measure attribution on the background of correctly classified images with masks.

    Args:
        config: size of the study.
        context: methods, data and device.

    Returns:
        For each final threshold and method the amount of attribution on the background, for the
        channels' sum and for all channels, its share of the map, and that share divided by the
        background's share of the image, which is 1 for a uniform map.
    """
    networks = context.networks("plain")
    data = correct(context, networks, context.masked(), config.per_class)
    outside = ~data.masks

    def amount(maps: Tensor, images: slice) -> Tensor:
        return amount_inside(maps, outside[images])

    def of_channels(maps: Tensor, images: slice) -> Tensor:
        return amount_of_channels_inside(maps, outside[images])

    measures = {AMOUNT: amount, OF_CHANNELS: of_channels, **shares_outside(data.masks)}
    found = measure_maps(context, networks, [data.images] * len(networks), measures)
    claims = both_less_than_baselines(
        found,
        {AMOUNT: "", SHARE: " (by share of the map)"},
        "{} puts less attribution on the background than all baselines",
        "section 5.3, figure 8",
        context.seed,
    )
    primary = found[context.finals[0]]
    return Result(
        rows=rows_of(found, context.seed),
        claims=claims,
        figure=boxplots(
            {
                "as in figure 8": Panel(primary, AMOUNT, scaled=True),
                "by share of the map": Panel(primary, EXCESS, 1.0),
            }
        ),
        notes=(
            (
                f"{len(data)} images that {names_of(networks)} classifies correctly; the "
                f"background is {outside.double().mean().item():.1%} of them on average."
            ),
            channels_note([*found.values()], AMOUNT, OF_CHANNELS),
            (
                "The amount is proportional to a method's scale, so only shares are comparable "
                "between methods. A map that is zero everywhere has no share."
            ),
        ),
    )


def shares_outside(masks: Tensor) -> dict[str, Measure]:
    """Shares of attribution on the background, independent of a map's scale.

    Args:
        masks: `(N, H, W)`, bool, True on the object.

    Returns:
        The share on the background, and that share divided by the background's share of the area.
    """
    outside = ~masks
    area = outside.double().mean(dim=(1, 2))

    def share(maps: Tensor, images: slice) -> Tensor:
        return share_inside(maps, outside[images])

    def excess(maps: Tensor, images: slice) -> Tensor:
        return share(maps, images) / area[images]

    return {SHARE: share, EXCESS: excess}


STUDY = Study(
    name="background",
    shows="figure 8, top",
    asks="how much attribution falls outside the object",
    images=(MASKED,),
    run=background,
    presets={
        "smoke": BackgroundConfig(per_class=2),
        "quick": BackgroundConfig(),
        "full": BackgroundConfig(),
    },
    minutes={"smoke": 0.1, "quick": None, "full": 1.9},
    compares=True,
    better={SHARE: "lower", EXCESS: "lower"},
)
