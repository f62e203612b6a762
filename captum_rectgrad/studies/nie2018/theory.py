"""Simulation of theorems 1 and 2 and proposition 1, also for RectGrad, which has no theorem."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import kstest

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.plotting.curves import draw_curve
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.framework.bounds import (
    CONVERGED,
    GAUSSIAN,
    NO_CORRELATION,
    SAME_VARIANCE,
    SKEWED,
    judged_by,
)
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.result import (
    Claim,
    Result,
    Row,
    Verdict,
    all_of,
    judged_above,
    judged_within,
)
from captum_rectgrad.studies.framework.study import NIE, Study
from captum_rectgrad.studies.nie2018.moments import (
    excess_kurtosis,
    mean_over_size,
    of_its_own_image,
    pair_correlation,
    relative_variance,
    skewness,
)
from captum_rectgrad.studies.nie2018.proof_steps import proof_claims
from captum_rectgrad.studies.nie2018.random_networks import guided_limit
from captum_rectgrad.studies.nie2018.simulation import (
    RULES,
    Sample,
    correlation,
    simulate_maps,
    simulate_signals,
)

SHARED = 1 / math.pi  # correlation of pixels of a DeconvNet map, which share their filters
_COLOURS = ("#2a6a9e", "#5c8a3a", "#7a5195", "#e08a2c", "#c43c00")
# Map, and backward signal at the first hidden layer, by rule.
Samples = Mapping[int, Mapping[str, Sample]]


@dataclass(frozen=True)
class TheoryConfig:
    """Size of the study.

    Attributes:
        filters: numbers of filters of the networks of theorems 1 and 2, ascending.
        widths: numbers of hidden units of the networks of proposition 1, ascending.
        networks: number of random networks of each size, each with a different image.
    """

    filters: tuple[int, ...] = (16, 64, 256, 1024, 4096)
    widths: tuple[int, ...] = (64, 256, 1024)
    networks: int = 100


def theory(config: TheoryConfig, context: StudyContext) -> Result:
    """Simulate the networks of the theorems at increasing sizes.

    Args:
        config: size of the study.
        context: data (images only) and seed.

    Returns:
        For each number of filters and each rule the similarity of maps to the image, their
        normality, and the correlation of their pixels; and the same for backward signals.
    """
    images = model_inputs(context.images("test", config.networks).images)
    maps = {n: simulate_maps(n, images, config.networks, context.seed) for n in config.filters}
    signals = {n: simulate_signals(n, images, config.networks, context.seed) for n in config.widths}
    limit = mean([correlation(guided_limit(image), image) for image in images], context.seed)
    return Result(
        rows=[
            *_rows("map", "filters", maps, context.seed),
            *_rows("signal", "width", signals, context.seed),
        ],
        claims=[
            *proof_claims(images, min(config.filters), context.seed),
            *claims(maps, signals, limit, context.seed),
        ],
        figure=_figure(maps, signals, limit, context.seed),
        notes=_notes(config, limit),
    )


def _notes(config: TheoryConfig, limit: Estimate) -> tuple[str, ...]:
    return (
        (
            f"{config.networks} random networks of each size, each with a different image. Maps: "
            "one layer of 3 x 3 filters, ReLU, one logit, all weights normal (section 3). Signals: "
            "the gradient at the first of three hidden layers of equal width (proposition 1), and "
            "its correlation with that layer's activations. RectGrad is the rule alone, without "
            "padding trick, multiplication by the input and final threshold."
        ),
        (
            "The last step of the proof of theorem 1 assumes that all patches of an image are "
            "equally long. Without that step the limit of guided backpropagation is a sum of "
            f"patches divided by their length. Its correlation with these images is {limit}."
        ),
        (
            "The proof of theorem 2 assumes that the pixels of a DeconvNet map are independent. "
            "However, all patches share their filters, and the backward ReLU leaves a mean that is "
            "not 0. Over networks, pixels of one channel, away from the border, have a correlation "
            f"of 1 / pi = {SHARED:.3f} (dotted line); within one map it is a constant of each "
            "channel. Each pixel is Gaussian, as the theorem states. Its variance is half of that "
            "in appendix C, which ignores the half that the ReLU cuts off; values are normalised "
            "by the variance with that half. The Kolmogorov-Smirnov test uses one pixel of each "
            "network."
        ),
        (
            "The proof of proposition 1 assumes that the forward pattern of ReLUs is independent "
            "of the weights. It is not: a unit is active if its weights point along the "
            "activations, and guided backpropagation sums these weights. Its signals therefore "
            "have a mean that is not 0 and follow the activations. About that mean they are "
            "uncorrelated, as the proposition states."
        ),
    )


def claims(maps: Samples, signals: Samples, limit: Estimate, seed: int) -> list[Claim]:
    """Judge the theorems on the largest networks.

    Args:
        maps: maps by number of filters.
        signals: signals by width.
        limit: correlation of the image with the limit of guided backpropagation.
        seed: seed of the bootstrap.

    Returns:
        The claims.
    """
    filters, width = max(maps), max(signals)
    to_limit = {n: mean(found["Guided BP"].with_limit, seed) for n, found in maps.items()}
    to_image = {n: mean(found["Guided BP"].with_input, seed) for n, found in maps.items()}
    as_limit, as_limit_if = judged_by(CONVERGED, lambda value: _judged_limit(to_limit, value))
    as_image, as_image_if = judged_by(CONVERGED, lambda value: _judged_limit(to_image, value))
    made = [
        Claim(
            "Guided backpropagation converges to the sum of normalised patches of the image",
            "theorem 1, before the last step of its proof",
            as_limit,
            f"correlation with it, {filters} filters: {to_limit[filters]}; above {CONVERGED} "
            f"counts as convergence ({as_limit_if})",
        ),
        Claim(
            "Guided backpropagation converges to the image",
            "theorem 1",
            as_image,
            f"correlation with the image, {filters} filters: {to_image[filters]} (of the limit: "
            f"{limit}); above {CONVERGED} counts as convergence ({as_image_if})",
        ),
    ]
    for rule in ("Saliency", "DeconvNet", "Guided BP"):
        if rule != "Guided BP":
            made += _map_claims(rule, maps[filters][rule], f"{filters} filters", seed)
        made += _signal_claims(rule, signals[width][rule], f"{width} units", seed)
    return made


def _judged_limit(points: Mapping[int, Estimate], bound: float) -> Verdict:
    """Whether a correlation goes to 1; undecided while it is below the bound and still rises."""
    sizes = sorted(points)
    verdict = judged_above(points[sizes[-1]], bound)
    rises = len(sizes) > 1 and points[sizes[-1]].low > points[sizes[-2]].high
    return "undecided" if verdict == "does not hold" and rises else verdict


def _map_claims(rule: str, sample: Sample, size: str, seed: int) -> list[Claim]:
    own, apart = of_its_own_image(sample, seed), pair_correlation(sample, seed)
    spread, (shape, moments) = relative_variance(sample, seed), _shape(sample, seed)
    no_information, no_information_if = _no_correlation(own)
    uncorrelated, uncorrelated_if = _no_correlation(apart)
    appendix = Estimate(spread.value / 2, spread.low / 2, spread.high / 2, spread.count)
    as_stated, as_stated_if = judged_by(
        SAME_VARIANCE, lambda bound: judged_within(_less_one(appendix), bound)
    )
    return [
        Claim(
            f"{rule} maps have the variance that appendix C derives",
            "appendix C",
            as_stated,
            f"variance divided by that of appendix C, {size}: {appendix}; 1 +- {SAME_VARIANCE} "
            f"counts as equal ({as_stated_if})",
        ),
        Claim(
            f"{rule} maps keep no information on the image",
            "theorem 2",
            no_information,
            f"absolute correlation, own minus another image, {size}: {own}; up to "
            f"{NO_CORRELATION} counts as no information ({no_information_if})",
        ),
        Claim(
            f"Values of {rule} maps are standard Gaussian",
            "theorem 2, with the variance of the notes",
            all_of([shape, judged_within(_less_one(spread), SAME_VARIANCE.value)]),
            f"{size}: variance divided by the theory's {spread}, 1 +- {SAME_VARIANCE} counts as "
            f"equal; {moments}; {_kolmogorov(sample)}",
        ),
        Claim(
            f"Pixels of {rule} maps are uncorrelated",
            "theorem 2, unit covariance",
            uncorrelated,
            f"correlation of pixels of a channel, {size}: {apart}; up to {NO_CORRELATION} counts "
            f"as uncorrelated ({uncorrelated_if})",
        ),
    ]


def _signal_claims(rule: str, sample: Sample, size: str, seed: int) -> list[Claim]:
    apart, (shape, moments) = pair_correlation(sample, seed), _shape(sample, seed)
    center, own = mean_over_size(sample, seed), of_its_own_image(sample, seed)
    source, bound = "proposition 1", f"up to {NO_CORRELATION} counts as 0"
    (uncorrelated, uncorrelated_if), (centred, centred_if), (independent, independent_if) = map(
        _no_correlation, (apart, center, own)
    )
    return [
        Claim(
            f"Backward signals of {rule} are uncorrelated",
            source,
            uncorrelated,
            f"correlation of units, {size}: {apart}; {bound} ({uncorrelated_if})",
        ),
        Claim(
            f"Backward signals of {rule} have mean 0",
            source,
            centred,
            f"mean divided by root mean square, {size}: {center}; {bound} ({centred_if})",
        ),
        Claim(
            f"Backward signals of {rule} do not depend on the forward pass",
            f"{source}, as its proof takes it",
            independent,
            "absolute correlation with the layer's activations, own minus another image, "
            f"{size}: {own}; {bound} ({independent_if})",
        ),
        Claim(
            f"Backward signals of {rule} are Gaussian about their mean",
            source,
            shape,
            f"{size}: {moments}",
        ),
    ]


def _no_correlation(found: Estimate) -> tuple[Verdict, str]:
    return judged_by(NO_CORRELATION, lambda bound: judged_within(found, bound))


def _shape(sample: Sample, seed: int) -> tuple[Verdict, str]:
    """Whether values have a Gaussian's skewness and kurtosis, and both as text."""
    lean, tails = skewness(sample, seed), excess_kurtosis(sample, seed)
    leans, leans_if = judged_by(SKEWED, lambda bound: judged_within(lean, bound))
    has_tails, tails_if = judged_by(GAUSSIAN, lambda bound: judged_within(tails, bound))
    verdict = all_of([leans, has_tails])
    return verdict, (
        f"skewness {lean} (Gaussian up to {SKEWED}; {leans_if}), excess kurtosis {tails} "
        f"(Gaussian up to {GAUSSIAN}; {tails_if})"
    )


def _less_one(ratio: Estimate) -> Estimate:
    return Estimate(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.count)


def _kolmogorov(sample: Sample) -> str:
    """Kolmogorov-Smirnov test of one value of each network, which are independent."""
    test = kstest(sample.values[:, 0], "norm")
    return f"Kolmogorov-Smirnov against the standard normal: p = {test.pvalue:.2g}"


def _rows(of: str, unit: str, samples: Samples, seed: int) -> list[Row]:
    return [
        {
            "of": of,
            "size": f"{unit} {size}",
            "rule": rule,
            "correlation with image or activations": mean(sample.with_input, seed),
            "correlation with the limit": mean(sample.with_limit, seed) if of == "map" else None,
            "variance over the theory's": relative_variance(sample, seed) if of == "map" else None,
            "skewness": skewness(sample, seed),
            "excess kurtosis": excess_kurtosis(sample, seed),
            "correlation of pairs": pair_correlation(sample, seed),
        }
        for size, by_rule in samples.items()
        for rule, sample in by_rule.items()
    ]


def _figure(maps: Samples, signals: Samples, limit: Estimate, seed: int) -> Figure:
    figure = new_figure(10.5, 6.4)
    above, below = figure.subplots(2, 3)
    _curves(above[0], maps, "correlation of map and image", lambda s: mean(s.with_input, seed))
    above[0].axhline(limit.value, color=_COLOURS[2], linestyle=":", linewidth=1)
    _curves(
        above[1], maps, "correlation of pixels of a channel", lambda s: pair_correlation(s, seed)
    )
    above[1].axhline(SHARED, color=_COLOURS[1], linestyle=":", linewidth=1)
    _curves(above[2], maps, "excess kurtosis of a map's values", lambda s: excess_kurtosis(s, seed))
    _curves(
        below[0],
        signals,
        "correlation of signal and activations",
        lambda s: mean(s.with_input, seed),
    )
    _curves(below[1], signals, "correlation of units' signals", lambda s: pair_correlation(s, seed))
    _curves(below[2], signals, "excess kurtosis of signals", lambda s: excess_kurtosis(s, seed))
    for axes in above:
        axes.set_xlabel("filters", fontsize=8)
    for axes in below:
        axes.set_xlabel("units of each hidden layer", fontsize=8)
    handles, labels = above[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return figure


def _curves(
    axes: Axes, samples: Samples, title: str, measure: Callable[[Sample], Estimate]
) -> None:
    """One curve for each rule with its 95 % interval; a grey line at the theory's 0."""
    sizes = list(samples)
    axes.axhline(0, color="0.6", linewidth=0.8)
    for colour, rule in zip(_COLOURS, RULES, strict=True):
        points = [measure(samples[size][rule]) for size in sizes]
        draw_curve(axes, sizes, points, colour=colour, label=rule)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


STUDY = Study(
    name="nie-theory",
    shows="theorems 1 and 2 and proposition 1",
    asks="whether guided backpropagation, and which other rules, recover random networks' images",
    roles=(),
    run=theory,
    presets={
        "smoke": TheoryConfig(filters=(16, 64), widths=(32, 64), networks=10),
        "quick": TheoryConfig(filters=(16, 64, 256, 1024), networks=40),
        "full": TheoryConfig(),
    },
    minutes={"smoke": None, "quick": 0.2, "full": None},
    paper=NIE,
)
