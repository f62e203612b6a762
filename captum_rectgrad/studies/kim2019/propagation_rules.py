"""Claim 1, figure 17, appendices B.2 and B.3: units that PR1 to PR4 and RectGradMod select.

Also the equality of epsilon-LRP and Gradient * Input, by which the paper leaves out the former.
"""

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
from captum_rectgrad.plotting.single_map import plot_map
from captum_rectgrad.rules.threshold import RuleName
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.boxplots import ALIKE, Panel, draw_boxes
from captum_rectgrad.studies.figures.figure_layout import sheet, show_image
from captum_rectgrad.studies.framework.context import MASKED, StudyContext
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements, measure_maps, rows
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    gap_text,
    judged,
    judged_above,
)
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.background import EXCESS, SHARE, shares_outside
from captum_rectgrad.studies.kim2019.map_identities import (
    CLAIM_1,
    EPSILON_LRP,
    judged_identity,
)
from captum_rectgrad.studies.kim2019.masks import HALF, correct, names_of, one_of_each

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
    """Size of the study.

    Attributes:
        per_class: number of correctly classified images of each class; None: all.
    """

    per_class: int | None = None


@dataclass(frozen=True)
class Followed:
    """Units that a rule selects in the example.

    Attributes:
        units: indices of the units that pass the gradient, from 1 as in the paper.
        contribution: their contribution to the output.
    """

    units: tuple[int, ...]
    contribution: float

    def __str__(self) -> str:
        names = ", ".join(f"a{unit}" for unit in self.units) or "none"
        return f"{names} ({self.contribution:g})"


def propagation_rules(config: PropagationRulesConfig, context: StudyContext) -> Result:
    """Apply the rules to the example of appendix B, and compare their maps of images with masks.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each rule the selected unit of the example, with one layer and with two, and its
        contribution to the output; and the share of the rule's maps on the background.
    """
    networks = context.networks("plain")
    data = correct(context, networks, context.masked(), config.per_class)
    by_rule = replace(context, methods=[_method(rule) for rule in TITLES])
    measured = measure(by_rule, networks, data)
    single = {rule: followed(affine(), rule) for rule in TITLES}
    double = {rule: followed(two_layers(), rule) for rule in TITLES}
    more = more_than_rectgrad(measured)
    labels = [data.labels] * len(networks)
    numbers: list[Row] = []
    for rule, row in zip(TITLES, rows(measured, context.seed), strict=True):
        example: Row = {
            "rule": row.pop("method"),
            "follows, one layer": str(single[rule]),
            "follows, two layers": str(double[rule]),
        }
        often: Row = {"images with more than RectGrad": proportion(more[rule])}
        numbers.append({**example, **row, **often})
    return Result(
        rows=numbers,
        claims=[
            *(
                judged_identity(each, context, networks, data.images, labels)
                for each in (CLAIM_1, EPSILON_LRP)
            ),
            *example_claims(single, double),
            *map_claims(measured, context.seed),
        ],
        figure=_figure(by_rule, networks[0], data, measured),
        notes=(
            (
                "The example is a1 + 10 a2 - 100 a3 + 1000 a4 at (3, 2, 1, 0) with q = 74. "
                "Brackets have a unit's contribution to the output. With two layers this function, "
                "plus 200, is the first unit of the second layer, which all rules select."
            ),
            (
                "RectGradMod uses PR1 at the last hidden activation and PR2 at earlier ones; for a "
                "single layer it equals PR1. The maps use q = 98 and the padding trick."
            ),
            (
                f"{len(data)} images that {names_of(networks)} classifies correctly. A map that is "
                "zero everywhere has no share."
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
    """Units of the first activation that pass the gradient in the example.

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
    """Judge the statements of appendix B on the example.

    Args:
        single: units by rule, with one layer.
        double: units by rule, with two layers.

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


def measure(
    context: StudyContext, networks: Sequence[Network], data: MaskedImages
) -> MapMeasurements:
    """Measure the location of all rules' maps.

    Args:
        context: its methods are the rules.
        networks: the explained networks.
        data: images with masks.

    Returns:
        The share on the background, and that share divided by the background's share of the area.
    """
    whole = replace(context, final_percentile=None)  # no rule is a baseline
    images = [data.images] * len(networks)
    return measure_maps(whole, networks, images, shares_outside(data.masks))["none"]


def more_than_rectgrad(measured: MapMeasurements) -> dict[RuleName, NDArray[np.float64]]:
    """Whether a rule puts more attribution on the background than RectGrad.

    Args:
        measured: see `measure`.

    Returns:
        By rule `(R, N)`: 1 if it does, 0 if not, NaN if one of the two has no share.
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


def map_claims(measured: MapMeasurements, seed: int) -> list[Claim]:
    """Judge whether RectGradMod puts more on the background than RectGrad.

    Args:
        measured: see `measure`.
        seed: seed of the bootstrap.

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
            f"RectGradMod's {SHARE} is {gap_text(more, 'that of RectGrad')}",
        ),
        Claim(
            "RectGradMod highlights the background more often than RectGrad",
            source,
            judged_above(often, HALF),
            f"share of the images in which RectGradMod has the larger share there: {often}; above "
            "0.5 is more often",
        ),
    ]


def _figure(
    context: StudyContext, network: Network, data: MaskedImages, measured: MapMeasurements
) -> Figure:
    """Images in rows, rules in columns, and the shares on the background below."""
    drawn = one_of_each(data.labels, _DRAWN)
    images, labels = data.images[drawn], data.labels[drawn]
    made = sheet(len(drawn), 1 + len(context.methods))
    for axes, image, index in zip(made.pictures[:, 0], images, drawn, strict=True):
        show_image(axes, image, data.masks[index])
    made.pictures[0, 0].set_title("image", fontsize=9)
    for column, method in zip(made.pictures.T[1:], context.methods, strict=True):
        column[0].set_title(method.title, fontsize=9)
        maps = torch.cat([batch.maps for batch in context.maps(method, network, images, labels)])
        for axes, one in zip(column, maps, strict=True):
            plot_map(one, axes)
    draw_boxes(made.plots[0], Panel(measured, EXCESS, 1.0))
    legends.draw_legend(
        made.below, f"maps: {legends.MAPS}; {legends.OUTLINE}", legends.BOXES, ALIKE
    )
    return made.figure


STUDY = Study(
    name="propagation-rules",
    shows="claim 1, figure 17 and the example of appendix B",
    asks="which units the propagation rules select",
    images=(MASKED,),
    run=propagation_rules,
    presets={
        "smoke": PropagationRulesConfig(per_class=5),
        "quick": PropagationRulesConfig(),
        "full": PropagationRulesConfig(),
    },
    minutes={"smoke": 0.0, "quick": None, "full": 0.2},
)
