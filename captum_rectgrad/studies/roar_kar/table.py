"""Table 1 beside the paper's values, and the verdicts on its claims."""

from collections.abc import Mapping, Sequence

from captum_rectgrad.studies.framework.result import (
    Claim,
    Row,
    family_text,
    gap_text,
    judged,
    judged_against_all,
    level_of_family,
)
from captum_rectgrad.studies.roar_kar.cells import RETRAINED, Measure
from captum_rectgrad.studies.roar_kar.config import FORMS
from captum_rectgrad.studies.roar_kar.curves import OF_ONE, Curves, Ranking

TITLES: Mapping[Measure, str] = {
    "roar": "ROAR (AUC)",
    "kar": "KAR (AOC)",
    "road-morf": "ROAD, most relevant first (AUC)",
    "road-lerf": "ROAD, least relevant first (AOC)",
    "mask": "mask of ROAR alone (AUC)",
}
# Table 1: ROAR AUC and KAR AOC.
PAPER: Mapping[str, tuple[float, float]] = {
    "random": (0.5562, 0.4438),
    "rectgrad": (0.5385, 0.3382),
    "saliency": (0.5568, 0.4455),
    "guided-bp": (0.5504, 0.4270),
    "smoothgrad": (0.5536, 0.4444),
    "gradient-input": (0.5408, 0.4176),
    "integrated": (0.5428, 0.4185),
    "deeplift": (0.5519, 0.3928),
}
# Table 1: these scores are not below Random's.
_NOT_BETTER: tuple[tuple[str, Measure], ...] = (
    ("saliency", "roar"),
    ("saliency", "kar"),
    ("smoothgrad", "kar"),
)
_ROAD = "not in the paper (ROAD, Rong et al. 2022)"
_WINNER = "rectgrad"


def rows(curves: Curves) -> list[Row]:
    """A row for each measure, method and form.

    Args:
        curves: results of all cells.

    Returns:
        The rows, measure by measure.
    """
    return [
        _row(curves, measure, ranking) for measure in curves.measures for ranking in curves.rankings
    ]


def claims(curves: Curves) -> list[Claim]:
    """The paper's two claims, by its own ranking and by every form; and the same for ROAD.

    Args:
        curves: results of all cells.

    Returns:
        The claims; none without RectGrad or without baselines.
    """
    winner = next((r for r in curves.rankings if r.method.key == _WINNER), None)
    others = [r for r in curves.rankings if r.method.baseline and not r.method.control]
    if winner is None or not others:
        return []
    found = []
    retrained: tuple[tuple[Measure, Measure, str], ...] = (
        ("roar", "road-morf", "ROAR AUC"),
        ("kar", "road-lerf", "KAR AOC"),
    )
    own, where = primary_forms(others), "section 5.3, table 1"
    if curves.config.held_out:
        where += "; masks of a network that has not seen the images"
    for measure, road, name in retrained:
        text = f"RectGrad has a lower {name} than all baselines"
        found.append(_claim(curves, measure, winner, own, text, f"{where}; {own[0].form} maps"))
        if len(own) < len(others):
            every = f"{text}, whichever way their maps are ranked"
            found.append(_claim(curves, measure, winner, others, every, where))
        if road not in curves.measures:
            continue
        untrained = f"For the network explained, RectGrad has a lower {TITLES[road]} than all"
        untrained += " baselines, whichever way their maps are ranked"
        found.append(_claim(curves, road, winner, others, untrained, _ROAD))
    return found + _further(curves, own, where)


def _further(curves: Curves, baselines: Sequence[Ranking], where: str) -> list[Claim]:
    """What else the paper's values in table 1 say, each about one method."""
    by_key = {ranking.method.key: ranking for ranking in [*curves.rankings, *baselines]}
    second, random = by_key.get("gradient-input"), by_key.get("random")
    others = [ranking for ranking in baselines if ranking is not second]
    found = []
    if second is not None and others:
        text = f"{second.method.title} has a lower ROAR AUC than all other baselines"
        found.append(_claim(curves, "roar", second, others, text, where))
    if random is not None:
        for key, measure in _NOT_BETTER:
            if key in by_key:
                title = by_key[key].method.title
                text = f"{title} is not better than random pixels by {TITLES[measure]}"
                found.append(_claim(curves, measure, random, [by_key[key]], text, where))
    return found


def primary_forms(rankings: Sequence[Ranking]) -> list[Ranking]:
    """The rows whose maps are ranked as in the authors' code.

    Args:
        rankings: rows of baselines.

    Returns:
        For each method the row whose form is first in `FORMS`.
    """
    first: dict[str, Ranking] = {}
    for ranking in sorted(rankings, key=lambda ranking: FORMS.index(ranking.form)):
        first.setdefault(ranking.method.key, ranking)
    return list(first.values())


def titled(ranking: Ranking) -> str:
    """Title of a method with its form; methods with one form have no form in the title."""
    return ranking.method.title + (f" ({ranking.form})" if _has_forms(ranking) else "")


def _has_forms(ranking: Ranking) -> bool:
    return ranking.method.baseline and not ranking.method.control


def _row(curves: Curves, measure: Measure, ranking: Ranking) -> Row:
    retrained = measure in RETRAINED
    told = curves.told_by_mask(measure, ranking) if retrained else None
    beyond = curves.beyond_mask(measure, ranking) if retrained else None
    accuracies = curves.accuracies(measure, ranking)
    return {
        "measure": TITLES[measure],
        "method": ranking.method.title,
        "maps": ranking.form if _has_forms(ranking) else "",
        "score": curves.score(measure, ranking),
        "interval over": "images and networks" if curves.by_networks(measure) else "images",
        "in the paper": _in_paper(curves, measure, ranking),
        "mask alone, over chance": told,
        "beyond the mask alone": beyond,
        **{
            f"accuracy at {fraction:g}": accuracy
            for fraction, accuracy in zip(curves.config.fractions, accuracies, strict=True)
        },
    }


def _in_paper(curves: Curves, measure: Measure, ranking: Ranking) -> float | None:
    """The paper's value, only for the form that the paper used."""
    paper = PAPER.get(ranking.method.key)
    same = [r for r in curves.rankings if r.method.key == ranking.method.key]
    if paper is None or measure not in RETRAINED or ranking not in primary_forms(same):
        return None
    return paper[0] if measure == "roar" else paper[1]


def _claim(
    curves: Curves,
    measure: Measure,
    winner: Ranking,
    others: Sequence[Ranking],
    text: str,
    source: str,
) -> Claim:
    leads = {titled(other): curves.lead(measure, winner, other) for other in others}
    nearest = min(leads, key=lambda title: leads[title].value)
    gap = gap_text(leads[nearest], f"{nearest}'s", ("lower", "higher"))
    because = f"{winner.method.title}'s score is {gap}"
    against = [title for title, lead in leads.items() if judged(lead) != "holds"]
    if len(against) > 1:
        because += f"; not significantly lower than: {', '.join(against)}"
    if measure not in OF_ONE and not curves.by_networks(measure):
        because = (
            "one network per cell, so the interval does not include the variance between "
            f"trainings; {because}"
        )
        return Claim(text, source, "undecided", because)
    level = level_of_family(len(others))
    corrected = [judged(curves.lead(measure, winner, other, level)) for other in others]
    verdict = judged_against_all([judged(lead) for lead in leads.values()], corrected)
    return Claim(text, source, verdict, because + family_text(len(others), verdict))
