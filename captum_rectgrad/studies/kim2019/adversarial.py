"""Figures 5b and 16: whether maps change when an attack changes the decision, and only then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.data.material import Network
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.boxplots import WHISKERS
from captum_rectgrad.studies.figures.map_grid import Line, block_size, draw_block, new_figure
from captum_rectgrad.studies.framework.comparing import Measured
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.result import Result, Row
from captum_rectgrad.studies.framework.study import Study
from captum_rectgrad.studies.kim2019.attacks import SIGNED, Attack, attack, compare
from captum_rectgrad.studies.kim2019.class_sensitivity import claims, drop

LEVELS = 127.5  # of grey, of 255, for a change of 1 of an input in [-1, 1]
_PANEL_HEIGHT = 2.6  # inches
_SMALL = 7  # points
_COLOURS = {True: "#c43c00", False: "#3b6ea5"}  # by whether the decision flipped


@dataclass(frozen=True)
class AdversarialConfig:
    """How much is measured.

    Attributes:
        images: number of test images; those classified correctly are attacked; None: all.
        epsilons: how far an attack moves each channel of each pixel, of inputs in [-1, 1]: the
            paper's 0.01, of that range or of one half as wide.
        drawn: how many images whose decision flips are drawn, and how many where it does not.
    """

    images: int | None = 1500
    epsilons: tuple[float, ...] = (0.01, 0.02)
    drawn: int = 2


def adversarial(config: AdversarialConfig, lab: Lab) -> Result:
    """Compare maps before and after attacks, each for the class that is predicted then.

    Args:
        config: see there.
        lab: methods, material and machine.

    Returns:
        For each final threshold, attack and method: how alike the two maps are where the decision
        flipped and where it did not.

    Raises:
        RectGradError: no image is classified correctly.
    """
    network = lab.network("plain")
    data = network.sees(lab.images("test", config.images))
    right = lab.predictions(network, data.images) == data.labels
    if not right.any():
        raise RectGradError(
            f"{network.name} classifies none of {len(right)} images correctly: there is nothing "
            "to attack; give a network that was trained on such images"
        )
    inputs, targets = model_inputs(data.images[right]), data.labels[right]
    attacks = {
        epsilon: attack(lab, network, inputs, targets, epsilon) for epsilon in config.epsilons
    }
    found = compare(lab, network, inputs, targets, attacks)
    return Result(
        rows=_rows(found, attacks, lab.seed),
        claims=claims(found, attacks, lab.seed),
        figure=_figure(lab, network, inputs, targets, attacks, found, config.drawn),
        notes=_notes(attacks, network, len(targets)),
    )


def _rows(
    found: Mapping[tuple[str, float], Measured], attacks: Mapping[float, Attack], seed: int
) -> list[Row]:
    rows: list[Row] = []
    for (final, epsilon), measured in found.items():
        flipped = attacks[epsilon].flipped
        for method in measured.methods:
            row: Row = {"final threshold": final, "epsilon": epsilon, "method": method.title}
            for name, values in measured.values.items():
                numbers = values[method.key]
                row |= {
                    f"{name}, flipped": mean(numbers[flipped], seed),
                    f"{name}, not flipped": mean(numbers[~flipped], seed),
                    f"{name}, drop": drop(numbers, flipped, seed),
                }
            rows.append(row)
    return rows


def _notes(attacks: Mapping[float, Attack], network: Network, count: int) -> list[str]:
    sizes = "; ".join(
        f"epsilon {epsilon:g} is {epsilon * LEVELS:.4g} levels of 255 and flips "
        f"{int(done.flipped.sum())} of {count} images"
        for epsilon, done in attacks.items()
    )
    return [
        (
            f"Attacks move inputs, in [-1, 1], by epsilon, without rounding to levels: {sizes}. "
            f"Attacked are images that {network.name} classifies correctly. The paper does not "
            "say which range its epsilon of 0.01 is of."
        ),
        (
            "Maps are for the class predicted before and the one predicted after. Where these are "
            "two classes, they would differ without any attack; where they are one, the attack "
            "alone makes the difference."
        ),
        (
            "Overlap is the intersection over the union of the tenth of the pixels that rank "
            "highest, or of all that are positive where these are fewer; of two random tenths it "
            "is 0.053. Neither is defined for an empty map. Maps without negative values, zero in "
            "the same places, correlate for that alone; the overlap knows nothing of it. So "
            "claims are judged by both."
        ),
        (
            "Baselines are signed, and what speaks against the class ranks lowest in their maps; "
            "RectGrad's are never negative. 'Of absolute values' both measures are taken of "
            "the absolute sums over channels. A claim is judged by these too. A final threshold "
            "comes before them, and leaves little or nothing negative."
        ),
        (
            "A method whose maps change at the slightest provocation has a low likeness where the "
            "decision flips too: the drop, from where it does not, is what tells sensitivity to "
            "the class from sensitivity to anything."
        ),
    ]


def _figure(
    lab: Lab,
    network: Network,
    inputs: Tensor,
    targets: Tensor,
    attacks: Mapping[float, Attack],
    found: Mapping[tuple[str, float], Measured],
    drawn: int,
) -> Figure:
    """Examples for the first attack, without and with final threshold; all numbers below."""
    epsilon, done = next(iter(attacks.items()))
    chosen = [
        place
        for group in (done.flipped, ~done.flipped)
        for place in np.flatnonzero(group)[:drawn].tolist()
    ]
    blocks = {
        f"epsilon {epsilon:g}; final threshold of the baselines: {final}": _lines(
            replace(lab, final_percentile=percentile), network, inputs, targets, done, chosen
        )
        for final, percentile in lab.finals.items()
    }
    lines = next(iter(blocks.values()))
    width, height = block_size(len(lines), len(lines[0].maps))
    panels = _PANEL_HEIGHT * len(SIGNED)
    figure = new_figure(width * len(blocks), height + panels)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, panels])[:, 0]
    parts = above.subfigures(1, len(blocks), squeeze=False)[0]
    for part, (title, block) in zip(parts, blocks.items(), strict=True):
        draw_block(part, block, title)
    _draw_numbers(below, found, attacks)
    return figure


def _lines(
    lab: Lab,
    network: Network,
    inputs: Tensor,
    targets: Tensor,
    done: Attack,
    chosen: Sequence[int],
) -> list[Line]:
    """Two for each image: before and after."""
    before, after = (
        {
            method.title: lab.few_maps(method, network, seen[chosen], classes[chosen])
            for method in lab.methods
            if not method.control
        }
        for seen, classes in ((inputs, targets), (done.inputs, done.targets))
    )
    names = lab.material.classes
    lines: list[Line] = []
    for number, place in enumerate(chosen):
        lines += [
            Line(
                inputs[place],
                names[targets[place]],
                {title: maps[number] for title, maps in before.items()},
            ),
            Line(
                done.inputs[place],
                f"attacked:\n{names[done.targets[place]]}",
                {title: maps[number] for title, maps in after.items()},
            ),
        ]
    return lines


def _draw_numbers(
    where: SubFigure,
    found: Mapping[tuple[str, float], Measured],
    attacks: Mapping[float, Attack],
) -> None:
    grid = where.subplots(len(SIGNED), len(found), squeeze=False, sharex="row", sharey=True)
    for name, line in zip(SIGNED, grid, strict=True):
        for ((final, epsilon), measured), axes in zip(found.items(), line, strict=True):
            _boxes(axes, measured, name, attacks[epsilon].flipped)
            axes.set_title(
                f"epsilon {epsilon:g}\nfinal threshold of the baselines: {final}", fontsize=_SMALL
            )
            axes.set_xlabel(f"{name} of the maps before and after", fontsize=_SMALL)
    where.legend(
        handles=[
            Patch(color=_COLOURS[True], label="decision flipped"),
            Patch(color=_COLOURS[False], label="not flipped"),
        ],
        fontsize=_SMALL,
        loc="outside lower center",
        title=legends.BOXES,
        title_fontsize=_SMALL,
        ncols=2,
        frameon=False,
    )


def _boxes(axes: Axes, measured: Measured, name: str, flipped: NDArray[np.bool_]) -> None:
    """Quartiles, and whiskers from the 5th to the 95th percentile of the images."""
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
    asks="whether maps change when an attack changes the decision, and only then",
    needs="test images; the plain network",
    run=adversarial,
    presets={
        "smoke": AdversarialConfig(images=20, epsilons=(0.02,), drawn=1),
        "quick": AdversarialConfig(images=300),
        "full": AdversarialConfig(),
    },
    minutes={"smoke": 0.3, "quick": 2.8, "full": 21.6},
    compares=True,
)
