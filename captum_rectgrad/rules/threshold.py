"""RectGrad's rule: a unit propagates the gradient if its score exceeds the threshold of its layer.

The percentile is the nearest rank without interpolation, as in
`tf.contrib.distributions.percentile` of the original code (Kim et al. 2019, listing 1).
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
    """Selects units with a score strictly greater than a threshold (Kim et al. 2019, section 4.1).

    Attributes:
        score: `"PR1"` to `"PR4"` as in `rules.scores.score`; `"Mod"`: PR1 at the last hidden
            activation, PR2 at all other activations (figure 17).
        percentile: percentile in [0, 100] of a sample's scores, used as the threshold. Default: 98,
            as in the paper, if `tau` is None.
        tau: constant threshold, instead of a percentile.

    Raises:
        ValueError: both `percentile` and `tau` are given, or one is out of range; `score` is
            unknown.
        TypeError: `percentile` or `tau` is not a number.

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
                f"got both percentile ({self.percentile!r}) and tau ({self.tau!r}), expected at "
                "most one of them; omit one"
            )
        if self.tau is not None:
            object.__setattr__(self, "tau", check_tau(self.tau))
        else:
            wanted = PAPER_PERCENTILE if self.percentile is None else self.percentile
            object.__setattr__(self, "percentile", check_percentile(wanted))

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        """Select the units that propagate the gradient.

        Args:
            activation: activation `a`, `(N, ...)`.
            grad_output: output gradient `R_out`, of the same shape.
            is_last: whether this is the last hidden activation before the output.

        Returns:
            A boolean tensor of the same shape.
        """
        scores = score(self.score_at(is_last=is_last), activation, grad_output)
        if self.percentile is None:
            return scores > cast("float", self.tau)
        rows = scores.reshape(scores.shape[0], -1)
        return (rows > percentile_per_sample(rows, self.percentile)).reshape(scores.shape)

    def threshold(self, scores: Tensor) -> Tensor:
        """The threshold of each sample.

        Args:
            scores: scores of one activation, `(N, ...)`.

        Returns:
            Thresholds `(N,)`, of the dtype and device of the scores.
        """
        if self.percentile is None:
            return scores.new_full((len(scores),), cast("float", self.tau))
        return percentile_per_sample(scores.reshape(len(scores), -1), self.percentile)[:, 0]

    def score_at(self, *, is_last: bool) -> ScoreName:
        """The score of one activation. For `"Mod"`, it depends on the position.

        Args:
            is_last: whether this is the last hidden activation before the output.

        Returns:
            The name of the score, `"PR1"` to `"PR4"`.
        """
        if self.score == "Mod":
            return "PR1" if is_last else "PR2"
        return self.score


def nearest_rank(count: int, percentile: float) -> int:
    """Index of a percentile among `count` scores in ascending order.

    The computation uses float64 and rounds halves to even, as NumPy's `method="nearest"`. Results
    of `torch.quantile` in float32 may differ.

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
        scores: scores `(N, units)`, floating point. NaN counts as the largest score. No score
            exceeds a NaN threshold.
        percentile: percentile in [0, 100].

    Returns:
        Thresholds `(N, 1)`, of the dtype and device of the scores.
    """
    count = scores.shape[1]
    rank = nearest_rank(count, percentile)
    if scores.device.type == "cpu":
        return scores.kthvalue(rank + 1, dim=1, keepdim=True).values
    # topk from the nearer end, unsorted.
    if 2 * rank < count:
        smallest = scores.topk(rank + 1, dim=1, largest=False, sorted=False).values
        return smallest.amax(dim=1, keepdim=True)
    largest = scores.topk(count - rank, dim=1, sorted=False).values
    # Without the replacement, amin returns NaN if there is one.
    return largest.masked_fill_(largest.isnan(), math.inf).amin(dim=1, keepdim=True)


def check_percentile(percentile: object) -> float:
    """The percentile as a float.

    Raises:
        TypeError: it is not a number.
        ValueError: it is outside [0, 100] or NaN.
    """
    value = _number("percentile", percentile)
    if not 0 <= value <= 100:  # noqa: PLR2004
        raise ValueError(f"percentile must be in [0, 100], got {value}; the paper uses 98")
    return value


def check_tau(tau: object) -> float:
    """The constant threshold as a float; infinities are allowed.

    Raises:
        TypeError: it is not a number.
        ValueError: it is NaN.
    """
    value = _number("tau", tau)
    if math.isnan(value):
        raise ValueError("tau must be a number, got NaN; use 0 for guided backpropagation")
    return value


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    return float(value)
