"""Sanity checks of RectGrad at several percentiles.

This is not a figure of either paper. Sixt, Granz and Landgraf 2020 ("When Explanations Lie") report
that RectGrad ignores the later layers; Kim et al. 2019 that it does not recover the image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from captum.attr import InputXGradient
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad import NoBiasRectGrad, RectGrad
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean, proportion
from captum_rectgrad.evaluation.methods import Method, of_captum
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
from captum_rectgrad.sanity.convergence import convergence
from captum_rectgrad.sanity.defaults import OTHERS, REPEATS
from captum_rectgrad.sanity.image_recovery import image_recovery
from captum_rectgrad.sanity.randomisation import randomisation
from captum_rectgrad.sanity.similarity import IMAGE, UNSIGNED, empty
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.framework.bounds import SAME, judged_by
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    gap_text,
    judged,
    judged_above,
)
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.nie2018.trained_and_untrained import counted, inputs_of, task

PERCENTILES = (0.0, 50.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5)
PAPERS = 98.0
SALIENCY, GRADIENT_INPUT = "Saliency", "Gradient * Input"
_COLOURS = {"RectGrad": "#c43c00", "NoBias RectGrad": "#2a6a9e"}
# The plain method with, or without, the multiplication by the input.
PARTNERS = {"RectGrad": GRADIENT_INPUT, "NoBias RectGrad": SALIENCY}
VARIANTS: Mapping[str, type[RectGrad]] = {"RectGrad": RectGrad, "NoBias RectGrad": NoBiasRectGrad}


@dataclass(frozen=True)
class PercentilesConfig:
    """Size of the study.

    Attributes:
        images: number of test images.
        percentiles: RectGrad's percentiles, ascending.
    """

    images: int | None = 500
    percentiles: tuple[float, ...] = PERCENTILES


@dataclass(frozen=True, eq=False)
class Checks:
    """Measurements of one method, by network and image, `(R, N)`; of one network `(N,)`.

    Attributes:
        half: similarity to maps with the later half of the layers randomised, averaged over the
            repetitions. Of one network it is by repetition and image, `(R, N)`.
        whole: similarity to maps with all layers randomised, likewise.
        classes: similarity to maps for other classes.
        image: correlation of maps with the image.
        cosine: absolute cosine of two random backward signals at the input.
        empty: 1 for an empty map, else 0.
    """

    half: NDArray[np.float64]
    whole: NDArray[np.float64]
    classes: NDArray[np.float64]
    image: NDArray[np.float64]
    cosine: NDArray[np.float64]
    empty: NDArray[np.float64]


# Columns of the table and panels of the figure.
_TITLES = {
    "half": "similarity with the later half of the layers random",
    "whole": "similarity with all layers random",
    "classes": "similarity of maps for other classes",
    "image": IMAGE,
    "cosine": "absolute cosine of two random backward signals at the input",
    "empty": "maps that are empty",
}


@dataclass(frozen=True, eq=False)
class _Asked:
    """Arguments that all checks share, by network."""

    models: tuple[nn.Module, ...]
    inputs: Tensor
    others: tuple[Tensor, ...]
    seed: int
    found: dict[tuple[str, float | None], Checks] = field(default_factory=dict)


def percentiles(config: PercentilesConfig, context: StudyContext) -> Result:
    """Run the sanity checks of RectGrad at several percentiles, and of the plain methods.

    Args:
        config: size of the study.
        context: data and device; its methods are not used.

    Returns:
        For each percentile, with and without multiplication by the input, the similarity of maps
        that should differ.
    """
    inputs = inputs_of(context, config.images)
    models = tuple(network.model for network in context.networks("plain"))
    others = tuple(other_classes(each, inputs, OTHERS, context.batch_size) for each in models)
    asked = _Asked(models, inputs, others, context.seed)
    wanted = [(title, q) for title in VARIANTS for q in config.percentiles]
    plain = (
        of_captum("saliency", SALIENCY, signed_gradient),
        of_captum("gradient-input", GRADIENT_INPUT, InputXGradient),
    )
    total = len(plain) + len(wanted)
    with tqdm(total=total, unit="method", desc="checks", disable=None) as progress:
        for method in plain:
            asked.found[method.title, None] = _checks(context, asked, method, signed_gradient)
            progress.update()
        for title, q in wanted:
            make = VARIANTS[title]
            rule = partial(make, percentile=q)
            method = of_captum("rectgrad", title, rule)
            asked.found[title, q] = _checks(context, asked, method, rule)
            progress.update()
    return Result(
        rows=_rows(asked.found, context.seed),
        claims=claims(asked.found, context.seed),
        figure=_figure(asked.found, config.percentiles, context.seed),
        notes=(
            (
                f"{counted(inputs)} Maps are for the class that a trained network predicts. "
                f"Other classes are the {OTHERS - 1} with the next highest logits and the one "
                f"with the smallest. Similarity is the {UNSIGNED}. Layers are randomised from the "
                f"output, {REPEATS} times. Intervals are over the trained networks, or for one "
                "network over these repetitions, and over the images. "
                "Empty maps are left out; the similarity of a map to an empty map is 0."
            ),
            (
                "At q = 0 the threshold is the smallest score. If no score is negative it is 0, as "
                "in guided backpropagation. Two unrelated vectors of ten numbers have a mean "
                "absolute cosine of 0.26. The two variants only differ in the multiplication by "
                "the input, as Saliency and Gradient * Input do, so they have the same backward "
                "signals. RectGrad is compared with Gradient * Input, NoBias RectGrad with "
                "Saliency."
            ),
        ),
    )


def _checks(
    context: StudyContext,
    asked: _Asked,
    method: Method,
    rule: Callable[[nn.Module], ModifiedGradient],
) -> Checks:
    found = [
        _checks_of_one(context, asked, method, rule(model), number)
        for number, model in enumerate(asked.models)
    ]
    if len(found) == 1:
        return found[0]
    by_name = {name: [np.atleast_2d(getattr(one, name)) for one in found] for name in _TITLES}
    return Checks(
        **{name: np.stack([each.mean(axis=0) for each in of]) for name, of in by_name.items()}
    )


def _checks_of_one(
    context: StudyContext, asked: _Asked, method: Method, rule: ModifiedGradient, number: int
) -> Checks:
    """The checks of one network, `(N,)`; with randomised layers `(repetitions, N)`."""
    model, inputs = asked.models[number], asked.inputs
    # Other random weights and gradients for each network, as their effect is part of the interval.
    seed = derived_seed(asked.seed, number)
    explained = task(context, method, model, inputs)
    original = explained.maps(model)
    cascade = randomisation(explained, model, steps=1, seed=seed, original=original)
    likeness = cascade.similarity[UNSIGNED]
    classes = class_sensitivity(explained, model, asked.others[number], original=original)
    converged = convergence(rule, inputs, layers=[], batch_size=context.batch_size, seed=seed)
    return Checks(
        half=likeness[cascade.half],
        whole=likeness[-1],
        classes=classes[UNSIGNED],
        image=image_recovery(explained, model, original=original)[IMAGE],
        cosine=abs(converged.cosines[0]),
        empty=empty(original).astype(np.float64),
    )


def claims(found: Mapping[tuple[str, float | None], Checks], seed: int) -> list[Claim]:
    """Judge the results of other papers at the paper's percentile.

    Args:
        found: checks by title and percentile.
        seed: seed of the bootstrap.

    Returns:
        The claims, with and without multiplication by the input; none without that percentile.
    """
    made = []
    for title in VARIANTS:
        checks = found.get((title, PAPERS))
        if checks is None:
            continue
        half, classes, cosine = (
            _estimate(checks, name, seed) for name in ("half", "classes", "cosine")
        )
        partner = PARTNERS[title]
        whose = f"{partner}'s"
        more = difference(checks.image, found[partner, None].image, seed)
        made += [
            _same(f"{title} ignores the later layers", "half", half),
            _same(f"{title} hardly depends on the class", "classes", classes),
            # The same rule as for guided backpropagation in `maps`.
            Claim(
                f"{title} recovers the image more than {partner}",
                "against Kim et al. 2019",
                judged(more),
                f"{IMAGE}: {title}'s is {gap_text(more, whose)}; q = {PAPERS:g}",
            ),
        ]
        if title == "RectGrad":
            made.append(
                _same("RectGrad's backward signal converges to one direction", "cosine", cosine)
            )
    return made


def _same(text: str, name: str, found: Estimate) -> Claim:
    verdict, sensitivity = judged_by(SAME, lambda bound: judged_above(found, bound))
    return Claim(
        text,
        "Sixt et al. 2020",
        verdict,
        f"{_TITLES[name]}: {found}; above {SAME} counts as the same ({sensitivity}); "
        f"q = {PAPERS:g}",
    )


def _estimate(checks: Checks, name: str, seed: int) -> Estimate:
    values = getattr(checks, name)
    return proportion(values) if name == "empty" else mean(values, seed)


def _rows(found: Mapping[tuple[str, float | None], Checks], seed: int) -> list[Row]:
    return [
        {
            "method": title,
            "q": "" if q is None else f"{q:g}",
            **{column: _estimate(checks, name, seed) for name, column in _TITLES.items()},
        }
        for (title, q), checks in found.items()
    ]


def _figure(
    found: Mapping[tuple[str, float | None], Checks], wanted: Sequence[float], seed: int
) -> Figure:
    figure = new_figure(10.5, 6.0)
    panels = figure.subplots(2, 3).ravel()
    for axes, (name, title) in zip(panels, _TITLES.items(), strict=True):
        for variant, colour in _COLOURS.items():
            points = [_estimate(found[variant, q], name, seed) for q in wanted]
            draw_curve(axes, range(len(wanted)), points, colour=colour, label=variant)
        for variant, plain in PARTNERS.items():
            value = _estimate(found[plain, None], name, seed).value
            axes.axhline(value, color=_COLOURS[variant], linestyle="--", linewidth=1, label=plain)
        axes.set_xticks(range(len(wanted)), [f"{q:g}" for q in wanted])
        axes.set_ylim(-0.1, 1.05)
        axes.set_title(title, fontsize=8)
        axes.set_xlabel("percentile q", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


STUDY = Study(
    name="rectgrad-percentiles",
    shows="claims",
    asks="how RectGrad's sanity checks depend on the percentile",
    run=percentiles,
    presets={
        "smoke": PercentilesConfig(images=3, percentiles=(80.0, 98.0)),
        "quick": PercentilesConfig(images=100),
        "full": PercentilesConfig(),
    },
    minutes={"smoke": None, "quick": 3.0, "full": None},
    paper="Sixt et al. 2020",
    any_network=True,
)
