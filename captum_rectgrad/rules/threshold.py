"""RectGrad's rule: a unit passes where its score exceeds the threshold of its layer.

The original takes `tf.contrib.distributions.percentile` (Kim et al. 2019, listing 1): the nearest
rank, no interpolation.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Literal, cast, get_args

from torch import Tensor

from captum_rectgrad.rules.scores import ScoreName, score

RuleName = Literal[ScoreName, "Mod"]
RULES: tuple[RuleName, ...] = get_args(RuleName)
PAPER_PERCENTILE = 98.0  # section 5.2


@dataclass(frozen=True)
class ThresholdRule:
    """Units pass whose score is strictly greater than a threshold (Kim et al. 2019, section 4.1).

    Attributes:
        score: `"PR1"` to `"PR4"` as in `rules.scores.score`; `"Mod"`: PR1 at the last hidden
            activation, PR2 at all others (figure 17).
        percentile: in [0, 100]; the threshold is this percentile of a sample's scores. Neither
            this nor `tau`: 98, the paper's.
        tau: a constant threshold instead.

    Raises:
        ValueError: both are given, or out of range; `score` is unknown.
        TypeError: one is not a number.

    Examples:
        >>> import torch
        >>> from captum_rectgrad import ThresholdRule
        >>> activation = torch.tensor([[3.0, 2.0, 1.0]])
        >>> grad_output = torch.tensor([[1.0, 4.0, -5.0]])
        >>> ThresholdRule("PR1", percentile=50).keep(activation, grad_output, is_last=True)
        tensor([[False,  True, False]])
    """

    score: RuleName = "PR1"
    percentile: float | None = None
    tau: float | None = None

    def __post_init__(self) -> None:
        """Check the arguments and fill in the default."""
        if self.score not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}, got {self.score!r}")
        if self.percentile is not None and self.tau is not None:
            raise ValueError(
                f"percentile ({self.percentile!r}) and tau ({self.tau!r}) are two ways to set one "
                "threshold; give one of them"
            )
        if self.tau is not None:
            object.__setattr__(self, "tau", check_tau(self.tau))
        else:
            wanted = PAPER_PERCENTILE if self.percentile is None else self.percentile
            object.__setattr__(self, "percentile", check_percentile(wanted))

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Choose the units that pass, as every `Rule` does.

        Args:
            activation: `a`, `(N, ...)`.
            grad_output: `R_out`, of the same shape.
            is_last: whether this is the last hidden activation before the output.

        Returns:
            A boolean tensor of that shape.
        """
        scores = score(self.score_at(is_last=is_last), activation, grad_output)
        if self.percentile is None:
            return scores > cast("float", self.tau)
        rows = scores.reshape(scores.shape[0], -1)
        return (rows > percentile_per_sample(rows, self.percentile)).reshape(scores.shape)

    def threshold(self, scores: Tensor) -> Tensor:
        """The threshold of each sample.

        Args:
            scores: of one activation, `(N, ...)`.

        Returns:
            `(N,)`, of the dtype and device of the scores.
        """
        if self.percentile is None:
            return scores.new_full((len(scores),), cast("float", self.tau))
        return percentile_per_sample(scores.reshape(len(scores), -1), self.percentile)[:, 0]

    def score_at(self, *, is_last: bool) -> ScoreName:
        """The score of one activation: that of `"Mod"` depends on where it is.

        Args:
            is_last: whether this is the last hidden activation before the output.

        Returns:
            The name of a score, not `"Mod"`.
        """
        if self.score == "Mod":
            return "PR1" if is_last else "PR2"
        return self.score


def nearest_rank(count: int, percentile: float) -> int:
    """Index, in ascending order, of the percentile of `count` scores.

    The arithmetic is Python's: float64, exact halves to the even integer. NumPy's
    `method="nearest"` agrees; `torch.quantile` in float32 does not always.

    Args:
        count: number of scores, at least 1.
        percentile: in [0, 100].

    Returns:
        An index in [0, count - 1].
    """
    return min(max(round((count - 1) * (percentile / 100)), 0), count - 1)


def percentile_per_sample(scores: Tensor, percentile: float) -> Tensor:
    """The percentile of each sample's scores, as an element of those scores.

    Args:
        scores: `(N, units)`, floating point. NaN counts as the largest; no score exceeds a
            threshold of NaN.
        percentile: in [0, 100].

    Returns:
        `(N, 1)`, of the dtype and device of the scores.
    """
    count = scores.shape[1]
    rank = nearest_rank(count, percentile)
    if scores.device.type == "cpu":
        return scores.kthvalue(rank + 1, dim=1, keepdim=True).values
    # From the nearer end: at a high percentile, the few largest, in any order.
    if 2 * rank < count:
        smallest = scores.topk(rank + 1, dim=1, largest=False, sorted=False).values
        return smallest.amax(dim=1, keepdim=True)
    largest = scores.topk(count - rank, dim=1, sorted=False).values
    # Else the smallest of some numbers is NaN where one of them is.
    return largest.masked_fill_(largest.isnan(), math.inf).amin(dim=1, keepdim=True)


def check_percentile(percentile: object) -> float:
    """The percentile as a float.

    Raises:
        TypeError: it is not a number.
        ValueError: it is outside [0, 100] or NaN.
    """
    value = _number("percentile", percentile)
    if not 0 <= value <= 100:  # noqa: PLR2004
        raise ValueError(f"percentile must lie in [0, 100], got {value}; the paper's is 98")
    return value


def check_tau(tau: object) -> float:
    """The constant threshold as a float; infinities are allowed.

    Raises:
        TypeError: it is not a number.
        ValueError: it is NaN.
    """
    value = _number("tau", tau)
    if math.isnan(value):
        raise ValueError("tau must be a number, got NaN; 0 gives guided backpropagation")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    return float(value)
