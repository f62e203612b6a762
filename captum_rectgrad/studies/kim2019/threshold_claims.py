"""Verdicts on the paper's claims on RectGrad's threshold (for figure 4)."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import difference, mean, share
from captum_rectgrad.rules.threshold import PAPER_PERCENTILE
from captum_rectgrad.studies.framework.bounds import (
    GAUSSIAN,
    NEARLY_ALL,
    SAME,
    SIMILAR_RELATIVE,
    Bound,
    judged_by,
)
from captum_rectgrad.studies.framework.result import (
    Claim,
    Verdict,
    all_of,
    judged,
    judged_above,
    judged_within,
)
from captum_rectgrad.studies.kim2019 import threshold_measurements as sweep
from captum_rectgrad.studies.kim2019.score_moments import KURTOSIS, SKEWNESS, LayerMoments
from captum_rectgrad.studies.kim2019.threshold_measurements import PERCENTILES, Sweep, title_of

HIGH = 80.0  # maps do not change from `sweep.REFERENCE` up to here, according to the paper
_PAPER = title_of(PAPER_PERCENTILE)


def estimate(found: Sweep, name: str, title: str, seed: int) -> Estimate:
    """A measure at one threshold with its interval over the images."""
    values = found.values[name][title]
    return share(values, seed) if name in sweep.SHARES else mean(values, seed)


def claims(found: Sweep, seed: int) -> list[Claim]:
    """Judge the claims.

    Args:
        found: measurements at all thresholds.
        seed: seed of the bootstrap.
    """
    return [
        *_claims(found, seed),
        _like_guided(found, seed),
        not_gaussian(found.moments, seed),
        *sparsity(estimate(found, sweep.POSITIVE, _PAPER, seed)),
        *ring(found.values[sweep.RING][_PAPER], found.values[sweep.RING_NO_TRICK][_PAPER], seed),
    ]


def _claims(found: Sweep, seed: int) -> list[Claim]:
    low, high, start = title_of(sweep.REFERENCE), title_of(HIGH), title_of(PERCENTILES[0])
    after = [title_of(percentile) for percentile in PERCENTILES if percentile > sweep.REFERENCE]
    between = [title_of(q) for q in PERCENTILES if sweep.REFERENCE <= q <= HIGH]
    rank, overlap = found.values[sweep.RANK_REFERENCE], found.values[sweep.OVERLAP_REFERENCE]
    alike = [mean(rank[high], seed), mean(overlap[high], seed)]
    gains = [difference(one[high], one[start], seed) for one in (rank, overlap)]
    regions = {title: mean(overlap[title], seed) for title in after}
    zero = {title: estimate(found, sweep.THRESHOLDS, title, seed) for title in between}
    scores = mean(found.values[sweep.SCORES][low], seed)
    same = [t for t in found.titles[1:] if (found.values[sweep.THRESHOLDS][t] == 1).all()]
    same_where = f"all thresholds are zero at: {', '.join(same) or 'no q'}"
    no_change, no_change_if = _all_above(SAME, alike)
    same_regions, same_regions_if = _all_above(SAME, regions.values())
    at_zero, at_zero_if = _all_above(NEARLY_ALL, zero.values())
    return [
        Claim(
            f"Maps change from {start} to {low} more than from {low} to {high}",
            "section 5.1, figure 4",
            all_of([judged(gain) for gain in gains]),
            f"similarity to {low}, {high} minus {start}: rank correlation {gains[0]}, overlap "
            f"{gains[1]}",
        ),
        Claim(
            f"There is no significant change from {low} to {high}",
            "section 5.1, figure 4",
            no_change,
            f"similarity of {high} and {low}: rank correlation {alike[0]}, overlap {alike[1]}; "
            f"above {SAME} counts as no significant change ({no_change_if}); {same_where}",
        ),
        _sparser(found, seed),
        Claim(
            f"Regions of high attribution do not change above {low}",
            "section 5.1, figure 4",
            same_regions,
            f"{sweep.OVERLAP_REFERENCE}: {_least(regions)}; above {SAME} counts as the same "
            f"regions ({same_regions_if})",
        ),
        Claim(
            f"Thresholds are zero from {low} to {high}",
            "section 5.1",
            at_zero,
            f"share of thresholds that are exactly zero (the paper: about zero): {_least(zero)}; "
            f"above {NEARLY_ALL} counts as zero ({at_zero_if})",
        ),
        Claim(
            "The majority of scores is zero",
            "section 5.1",
            judged_above(scores, 0.5),
            f"share of the scores that are zero, at {low}: {scores}; above 0.5 is a majority",
        ),
    ]


def _all_above(bound: Bound, found: Iterable[Estimate]) -> tuple[Verdict, str]:
    return judged_by(bound, lambda value: all_of([judged_above(one, value) for one in found]))


def _sparser(found: Sweep, seed: int) -> Claim:
    """Judge each step above `HIGH`."""
    steps = pairwise([title_of(percentile) for percentile in PERCENTILES if percentile >= HIGH])
    left = found.values[sweep.NOT_ZERO]
    drops = {
        f"from {lower} to {higher}": difference(left[lower], left[higher], seed)
        for lower, higher in steps
    }
    return Claim(
        f"Maps become sparser above {title_of(HIGH)}, the more the higher q",
        "section 5.1, figure 4",
        all_of([judged(drop) for drop in drops.values()]),
        f"share of the pixels that become zero at each step: {_least(drops)}",
    )


def _least(found: Mapping[str, Estimate]) -> str:
    least = min(found, key=lambda title: found[title].value)
    return f"lowest for {least}: {found[least]}"


def _like_guided(found: Sweep, seed: int) -> Claim:
    low, high = title_of(sweep.REFERENCE), title_of(HIGH)
    alike = {
        title_of(q): mean(found.values[sweep.RANK_GUIDED][title_of(q)], seed)
        for q in PERCENTILES
        if sweep.REFERENCE <= q <= HIGH
    }
    verdict, if_other = _all_above(SAME, alike.values())
    return Claim(
        f"Maps from {low} to {high} resemble Guided Backprop * Input",
        "section 5.1",
        verdict,
        f"{sweep.RANK_GUIDED}: {_least(alike)}; above {SAME} counts as the same maps ({if_other})",
    )


def not_gaussian(moments: LayerMoments, seed: int) -> Claim:
    """Judge the kurtosis of the scores at each layer.

    Args:
        moments: by layer and name, `(N,)`.
        seed: seed of the bootstrap.

    Returns:
        The claim. It holds if the kurtosis is not a Gaussian's at each layer.
    """
    tails = {layer: mean(found[KURTOSIS].numpy(), seed) for layer, found in moments.items()}
    leans = {layer: mean(found[SKEWNESS].numpy(), seed) for layer, found in moments.items()}
    inverse: dict[Verdict, Verdict] = {
        "holds": "does not hold",
        "does not hold": "holds",
        "undecided": "undecided",
    }
    verdict, if_other = judged_by(
        GAUSSIAN,
        lambda bound: all_of([inverse[judged_within(one, bound)] for one in tails.values()]),
    )
    numbers = "; ".join(f"{layer} {tails[layer]} (skewness {leans[layer]})" for layer in tails)
    return Claim(
        "The product of activation and gradient is not Gaussian, at each layer",
        "section 4.2, footnote 2",
        verdict,
        f"excess kurtosis of the scores that are not zero, at {_PAPER}: {numbers}; up to "
        f"{GAUSSIAN} counts as Gaussian ({if_other})",
    )


def sparsity(left: Estimate) -> list[Claim]:
    """Judge the sparsity of RectGrad's maps beside that of baselines with a final threshold.

    A threshold at the 95th percentile of the pixels leaves 5 % of them for any baseline.

    Args:
        left: share of the pixels that RectGrad's final zero thresholding leaves.

    Returns:
        The claims.
    """
    same, fewer = 0.05, 0.02
    low, value, high = (2 * (s - same) / (s + same) for s in (left.low, left.value, left.high))
    verdict, if_other = judged_by(
        SIMILAR_RELATIVE,
        lambda bound: judged_within(Estimate(value, low, high, left.count), bound),
    )
    pixels = f"share of the pixels that RectGrad leaves at {_PAPER}: {left}"
    return [
        Claim(
            "Maps are as sparse as those of baselines with a final threshold at the 95th "
            "percentile",
            "section 5.2, footnote 3; the sum over channels is thresholded",
            verdict,
            f"{pixels}, that such a baseline leaves: {same} (thresholded before the sum over "
            f"channels, at most 0.15); a difference up to {SIMILAR_RELATIVE} of their mean counts "
            f"as equal ({if_other})",
        ),
        Claim(
            "Maps of baselines with a final threshold at the 98th percentile are sparser",
            "section 5.2, footnote 3; the sum over channels is thresholded",
            judged_above(left, fewer),
            f"{pixels}, that such a baseline leaves: {fewer}",
        ),
    ]


def ring(with_trick: NDArray[np.float64], without: NDArray[np.float64], seed: int) -> list[Claim]:
    """Judge the padding trick by the outermost ring's share of the map.

    Args:
        with_trick: shares with padding trick, `(N,)`.
        without: shares without it.
        seed: seed of the bootstrap.

    Returns:
        The claim.
    """
    both = np.stack([with_trick, without])
    center = np.nanmean(both)
    gap = difference(with_trick / center, without / center, seed)
    verdict, if_other = judged_by(SIMILAR_RELATIVE, lambda bound: judged_above(gap, -bound))
    return [
        Claim(
            "Attributions next to the border are not fainter with the padding trick",
            "appendix C.1",
            verdict,
            f"share of the map in the outermost ring, at {_PAPER}: {share(with_trick, seed)}, "
            f"without padding trick {share(without, seed)}; difference relative to their mean "
            f"{gap}, down to -{SIMILAR_RELATIVE} counts as not fainter ({if_other})",
        )
    ]
