"""Figure 8, bottom: roughness of attribution maps."""

from torch import Tensor

from captum_rectgrad.evaluation import map_metrics
from captum_rectgrad.studies.figures.boxplots import Panel, boxplots
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import (
    both_less_than_baselines,
    less_than,
    measure_maps,
    rows_of,
)
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.framework.study import ImagesConfig, Study

AMOUNT, RELATIVE = "total variation", "total variation per attribution"


def total_variation(config: ImagesConfig, context: StudyContext) -> Result:
    """Measure the total variation of maps of test images.

    Args:
        config: size of the study.
        context: methods, data and device.

    Returns:
        For each final threshold and method the total variation, as in the paper, and per unit of
        attribution.
    """
    networks, data = context.networks("plain"), context.images("test", config.images)
    images = [network.with_occlusion(data).images for network in networks]

    def amount(maps: Tensor, _: slice) -> Tensor:
        return map_metrics.total_variation(maps)

    def relative(maps: Tensor, _: slice) -> Tensor:
        return map_metrics.relative_total_variation(maps)

    found = measure_maps(context, networks, images, {AMOUNT: amount, RELATIVE: relative})
    claims = both_less_than_baselines(
        found,
        {AMOUNT: "", RELATIVE: " (per unit of attribution)"},
        "Maps of {} vary less than those of all baselines",
        "section 5.3, figure 8",
        context.seed,
    )
    primary = found[context.finals[0]]
    if {"rectgrad", "rectgrad-prr"} <= {method.key for method in primary.methods}:
        claims.append(
            less_than(
                primary,
                RELATIVE,
                "rectgrad-prr",
                ["rectgrad"],
                "Maps of RectGrad PRR are smoother than those of RectGrad (per unit of "
                "attribution)",
                "appendix C.2",
                context.seed,
            )
        )
    return Result(
        rows=rows_of(found, context.seed),
        claims=claims,
        figure=boxplots(
            {
                "as in figure 8": Panel(primary, AMOUNT, scaled=True),
                "per unit of attribution": Panel(primary, RELATIVE),
            }
        ),
        notes=(
            (
                "Total variation is proportional to a method's scale, so only the total variation "
                "per unit of attribution is comparable between methods. It is largest, 4, for "
                "isolated pixels."
            ),
        ),
    )


STUDY = Study(
    name="total-variation",
    shows="figure 8, bottom",
    asks="how rough the maps are",
    run=total_variation,
    presets={
        "smoke": ImagesConfig(images=30),
        "quick": ImagesConfig(images=1000),
        "full": ImagesConfig(),
    },
    minutes={"smoke": 0.2, "quick": 10.4, "full": None},
    compares=True,
    better={RELATIVE: "lower"},
)
