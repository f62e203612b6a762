"""Figure 17 and appendices B.2 and B.3: which units PR1 to PR4 and RectGradMod follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.evaluation.intervals import difference, proportion
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.plotting.maps import plot_map
from captum_rectgrad.rules.threshold import RuleName
from captum_rectgrad.studies.data.material import MaskedImages, Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.boxplots import ALIKE, Panel, draw_boxes
from captum_rectgrad.studies.figures.figure_layout import sheet, show_image
from captum_rectgrad.studies.framework.comparing import Measured, measure_maps, rows
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.result import Claim, Result, Row, judged, judged_above
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.background import EXCESS, SHARE, shares_outside
from captum_rectgrad.studies.kim2019.masks import HALF, correct, one_of_each

TITLES: dict[RuleName, str] = {
    "PR1": "PR1 (RectGrad)",
    "Mod": "RectGradMod",
    "PR2": "PR2",
    "PR3": "PR3",
    "PR4": "PR4",
}
ACTIVATIONS = (3.0, 2.0, 1.0, 0.0)  # appendix B.2
WEIGHTS = (1.0, 10.0, -100.0, 1000.0)
PERCENTILE = 74.0
_BIAS = 200.0  # keeps the affine function, now a unit of the second layer, active: it is 123
_DRAWN = 4  # images


@dataclass(frozen=True)
class PropagationRulesConfig:
    """How much is measured.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = None


@dataclass(frozen=True)
class Followed:
    """Where a rule leads in the example.

    Attributes:
        units: numbers of the units that pass the gradient, from 1 as in the paper.
        contribution: what they add to the output.
    """

    units: tuple[int, ...]
    contribution: float

    def __str__(self) -> str:
        names = ", ".join(f"a{unit}" for unit in self.units) or "none"
        return f"{names} ({self.contribution:g})"


def propagation_rules(config: PropagationRulesConfig, lab: Lab) -> Result:
    """Work the example of appendix B, and compare the rules' maps on images with masks.

    Args:
        config: see there.
        lab: material and machine; its methods are not used.

    Returns:
        For each rule the unit that it follows in the example, of one layer and of two, with what
        that unit adds to the output; and the share of its maps on the background.
    """
    network = lab.network("plain")
    data = correct(lab, network, lab.masked(), config.per_class)
    by_rule = replace(lab, methods=[_method(rule) for rule in TITLES])
    measured = measure(by_rule, network, data)
    single = {rule: followed(affine(), rule) for rule in TITLES}
    double = {rule: followed(two_layers(), rule) for rule in TITLES}
    more = more_than_rectgrad(measured)
    numbers: list[Row] = []
    for rule, row in zip(TITLES, rows(measured, lab.seed), strict=True):
        example: Row = {
            "rule": row.pop("method"),
            "follows, one layer": str(single[rule]),
            "follows, two layers": str(double[rule]),
        }
        often: Row = {"images with more than RectGrad": proportion(more[rule])}
        numbers.append({**example, **row, **often})
    return Result(
        rows=numbers,
        claims=[*example_claims(single, double), *map_claims(measured, lab.seed)],
        figure=_figure(by_rule, network, data, measured),
        notes=(
            (
                "The example: a1 + 10 a2 - 100 a3 + 1000 a4 at (3, 2, 1, 0), q = 74. In brackets "
                "is what the unit adds to the output. With two layers that function, plus 200, "
                "is the first unit of a second layer, which all rules follow."
            ),
            (
                "RectGradMod follows PR1 at the last hidden activation and PR2 at all before it; "
                "of a single layer it is PR1. The maps are made with q = 98 and the padding trick."
            ),
            (
                f"{len(data)} images that {network.name} classifies correctly. A map that is zero "
                "everywhere has no share."
            ),
        ),
    )


def affine() -> nn.Module:
    """The single layer of appendix B.2: from pre-activations `(N, 4)` to `(N, 1)`."""
    model = nn.Sequential(nn.ReLU(), nn.Linear(4, 1, bias=False))
    _set(model, {"1.weight": [WEIGHTS]})
    return model


def two_layers() -> nn.Module:
    """The same function as the most influential of four units of a second layer (appendix B.3)."""
    model = nn.Sequential(nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1, bias=False))
    weights = [WEIGHTS, (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)]
    _set(
        model,
        {"1.weight": weights, "1.bias": [_BIAS, 0, 0, 0], "3.weight": [(2, 1, 1, 1)]},
    )
    return model


def _set(model: nn.Module, values: Mapping[str, Sequence[object]]) -> None:
    model.load_state_dict(
        {name: torch.tensor(value, dtype=torch.float32) for name, value in values.items()}
    )


def followed(model: nn.Module, rule: RuleName) -> Followed:
    """Which units of the first activation pass the gradient, in the example.

    Args:
        model: from pre-activations `(N, 4)` to `(N, 1)`.
        rule: the propagation rule.

    Returns:
        The units at `ACTIVATIONS` with `PERCENTILE`.
    """
    inputs = torch.tensor([ACTIVATIONS])
    method = RectGrad(model, PERCENTILE, rule=rule, final_threshold=False, multiply_by_inputs=False)
    gradient = method.attribute(inputs, target=0)[0]
    units = tuple(int(index) + 1 for index in torch.nonzero(gradient)[:, 0])
    return Followed(units, float(gradient @ inputs[0]))


def example_claims(
    single: dict[RuleName, Followed], double: dict[RuleName, Followed]
) -> list[Claim]:
    """Hold the example against what appendix B says of it.

    Args:
        single: by rule, of one layer.
        double: by rule, of two.

    Returns:
        The claims of B.2 and B.3.
    """
    terms = [a * weight for a, weight in zip(ACTIVATIONS, WEIGHTS, strict=True)]
    most, least = (terms.index(found(terms)) + 1 for found in (max, min))
    largest = terms.index(max(terms, key=abs)) + 1
    rules: tuple[RuleName, ...] = ("PR1", "PR2", "PR3", "PR4")
    of_one = (
        single["PR1"].units == (most,)
        and single["PR2"].units == (largest,)
        and not {single["PR3"].units, single["PR4"].units} & {(most,), (largest,)}
    )
    of_two = double["PR1"].units == (most,) and double["Mod"].units == (least,)
    return [
        Claim(
            "Of a single layer PR1 selects the unit that contributes most, PR2 the one with the "
            "largest absolute contribution, PR3 and PR4 neither",
            "appendix B.2",
            "holds" if of_one else "does not hold",
            "; ".join(f"{rule}: {single[rule]}" for rule in rules),
        ),
        Claim(
            "Of several layers PR1 still does; PR1 at the last and PR2 below select the unit that "
            "contributes least",
            "appendix B.3",
            "holds" if of_two else "does not hold",
            f"PR1: {double['PR1']}; RectGradMod: {double['Mod']}",
        ),
    ]


def _method(rule: RuleName) -> Method:
    return Method(rule, TITLES[rule], partial(_attribute, rule), baseline=False)


def _attribute(rule: RuleName, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    return RectGrad(model, rule=rule).attribute(x, target=target)


def measure(lab: Lab, network: Network, data: MaskedImages) -> Measured:
    """Measure where the maps of all rules lie.

    Args:
        lab: its methods are the rules.
        network: what is explained.
        data: images with masks.

    Returns:
        The share on the background, and that over the background's area.
    """
    return measure_maps(lab, network, data.images, shares_outside(data.masks))


def more_than_rectgrad(measured: Measured) -> dict[RuleName, NDArray[np.float64]]:
    """Whether a rule puts more on the background than RectGrad does.

    Args:
        measured: see `measure`.

    Returns:
        By rule `(N,)`: 1 where it does, 0 where not, NaN where one of the two has no share.
    """
    shares = measured.values[SHARE]
    return {
        rule: np.where(
            np.isfinite(shares[rule]) & np.isfinite(shares["PR1"]),
            shares[rule] > shares["PR1"],
            np.nan,
        )
        for rule in TITLES
    }


def map_claims(measured: Measured, seed: int) -> list[Claim]:
    """Judge whether RectGradMod puts more on the background than RectGrad.

    Args:
        measured: see `measure`.
        seed: of the bootstrap.

    Returns:
        The claims on how much, and on how often.
    """
    source = "appendix B.4, figure 17"
    shares = measured.values[SHARE]
    more = difference(shares["Mod"], shares["PR1"], seed)
    often = proportion(more_than_rectgrad(measured)["Mod"])
    return [
        Claim(
            "RectGradMod highlights the background more than RectGrad",
            source,
            judged(more),
            f"its {SHARE} less RectGrad's: {more}",
        ),
        Claim(
            "RectGradMod highlights the background more often than RectGrad",
            source,
            judged_above(often, HALF),
            f"share of the images in which it has the larger share there: {often}; held against "
            "one half",
        ),
    ]


def _figure(lab: Lab, network: Network, data: MaskedImages, measured: Measured) -> Figure:
    """Images in lines, rules in columns; below, the shares on the background."""
    drawn = one_of_each(data.labels, _DRAWN)
    images, labels = data.images[drawn], data.labels[drawn]
    made = sheet(len(drawn), 1 + len(lab.methods))
    for axes, image, index in zip(made.pictures[:, 0], images, drawn, strict=True):
        show_image(axes, image, data.masks[index])
    made.pictures[0, 0].set_title("image", fontsize=9)
    for column, method in zip(made.pictures.T[1:], lab.methods, strict=True):
        column[0].set_title(method.title, fontsize=9)
        maps = torch.cat([batch.maps for batch in lab.maps(method, network, images, labels)])
        for axes, one in zip(column, maps, strict=True):
            plot_map(one, axes)
    draw_boxes(made.plots[0], Panel(measured, EXCESS, 1.0))
    legends.explain(made.figure, f"maps: {legends.MAPS}; {legends.OUTLINE}", legends.BOXES, ALIKE)
    return made.figure


STUDY = Study(
    name="propagation-rules",
    shows="figure 17 and the example of appendix B",
    asks="which units the propagation rules follow",
    needs="images with masks; the plain network",
    run=propagation_rules,
    presets={
        "smoke": PropagationRulesConfig(per_class=5),
        "quick": PropagationRulesConfig(),
        "full": PropagationRulesConfig(),
    },
    minutes={"smoke": 0.0, "quick": None, "full": 0.1},
)
