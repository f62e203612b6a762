"""Scores, leakage, claims and sentences, on answers that are made up."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.roar_kar.caveats import best_forms, notes
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cells import Cell, Measure
from captum_rectgrad.studies.roar_kar.config import Form, RoarKarConfig
from captum_rectgrad.studies.roar_kar.curves import Curves, Ranking, table_cells
from captum_rectgrad.studies.roar_kar.engines import STACK
from captum_rectgrad.studies.roar_kar.figure import PANELS, SINGLE, draw
from captum_rectgrad.studies.roar_kar.study import STUDY
from captum_rectgrad.studies.roar_kar.table import PAPER, TITLES, claims, rows
from captum_rectgrad.studies.roar_kar.training import Answers

CONFIG = RoarKarConfig(fractions=(0.1, 0.3, 0.7, 0.9), networks=2)
SALIENCY, RECTGRAD, RANDOM = choose_methods(("saliency", "rectgrad", "random"))
RANKINGS = (
    Ranking(SALIENCY, "thresholded"),
    Ranking(SALIENCY, "absolute"),
    Ranking(RECTGRAD, "signed"),
    Ranking(RANDOM, "signed"),
)
IMAGES = 200
# Accuracies at the four fractions, by measure, method and form; both networks alike.
ACCURACIES: dict[tuple[Measure, str, Form], tuple[float, float, float, float]] = {
    ("roar", "saliency", "thresholded"): (0.8, 0.8, 0.6, 0.4),
    ("roar", "saliency", "absolute"): (0.6, 0.4, 0.2, 0.2),
    ("roar", "rectgrad", "signed"): (0.8, 0.6, 0.4, 0.2),
    ("kar", "saliency", "thresholded"): (0.8, 0.6, 0.4, 0.2),
    ("kar", "saliency", "absolute"): (0.8, 0.6, 0.4, 0.2),
    ("kar", "rectgrad", "signed"): (0.9, 0.8, 0.8, 0.6),
    ("mask", "rectgrad", "signed"): (0.5, 0.4, 0.3, 0.2),
}


def answers_of(cell: Cell) -> Answers:
    accuracies = ACCURACIES.get((cell.measure, cell.method, cell.form))
    share = 0.5
    if accuracies is not None:
        share = accuracies[CONFIG.fractions.index(cell.fraction)]
    return np.arange(IMAGES) < share * IMAGES


def made_up(config: RoarKarConfig = CONFIG) -> Curves:
    cells = table_cells(config, RANKINGS)
    return Curves(
        config=config,
        rankings=RANKINGS,
        answers={cell: answers_of(cell) for cell in cells},
        explained=np.arange(IMAGES) < 0.75 * IMAGES,
        chance=0.1,
        seed=0,
    )


def test_the_papers_table_has_243_trainings() -> None:
    """81 for each of three networks, which are whole stacks on a GPU."""
    paper = STUDY.presets["paper"]
    assert paper.of_methods == tuple(PAPER)
    rankings = [Ranking(method, "signed") for method in choose_methods(tuple(PAPER))]
    cells = table_cells(paper, rankings)
    assert [len([cell for cell in cells if cell.network == n]) for n in range(3)] == [81] * 3
    assert 81 % STACK == 0
    assert len([cell for cell in cells if cell.measure in ("roar", "kar")]) == 240
    more = table_cells(RoarKarConfig(), rankings)
    assert set(cells) < set(more)
    assert len(more) == len({cell.name for cell in more}) == 243 + 40 + 80  # masks, ROAD


def by_hand(accuracies: tuple[float, ...]) -> float:
    steps = [
        (right - left) * (first + last) / 2
        for (left, right), (first, last) in zip(
            pairwise(CONFIG.fractions), pairwise(accuracies), strict=True
        )
    ]
    return sum(steps) / 0.8


@pytest.mark.parametrize("ranking", RANKINGS[:3], ids=lambda r: f"{r.method.key}, {r.form}")
def test_scores_are_areas(ranking: Ranking) -> None:
    curves = made_up()
    by_measure = {
        key[0]: accuracies
        for key, accuracies in ACCURACIES.items()
        if key[1:] == (ranking.method.key, ranking.form)
    }
    roar, kar = by_hand(by_measure["roar"]), by_hand(by_measure["kar"])
    assert curves.score("roar", ranking).value == pytest.approx(roar)
    assert curves.score("kar", ranking).value == pytest.approx(1 - kar)
    assert curves.area("roar", ranking) == pytest.approx(roar)
    assert curves.area("kar", ranking) == pytest.approx(1 - kar)
    lead = curves.lead("kar", RANKINGS[2], ranking)
    best = 1 - by_hand(ACCURACIES["kar", "rectgrad", "signed"])
    assert lead.value == pytest.approx(1 - kar - best)


def test_what_the_mask_tells() -> None:
    curves, told = made_up(), ACCURACIES["mask", "rectgrad", "signed"]
    roar = curves.told_by_mask("roar", RANKINGS[2])
    kar = curves.told_by_mask("kar", RANKINGS[2])
    assert roar is not None
    assert kar is not None
    assert roar.value == pytest.approx(by_hand(told) - 0.1)
    # The masks of KAR at 0.1 are those of ROAR at 0.9.
    assert kar.value == pytest.approx(by_hand(told[::-1]) - 0.1)
    beyond = curves.beyond_mask("kar", RANKINGS[2])
    assert beyond is not None
    kept = ACCURACIES["kar", "rectgrad", "signed"]
    assert beyond.value == pytest.approx(by_hand(kept) - by_hand(told[::-1]))
    uneven = made_up(replace(CONFIG, fractions=(0.1, 0.3)))
    assert uneven.told_by_mask("kar", RANKINGS[2]) is None
    assert uneven.beyond_mask("kar", RANKINGS[2]) is None
    assert uneven.told_by_mask("roar", RANKINGS[2]) is not None


def test_rows() -> None:
    found = rows(made_up())
    assert len({tuple(row) for row in found}) == 1
    assert len(found) == 5 * len(RANKINGS)
    first = found[0]
    assert (first["method"], first["maps"]) == ("Saliency", "thresholded")
    assert [first[f"accuracy at {fraction:g}"] for fraction in CONFIG.fractions] == [
        0.8,
        0.8,
        0.6,
        0.4,
    ]
    assert isinstance(first["score"], Estimate)
    assert first["score"].count == 8  # networks
    # The paper's number stands beside the form that the paper used.
    assert [row["in the paper"] for row in found[:4]] == [0.5568, None, 0.5385, 0.5562]
    assert [row["in the paper"] for row in found[4:8]] == [0.4455, None, 0.3382, 0.4438]
    assert {row["in the paper"] for row in found[8:]} == {None}


def test_claims_are_judged_against_the_form_of_the_paper_and_against_all() -> None:
    found = claims(made_up())
    assert [claim.verdict for claim in found] == [
        "holds",  # ROAR: 0.5 against 0.65
        "does not hold",  # ... against the absolute maps' 0.35
        "does not hold",  # ROAD: all the same
        "holds",
        "holds",
        "does not hold",
        "holds",  # ROAR of random pixels, 0.5, against Saliency's 0.65
        "undecided",  # KAR: both 1 - 0.5
    ]
    assert "0.175 higher than Saliency (absolute)'s (" in found[1].because


def test_with_one_network_per_cell_only_road_is_judged() -> None:
    curves = made_up(replace(CONFIG, networks=1))
    found = {claim.text: claim for claim in claims(curves)}
    retrained = [claim for text, claim in found.items() if not text.startswith("For the network")]
    assert len(retrained) == 6  # four on RectGrad, two on Saliency
    assert {claim.verdict for claim in retrained} == {"undecided"}
    assert all(claim.because.startswith("one network per cell") for claim in retrained)
    road = [claim for claim in found.values() if claim not in retrained]
    assert {claim.source for claim in road} == {"not in the paper (ROAD, Rong et al. 2022)"}
    assert {claim.verdict for claim in road} == {"does not hold"}
    assert {row["interval over"] for row in rows(curves)} == {"images"}


def test_what_intervals_are_over_is_said(work: CellInputs) -> None:
    over = {row["measure"]: row["interval over"] for row in rows(made_up())}
    assert [over[TITLES[measure]] for measure in ("roar", "kar")] == ["images and networks"] * 2
    assert [over[TITLES[measure]] for measure in ("mask", "road-morf")] == ["images"] * 2
    several = "\n".join(notes(made_up(), work, ["CPU"]))
    assert "multiplied by sqrt(2/1)" in several
    assert "masks alone: one network per cell. The intervals are over images alone" in several
    single = "\n".join(notes(made_up(replace(CONFIG, networks=1)), work, ["CPU"]))
    assert "ROAR and KAR: one network per cell" in single
    assert "Saliency (absolute) 0.3250, RectGrad 0.5000, Random 0.5000. One network" in single


def test_without_rectgrad_there_is_nothing_to_claim() -> None:
    assert claims(replace(made_up(), rankings=RANKINGS[:2])) == []
    assert claims(replace(made_up(), rankings=RANKINGS[2:])) == []


def test_notes_say_what_remains_and_what_may_be_leakage(work: CellInputs) -> None:
    curves = made_up()
    assert [ranking.form for ranking in best_forms(curves, "roar")] == [
        "absolute",
        "signed",
        "signed",
    ]
    text = "\n".join(notes(curves, work, ["CPU", "GPU"]))
    assert "Measured on: CPU, GPU." in text
    order = "Saliency (absolute) 0.3250 < RectGrad 0.5000 = Random 0.5000"
    assert f"ROAR (AUC), each method in its best form: {order}." in text
    assert "RectGrad 0.250 of 0.688" in text  # KAR: 0.35 - 0.1 of 0.7875 - 0.1


def test_the_figure_has_a_line_for_each_method_and_form() -> None:
    figure = draw(made_up())
    assert len(figure.axes) == 2 * len(PANELS)
    lines = {
        (axes.get_title(), line.get_label()): np.asarray(line.get_ydata()).tolist()
        for axes in figure.axes
        for line in axes.lines
    }
    roar = "ROAR: most important removed"
    assert lines[f"{roar}\nabsolute maps of the baselines", "Saliency"] == [0.5, 0.6, 0.4, 0.2, 0.2]
    assert lines[f"{roar}\nthresholded maps of the baselines", "Saliency"][1] == 0.8
    road = "ROAD: most important imputed\nabsolute maps of the baselines"
    assert lines[road, "RectGrad"][0] == 0.75


def test_every_panel_has_chance_its_scale_and_single_networks() -> None:
    curves = made_up()
    cell = Cell("roar", "rectgrad", "signed", 0.3, 1)
    curves = replace(curves, answers={**curves.answers, cell: np.arange(IMAGES) < 0.9 * IMAGES})
    figure = draw(curves)
    for axes in figure.axes:
        (chance,) = (line for line in axes.lines if line.get_label() == "chance")
        assert set(np.asarray(chance.get_ydata()).tolist()) == {0.1}
        several = axes.get_title().startswith(("ROAR", "KAR"))
        if several:  # to be compared with each other
            assert axes.get_ylim() == figure.axes[0].get_ylim()
        low, high = axes.get_ylim()
        told = [text.get_text() for text in axes.texts]
        assert low < 0.1 < high or told == ["chance is below: 10.0%"]
        for accuracy in np.concatenate([np.asarray(line.get_ydata()) for line in axes.lines[1:]]):
            assert low < accuracy < high
        assert (len([line for line in axes.lines if line.get_marker() == "."]) > 0) == several
    at = {
        tuple(np.asarray(line.get_ydata()).tolist())
        for line in figure.axes[0].lines
        if line.get_marker() == "." and np.asarray(line.get_xdata())[0] == 0.3
    }
    assert (0.6, 0.9) in at
    # Lines that lie on each other have markers of their own.
    shown = [line for line in figure.axes[0].lines if line.get_label() in ("Saliency", "Random")]
    assert len({line.get_marker() for line in shown}) == 2
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "chance",
        "Saliency",
        "RectGrad",
        "Random",
        SINGLE,
    ]
    one = draw(made_up(replace(CONFIG, networks=1)))
    assert not [line for axes in one.axes for line in axes.lines if line.get_marker() == "."]


def test_what_a_run_resolves_is_said_beside_the_papers_lead(work: CellInputs) -> None:
    """Networks that differ widen the interval; without them it is that of the images."""
    methods = choose_methods(("gradient-input", "rectgrad", "random"))
    rankings = [Ranking(method, "signed") for method in methods]
    config = replace(CONFIG, forms=("signed",), networks=3)
    generator = np.random.default_rng(0)

    def answers(cell: Cell) -> Answers:
        share = 0.5 + 0.1 * cell.network + 0.05 * (cell.method == "gradient-input")
        return np.asarray(generator.random(IMAGES) < share)

    curves = replace(
        made_up(),
        config=config,
        rankings=rankings,
        answers={cell: answers(cell) for cell in table_cells(config, rankings)},
    )
    second, first = rankings[:2]
    both = curves.lead("roar", first, second)
    images = curves.lead_over_images("roar", first, second)
    assert images.value == pytest.approx(both.value)
    assert 0 < images.high - images.low < 0.8 * (both.high - both.low)
    (said,) = [note for note in notes(curves, work, ["CPU"]) if note.startswith("In the paper")]
    assert "is 0.0023 below Gradient * Input's" in said
    assert f"It is {(images.high - images.low) / 2:.4f} over the test images alone" in said
    assert not any(note.startswith("In the paper") for note in notes(made_up(), work, ["CPU"]))
