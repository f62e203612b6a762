"""Accuracy curves of all methods, from the cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import LEVEL
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.roar_kar.cells import Cell, Measure
from captum_rectgrad.studies.roar_kar.config import OWN, Form, RoarKarConfig
from captum_rectgrad.studies.roar_kar.scores import (
    Point,
    accuracies,
    trapezoid_weights,
    weighted_accuracy,
)
from captum_rectgrad.studies.roar_kar.training import Answers

# Whether a measure's score is the area over its curve. For all measures a lower score is better.
OVER: Mapping[Measure, bool] = {
    "roar": False,
    "kar": True,
    "road-morf": False,
    "road-lerf": True,
    "mask": False,
}
# Measures that evaluate the explained network, which is a single one, and train none.
OF_ONE: tuple[Measure, ...] = ("road-morf", "road-lerf")


@dataclass(frozen=True)
class Ranking:
    """A method and the form of its ranking: a row of the table.

    Attributes:
        method: the method.
        form: the form.
    """

    method: Method
    form: Form


def measures_of(config: RoarKarConfig) -> list[Measure]:
    """The measures of a configuration, in order."""
    return [
        measure
        for measure in OVER
        if (config.mask_networks or measure != "mask") and (config.road or measure not in OF_ONE)
    ]


def table_cells(config: RoarKarConfig, rankings: Sequence[Ranking]) -> list[Cell]:
    """All cells of a table, one network of each first, so that an interrupted run is balanced.

    Of each network, the reference cells are first, then those without a baseline.

    Args:
        config: size of the study.
        rankings: rows of the table.

    Returns:
        The cells.
    """
    networks: dict[Measure, int] = {
        "roar": config.networks,
        "kar": config.networks,
        "mask": config.mask_networks,
        "road-morf": 1,
        "road-lerf": 1,
    }
    cells = [Cell("whole", "", OWN, 0, network) for network in range(config.networks)] + [
        Cell(measure, ranking.method.key, ranking.form, fraction, network)
        for ranking in sorted(rankings, key=lambda ranking: ranking.method.baseline)
        for measure in measures_of(config)
        for fraction in config.fractions
        for network in range(networks[measure])
    ]
    return sorted(cells, key=lambda cell: cell.network)


@dataclass(frozen=True, eq=False)
class Curves:
    """Results of all cells.

    Attributes:
        config: configuration of the study.
        rankings: rows of the table.
        answers: which test images each cell classified correctly.
        explained: which whole images the explained network classified correctly, `(N,)`.
        chance: accuracy of the most frequent class of the training images.
        seed: seed of the intervals.
    """

    config: RoarKarConfig
    rankings: Sequence[Ranking]
    answers: Mapping[Cell, Answers]
    explained: Answers
    chance: float
    seed: int

    def point(self, measure: Measure, ranking: Ranking | None, fraction: float) -> Point:
        """The results of the networks of one point, `(K, N)`."""
        wanted = (ranking.method.key, ranking.form) if ranking else ("", OWN)
        found = [
            answers
            for cell, answers in self.answers.items()
            if (cell.measure, cell.fraction) == (measure, fraction)
            and (cell.method, cell.form) == wanted
        ]
        return np.stack(found)

    @property
    def measures(self) -> list[Measure]:
        """The measures, in order."""
        return measures_of(self.config)

    def by_networks(self, measure: Measure) -> bool:
        """Whether a measure's intervals are over networks, too."""
        if measure in OF_ONE:
            return False
        networks = self.config.mask_networks if measure == "mask" else self.config.networks
        return networks > 1

    def curve(self, measure: Measure, ranking: Ranking) -> list[Point]:
        """The points at all fractions."""
        return [self.point(measure, ranking, fraction) for fraction in self.config.fractions]

    def accuracies(self, measure: Measure, ranking: Ranking) -> list[float]:
        """The mean accuracy at each fraction."""
        return accuracies(self.curve(measure, ranking))

    def start(self, measure: Measure) -> float | None:
        """The accuracy at fraction 0; None for measures without it."""
        if measure == "mask":
            return None
        if measure in ("roar", "kar"):
            return float(self.point("whole", None, 0).mean())
        return float(self.explained.mean())

    def area(self, measure: Measure, ranking: Ranking) -> float:
        """The score without an interval."""
        mean = self.mean_accuracy(measure, ranking)
        return 1 - mean if OVER[measure] else mean

    def mean_accuracy(self, measure: Measure, ranking: Ranking) -> float:
        """The mean accuracy over the fractions, with the weights of the score."""
        weights = trapezoid_weights(self.config.fractions)
        return float(np.dot(weights, self.accuracies(measure, ranking)))

    def score(self, measure: Measure, ranking: Ranking) -> Estimate:
        """The area under or over a curve; lower is better."""
        weights, constant = self._weights(measure)
        return weighted_accuracy(self.curve(measure, ranking), weights, self.seed, constant)

    def lead(
        self, measure: Measure, better: Ranking, worse: Ranking, level: float = LEVEL
    ) -> Estimate:
        """The difference of two scores, worse minus better, paired by test images."""
        return self._lead(measure, self.curve(measure, better), self.curve(measure, worse), level)

    def lead_over_images(self, measure: Measure, better: Ranking, worse: Ranking) -> Estimate:
        """The same with an interval over the test images alone, for the mean of the networks."""
        one, other = (
            [point.mean(axis=0, keepdims=True) for point in self.curve(measure, ranking)]
            for ranking in (better, worse)
        )
        return self._lead(measure, one, other, LEVEL)

    def _lead(
        self, measure: Measure, better: Sequence[Point], worse: Sequence[Point], level: float
    ) -> Estimate:
        weights = list(self._weights(measure)[0])
        return weighted_accuracy(
            [*worse, *better],
            [*weights, *(-weight for weight in weights)],
            self.seed,
            level=level,
        )

    def told_by_mask(self, measure: Measure, ranking: Ranking) -> Estimate | None:
        """The accuracy above chance of networks that only see which pixels are removed.

        It has the weights of the score over the fractions.

        Args:
            measure: `roar`, or `kar`, whose masks at a fraction are ROAR's at 1 minus it.
            ranking: a row of the table.

        Returns:
            The accuracy above chance; None if no such network was trained.
        """
        masks = self._masks(measure, ranking)
        weights = trapezoid_weights(self.config.fractions)
        return weighted_accuracy(masks, weights, self.seed, -self.chance) if masks else None

    def beyond_mask(self, measure: Measure, ranking: Ranking) -> Estimate | None:
        """The accuracy of networks minus that of networks that only see which pixels are removed.

        Args:
            measure: see `told_by_mask`.
            ranking: a row of the table.

        Returns:
            What the values of the kept pixels add to the mask; None if no such network was trained.
        """
        masks = self._masks(measure, ranking)
        weights = trapezoid_weights(self.config.fractions)
        both = [*self.curve(measure, ranking), *masks]
        return weighted_accuracy(both, [*weights, *-weights], self.seed) if masks else None

    def _masks(self, measure: Measure, ranking: Ranking) -> list[Point]:
        """The points of networks that see the masks of a measure; none if they were not trained."""
        fractions = [
            fraction if measure == "roar" else round(1 - fraction, 9)
            for fraction in self.config.fractions
        ]
        if "mask" not in self.measures or not set(fractions) <= set(self.config.fractions):
            return []
        return [self.point("mask", ranking, fraction) for fraction in fractions]

    def _weights(self, measure: Measure) -> tuple[list[float], float]:
        weights = trapezoid_weights(self.config.fractions)
        sign = -1 if OVER[measure] else 1
        return [sign * float(weight) for weight in weights], 1.0 if OVER[measure] else 0.0
