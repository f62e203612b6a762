"""What a reader of the table has to know, in sentences."""

from captum_rectgrad.studies.framework.result import judged
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cells import Measure
from captum_rectgrad.studies.roar_kar.curves import Curves, Ranking
from captum_rectgrad.studies.roar_kar.table import TITLES, titled

_RETRAINED: tuple[Measure, Measure] = ("roar", "kar")


def notes(curves: Curves, work: CellInputs) -> list[str]:
    """The notes of a result.

    Args:
        curves: all numbers.
        work: what they are of.

    Returns:
        Sentences; those on leakage last.
    """
    return [_size(curves, work), *_how(curves), *_ranking(curves), *_leakage(curves)]


def best_forms(curves: Curves, measure: Measure) -> list[Ranking]:
    """Each method by the form that suits it best, from the best to the worst.

    Args:
        curves: all numbers.
        measure: by which score.

    Returns:
        A line of the table for each method.
    """
    ordered = sorted(curves.rankings, key=lambda ranking: curves.area(measure, ranking))
    best: dict[str, Ranking] = {}
    for ranking in ordered:
        best.setdefault(ranking.method.key, ranking)
    return list(best.values())


def _size(curves: Curves, work: CellInputs) -> str:
    config, training = curves.config, work.training
    return (
        f"{len(work.train)} training and {len(work.test)} test images. Each cell: networks "
        f"{config.networks} (masks alone: {config.mask_networks}), epochs {training.epochs}, "
        f"{training.optimizer} with a learning rate of {training.learning_rate:g} on batches of "
        f"{training.batch_size} in {training.precision}; the last epoch counts. On whole images "
        f"such networks are right {curves.start('roar'):.1%} of the time, the network that is "
        f"explained {curves.start('road-morf'):.1%}. Chance is what always naming the most "
        f"frequent class of the training images comes to, {curves.chance:.1%}."
    )


def _how(curves: Curves) -> tuple[str, ...]:
    return (
        (
            "A score is the area under (AUC) or over (AOC) the accuracies at the fractions, by "
            "the trapezoidal rule, divided by the length from the first to the last: the lower "
            "the better. The paper does not say how it normalises; its random baseline's two "
            "scores sum to 1, as these do."
        ),
        (
            "Intervals resample the test images, which all cells share, and where a cell has "
            f"several networks, those too. {_networks(curves)} ROAD asks the one network that is "
            "explained, so its intervals are over images alone, and hold for that network."
        ),
        (
            "Pixels are ranked by the channel sum of the attribution of the predicted class, since "
            "one for the label would tell it in the masks. `thresholded` maps have the baselines' "
            "final threshold, as all of the paper's section 5.3: beyond what it leaves, the order "
            "is random. `signed` maps are whole, `absolute` ones are the absolute value of the "
            "sum. RectGrad's maps are never negative, so it has one form."
        ),
    )


def _networks(curves: Curves) -> str:
    """What intervals over few networks are worth, or over one."""
    said = []
    names: dict[Measure, str] = {"roar": "ROAR and KAR", "mask": "masks alone"}
    for measure, which in names.items():
        if not curves.by_networks(measure):
            said.append(
                f"Of {which} a cell has one network: the intervals are over images alone and say "
                "nothing of how another training would come out."
            )
    if curves.by_networks("roar"):
        count = curves.config.networks
        said.append(
            f"A bootstrap of {count} networks sees {count - 1}/{count} of their variance: their "
            f"deviations are multiplied by sqrt({count}/{count - 1}) to make up for it."
        )
    return " ".join(said)


def _ranking(curves: Curves) -> list[str]:
    """The order when every method gets its better form, chosen by the score itself."""
    return [
        f"{TITLES[measure]}, each method by the form that suits it best: "
        f"{_order(curves, measure)}. {_marks(curves, measure)} The form was chosen by this same "
        "score, which favours methods that have several."
        for measure in _RETRAINED
    ]


def _order(curves: Curves, measure: Measure) -> str:
    ordered = best_forms(curves, measure)
    said = ""
    for before, ranking in zip([None, *ordered], ordered, strict=False):
        if before is not None:
            said += _sign(curves, measure, before, ranking)
        said += f"{titled(ranking)} {curves.area(measure, ranking):.4f}"
    return said


def _sign(curves: Curves, measure: Measure, better: Ranking, worse: Ranking) -> str:
    if not curves.by_networks(measure):
        return ", "
    return " < " if judged(curves.lead(measure, better, worse)) == "holds" else " = "


def _marks(curves: Curves, measure: Measure) -> str:
    if not curves.by_networks(measure):
        return "Which of them differ cannot be told from one network per cell."
    return (
        "`<` stands where the interval of the difference of two neighbours is above 0, `=` where "
        "it is not, which does not make them equal."
    )


def _leakage(curves: Curves) -> list[str]:
    """For each method's best form: what of its accuracy over chance the masks alone reach."""
    lines = []
    for measure in _RETRAINED:
        shares = []
        for ranking in best_forms(curves, measure):
            told = curves.told_by_mask(measure, ranking)
            if told is None:
                break
            gained = curves.mean_accuracy(measure, ranking) - curves.chance
            shares.append(f"{titled(ranking)} {told.value:.3f} of {gained:.3f}")
        if shares:
            lines.append(
                f"What may be leakage in {TITLES[measure]}: of each method's mean accuracy over "
                "chance, so much is also reached by networks that see nothing but which pixels "
                f"are gone: {', '.join(shares)}. {_DIRECTION[measure]}"
            )
    return lines


_DIRECTION = {
    "roar": "In ROAR what leaks makes a score worse than the removed pixels deserve.",
    "kar": "In KAR what leaks makes a score better than the kept pixels deserve.",
}
