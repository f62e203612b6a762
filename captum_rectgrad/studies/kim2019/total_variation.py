"""Figure 8, bottom: how rough attribution maps are."""

from torch import Tensor

from captum_rectgrad.evaluation import map_metrics
from captum_rectgrad.studies.figures.boxplots import Panel, boxplots
from captum_rectgrad.studies.framework.comparing import both_less_than_baselines, measure_maps, rows
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.framework.study import ImagesConfig, Study

AMOUNT, RELATIVE = "total variation", "total variation per attribution"


def total_variation(config: ImagesConfig, lab: Lab) -> Result:
    """Measure it on test images.

    Args:
        config: see there.
        lab: methods, material and machine.

    Returns:
        For each method the total variation, as in the paper, and per unit of attribution.
    """
    network = lab.network("plain")
    images = network.sees(lab.images("test", config.images)).images

    def amount(maps: Tensor, _: slice) -> Tensor:
        return map_metrics.total_variation(maps)

    def relative(maps: Tensor, _: slice) -> Tensor:
        return map_metrics.relative_total_variation(maps)

    measured = measure_maps(lab, network, images, {AMOUNT: amount, RELATIVE: relative})
    claims = both_less_than_baselines(
        measured,
        {AMOUNT: "", RELATIVE: " (per unit of attribution)"},
        "Maps of {} vary less than those of all baselines",
        "section 5.3, figure 8",
        lab.seed,
    )
    return Result(
        rows=rows(measured, lab.seed),
        claims=claims,
        figure=boxplots(
            {
                "as in figure 8": Panel(measured, AMOUNT, scaled=True),
                "per unit of attribution": Panel(measured, RELATIVE),
            }
        ),
        notes=(
            (
                "Total variation is proportional to a method's scale, which is another for every "
                "method; only the one per unit of attribution compares them. Sparse maps of single "
                "pixels have the largest, 4."
            ),
        ),
    )


STUDY = Study(
    name="total-variation",
    shows="figure 8, bottom",
    asks="how rough the maps are",
    needs="test images; the plain network",
    run=total_variation,
    presets={
        "smoke": ImagesConfig(images=30),
        "quick": ImagesConfig(images=1000),
        "full": ImagesConfig(),
    },
    minutes={"smoke": 0.2, "quick": 7.1, "full": None},
    compares=True,
)
