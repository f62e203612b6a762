"""Figures 5b and 16: whether maps change exactly when an attack changes the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.boxplots import WHISKERS
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements
from captum_rectgrad.studies.framework.result import Result, Row
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.attacks import SIGNED, Attack, attack, compare, finals
from captum_rectgrad.studies.kim2019.class_sensitivity import Flags, claims, drop, mean_where
from captum_rectgrad.studies.kim2019.masks import names_of, right_of_all
from captum_rectgrad.studies.options import FINAL_TITLES, Final

LEVELS = 127.5  # levels of 255 per unit of an input in [-1, 1]
_PANEL_HEIGHT = 2.6  # inches
_SMALL = 7  # points
_COLOURS = {True: "#c43c00", False: "#3b6ea5"}  # by whether the decision flipped


@dataclass(frozen=True)
class AdversarialConfig:
    """Size of the study.

    Attributes:
        images: number of test images, of which the correctly classified ones are attacked; None:
            all.
        epsilons: step sizes of the attack for inputs in [-1, 1]: the paper's 0.01, for that range
            and for one of half the width.
        drawn: number of plotted images whose decision changes, and of those whose does not.
    """

    images: int | None = 1500
    epsilons: tuple[float, ...] = (0.01, 0.02)
    drawn: int = 2


def adversarial(config: AdversarialConfig, context: StudyContext) -> Result:
    """Compare maps before and after attacks, each for the class predicted at that time.

    Args:
        config: size of the study.
        context: methods, data and device.

    Returns:
        For each final threshold, attack and method: the similarity of the two maps, with and
        without a changed decision.

    Raises:
        RectGradError: no image is classified correctly.
    """
    networks = context.networks("plain")
    data = networks[0].with_occlusion(context.images("test", config.images))
    right = right_of_all(context, networks, data.images, data.labels)
    if not right.any():
        raise RectGradError(
            f"{names_of(networks)} classifies none of {len(right)} images correctly, expected at "
            "least one to attack; give a network that was trained on such images"
        )
    inputs, targets = model_inputs(data.images[right]), data.labels[right]
    attacks = {
        epsilon: [attack(context, each, inputs, targets, epsilon) for each in networks]
        for epsilon in config.epsilons
    }
    flipped = {epsilon: np.stack([one.flipped for one in of]) for epsilon, of in attacks.items()}
    found = compare(context, networks, inputs, targets, attacks)
    first = {epsilon: of[0] for epsilon, of in attacks.items()}
    return Result(
        rows=_rows(found, flipped, context.seed),
        claims=claims(found, flipped, context.seed),
        figure=_figure(context, networks[0], inputs, targets, first, found, flipped, config.drawn),
        notes=_notes(flipped, networks),
    )


def _rows(
    found: Mapping[tuple[Final, float], MapMeasurements], flipped: Mapping[float, Flags], seed: int
) -> list[Row]:
    rows: list[Row] = []
    for (final, epsilon), measured in found.items():
        changed = flipped[epsilon]
        for method in measured.methods:
            row: Row = {
                "final threshold": FINAL_TITLES[final],
                "epsilon": epsilon,
                "method": method.title,
            }
            for name, values in measured.values.items():
                numbers = values[method.key]
                row |= {
                    f"{name}, flipped": mean_where(numbers, changed, seed),
                    f"{name}, not flipped": mean_where(numbers, ~changed, seed),
                    f"{name}, drop": drop(numbers, changed, seed),
                }
            rows.append(row)
    return rows


def _notes(flipped: Mapping[float, Flags], networks: Sequence[Network]) -> list[str]:
    sizes = "; ".join(
        f"epsilon {epsilon:g} is {epsilon * LEVELS:.4g} levels of 255 and flips "
        f"{', '.join(map(str, changed.sum(axis=1)))} of {changed.shape[1]} images"
        for epsilon, changed in flipped.items()
    )
    several = (
        " Numbers of flipped images are by network. Each network has its own flipped images; means "
        "are of the networks' means."
        if len(networks) > 1
        else ""
    )
    return [
        (
            f"Attacks change inputs, in [-1, 1], by epsilon, without rounding: {sizes}.{several} "
            f"Only images that {names_of(networks)} classifies correctly are attacked. The paper "
            "does not state the input range of its epsilon of 0.01."
        ),
        (
            "Each map is for the class predicted from its input. If the decision changes, the two "
            "maps are for different classes and would also differ without an attack. If it does "
            "not change, only the attack makes them differ."
        ),
        (
            "Overlap is the intersection over the union of the 10 % highest-ranked pixels, or of "
            "all positive pixels if there are fewer. Two random sets of 10 % have an overlap of "
            "0.053. Overlap and rank correlation are not defined for an empty map. Maps without "
            "negative values that are zero at the same pixels correlate for that reason alone, "
            "which does not affect the overlap. Claims are therefore judged by both."
        ),
        (
            "Baselines are signed: pixels against the class rank lowest in their maps. RectGrad's "
            "maps are never negative. Measures 'of absolute values' use the absolute sums over "
            "channels. Claims are judged by these, too. A final threshold is applied before them "
            "and removes most negative values."
        ),
        (
            "A method whose maps change with any change of the input has a low similarity with a "
            "changed decision, too. The drop of the similarity, compared with an unchanged "
            "decision, separates class sensitivity from general sensitivity."
        ),
    ]


def _figure(
    context: StudyContext,
    network: Network,
    inputs: Tensor,
    targets: Tensor,
    attacks: Mapping[float, Attack],
    found: Mapping[tuple[Final, float], MapMeasurements],
    flipped: Mapping[float, Flags],
    drawn: int,
) -> Figure:
    """Examples of the first attack on the first network, and the numbers of all networks."""
    epsilon, done = next(iter(attacks.items()))
    chosen = [
        place
        for group in (done.flipped, ~done.flipped)
        for place in np.flatnonzero(group)[:drawn].tolist()
    ]
    blocks = {
        f"epsilon {epsilon:g}; final threshold of the baselines: {FINAL_TITLES[final]}": _lines(
            context, network, inputs, targets, done, chosen, final
        )
        for final in finals(context)
    }
    lines = next(iter(blocks.values()))
    width, height = block_size(lines)
    panels = _PANEL_HEIGHT * len(SIGNED)
    figure = new_figure(width * len(blocks), height + panels, block_dpi(lines))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, panels])[:, 0]
    parts = above.subfigures(1, len(blocks), squeeze=False)[0]
    for part, (title, block) in zip(parts, blocks.items(), strict=True):
        draw_block(part, block, title)
    _draw_numbers(below, found, flipped)
    return figure


def _lines(
    context: StudyContext,
    network: Network,
    inputs: Tensor,
    targets: Tensor,
    done: Attack,
    chosen: Sequence[int],
    final: Final,
) -> list[ImageRow]:
    """Two rows for each image: before and after the attack."""
    before, after = (
        {
            method.title: context.finished(
                method, context.few_maps(method, network, seen[chosen], classes[chosen]), final
            )
            for method in context.methods
            if not method.control
        }
        for seen, classes in ((inputs, targets), (done.inputs, done.targets))
    )
    names = context.study_data.classes
    lines: list[ImageRow] = []
    for number, place in enumerate(chosen):
        lines += [
            ImageRow(
                inputs[place],
                names[targets[place]],
                {title: maps[number] for title, maps in before.items()},
            ),
            ImageRow(
                done.inputs[place],
                f"attacked:\n{names[done.targets[place]]}",
                {title: maps[number] for title, maps in after.items()},
            ),
        ]
    return lines


def _draw_numbers(
    where: SubFigure,
    found: Mapping[tuple[Final, float], MapMeasurements],
    flipped: Mapping[float, Flags],
) -> None:
    grid = where.subplots(len(SIGNED), len(found), squeeze=False, sharex="row", sharey=True)
    for name, line in zip(SIGNED, grid, strict=True):
        for ((final, epsilon), measured), axes in zip(found.items(), line, strict=True):
            _boxes(axes, measured, name, flipped[epsilon])
            axes.set_title(
                f"epsilon {epsilon:g}\nfinal threshold of the baselines:\n{FINAL_TITLES[final]}",
                fontsize=_SMALL,
            )
            axes.set_xlabel(f"{name} of the maps before and after", fontsize=_SMALL)
    where.legend(
        handles=[
            Patch(color=_COLOURS[True], label="decision changed"),
            Patch(color=_COLOURS[False], label="not changed"),
        ],
        fontsize=_SMALL,
        loc="outside lower center",
        title=legends.BOXES,
        title_fontsize=_SMALL,
        ncols=2,
        frameon=False,
    )


def _boxes(axes: Axes, measured: MapMeasurements, name: str, flipped: Flags) -> None:
    """Boxes of the quartiles, with whiskers from the 5th to the 95th percentile of the images."""
    places = np.arange(len(measured.methods), dtype=float)
    for group, offset in ((True, -0.2), (False, 0.2)):
        values = [measured.values[name][method.key] for method in measured.methods]
        axes.boxplot(
            [numbers[(flipped == group) & np.isfinite(numbers)] for numbers in values],
            positions=(places + offset).tolist(),
            widths=0.3,
            orientation="horizontal",
            whis=WHISKERS,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": _COLOURS[group], "alpha": 0.6},
            medianprops={"color": "black"},
        )
    for between in places[1:] - 0.5:
        axes.axhline(between, color="0.9", linewidth=0.6, zorder=0)
    axes.set_yticks(places, [method.title for method in measured.methods])
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.tick_params(labelsize=_SMALL)
    axes.spines[["top", "right"]].set_visible(False)


STUDY = Study(
    name="adversarial",
    shows="figures 5b and 16",
    asks="whether maps change exactly when an attack changes the decision",
    run=adversarial,
    presets={
        "smoke": AdversarialConfig(images=20, epsilons=(0.02,), drawn=1),
        "quick": AdversarialConfig(images=300),
        "full": AdversarialConfig(),
    },
    minutes={"smoke": 0.3, "quick": 2.8, "full": 49.9},
    compares=True,
)
