"""Notes on the table of ROAR and KAR."""

from collections.abc import Sequence

from captum_rectgrad.studies.framework.result import judged
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs
from captum_rectgrad.studies.roar_kar.cells import RETRAINED, Measure
from captum_rectgrad.studies.roar_kar.curves import Curves, Ranking
from captum_rectgrad.studies.roar_kar.table import PAPER, TITLES, primary_forms, titled


def notes(curves: Curves, work: CellInputs, devices: Sequence[str]) -> list[str]:
    """The notes of a result.

    Args:
        curves: results of all cells.
        work: inputs of the cells.
        devices: names of the devices on which the cells were measured.

    Returns:
        The notes; those on leakage are last.
    """
    held_out = [_HELD_OUT] if curves.config.held_out else []
    size = f"{_size(curves, work)} Measured on: {', '.join(devices)}."
    return [
        size,
        *held_out,
        *_how(curves),
        *_resolution(curves),
        *_ranking(curves),
        *_leakage(curves),
    ]


def best_forms(curves: Curves, measure: Measure) -> list[Ranking]:
    """Each method in its best form, from the best to the worst.

    Args:
        curves: results of all cells.
        measure: measure of the score.

    Returns:
        A row of the table for each method.
    """
    ordered = sorted(curves.rankings, key=lambda ranking: curves.area(measure, ranking))
    best: dict[str, Ranking] = {}
    for ranking in ordered:
        best.setdefault(ranking.method.key, ranking)
    return list(best.values())


def _size(curves: Curves, work: CellInputs) -> str:
    config, training = curves.config, work.training
    masks = f" (masks alone: {config.mask_networks})" if config.mask_networks else ""
    return (
        f"{len(work.train)} training and {len(work.test)} test images. Networks per cell: "
        f"{config.networks}{masks}; epochs: {training.epochs}; "
        f"{training.optimizer} with a learning rate of {training.learning_rate:g} on batches of "
        f"{training.batch_size}, {'shuffled' if training.shuffle else 'in the order of the data'}, "
        f"in {training.precision}; the last epoch is used. The accuracy on "
        f"whole images is {curves.start('roar'):.1%} for such networks and "
        f"{curves.start('road-morf'):.1%} for the explained network. Chance is the accuracy of "
        f"the most frequent class of the training images, {curves.chance:.1%}."
    )


def _how(curves: Curves) -> tuple[str, ...]:
    return (
        (
            "A score is the area under (AUC) or over (AOC) the accuracies at the fractions, by "
            "the trapezoidal rule, divided by the distance of the first and last fraction; lower "
            "is better. The paper does not state its normalisation. The two scores of its random "
            "baseline sum to 1, and to about 1 here."
        ),
        (
            "Intervals resample the test images, which all cells share, and the networks of cells "
            f"with several. {_networks(curves)}{_road(curves)}"
        ),
        (
            "Pixels are ranked by the channel sum of the attribution of the predicted class, since "
            "that of the label would leak the label through the masks. `signed` maps have no "
            "threshold, as in the authors' code. `thresholded` maps have the baselines' final "
            "threshold, a reading of the text of section 5.3; pixels below it are in random order. "
            "`absolute` maps are the absolute value of the sum. RectGrad's maps are never "
            "negative, so it has one form."
        ),
    )


def _resolution(curves: Curves) -> list[str]:
    """What the run resolves, beside the paper's lead in ROAR."""
    rankings = {ranking.method.key: ranking for ranking in primary_forms(curves.rankings)}
    if not curves.by_networks("roar") or not {"rectgrad", "gradient-input"} <= set(rankings):
        return []
    pair = rankings["rectgrad"], rankings["gradient-input"]
    found, images = curves.lead("roar", *pair), curves.lead_over_images("roar", *pair)
    paper = PAPER["gradient-input"][0] - PAPER["rectgrad"][0]
    text = (
        f"In the paper RectGrad's ROAR AUC is {paper:.4f} below Gradient * Input's. Half of the "
        f"interval of this difference is {(found.high - found.low) / 2:.4f} here. It is "
        f"{(images.high - images.low) / 2:.4f} over the test images alone, for the mean of these "
        "networks."
    )
    return [text]


def _road(curves: Curves) -> str:
    if "road-morf" not in curves.measures:
        return ""
    return (
        " ROAD evaluates the explained network alone, so its intervals are over images and only "
        "hold for that network."
    )


def _networks(curves: Curves) -> str:
    """A note on intervals over few networks, or over one."""
    said = []
    names: dict[Measure, str] = {"roar": "ROAR and KAR", "mask": "masks alone"}
    for measure, which in names.items():
        if measure in curves.measures and not curves.by_networks(measure):
            said.append(
                f"{which}: one network per cell. The intervals are over images alone and do not "
                "include the variance between trainings."
            )
            if measure == "mask":
                said.append("This also holds of the part of masks in `beyond the mask alone`.")
    if curves.by_networks("roar"):
        count = curves.config.networks
        said.append(
            f"A bootstrap of {count} networks only has {count - 1}/{count} of their variance, so "
            f"deviations are multiplied by sqrt({count}/{count - 1})."
        )
    return " ".join(said)


def _ranking(curves: Curves) -> list[str]:
    """The order of the methods, in their better form if there are several."""
    methods = [ranking.method.key for ranking in curves.rankings]
    several = len(set(methods)) < len(methods)
    best = ", each method in its best form" if several else ""
    selected = (
        " The form is selected by the same score, which favours methods with several forms."
        if several
        else ""
    )
    return [
        f"{TITLES[measure]}{best}: {_order(curves, measure)}. {_marks(curves, measure)}{selected}"
        for measure in RETRAINED
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
        return "One network per cell does not show which of them differ."
    return (
        "`<`: the interval of the difference of two neighbours is above 0; `=`: it is not, which "
        "does not mean that they are equal."
    )


def _leakage(curves: Curves) -> list[str]:
    """For each method's best form, the share of its accuracy above chance that masks reach."""
    lines = []
    for measure in RETRAINED:
        shares = []
        for ranking in best_forms(curves, measure):
            told = curves.told_by_mask(measure, ranking)
            if told is None:
                break
            gained = curves.mean_accuracy(measure, ranking) - curves.chance
            shares.append(f"{titled(ranking)} {told.value:.3f} of {gained:.3f}")
        if shares:
            lines.append(
                f"Possible leakage in {TITLES[measure]}: accuracy above chance of networks that "
                "only see which pixels are removed, of the method's mean accuracy above chance: "
                f"{', '.join(shares)}. {_DIRECTION[measure]}"
            )
    return lines


_HELD_OUT = (
    "The explained network has not been trained on any of these images. It is another network "
    "than that of roar-kar, and the training images are others: a difference of the two tables is "
    "not due to leakage alone."
)
_DIRECTION = {
    "roar": "In ROAR leakage makes a score worse than the removed pixels deserve.",
    "kar": "In KAR leakage makes a score better than the kept pixels deserve.",
}
