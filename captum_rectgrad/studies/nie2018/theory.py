"""Theorems 1 and 2 and proposition 1, simulated, and RectGrad beside them, which has no theorem."""

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
from captum_rectgrad.studies.figures.map_grid import new_figure
from captum_rectgrad.studies.framework.lab import Lab
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
from captum_rectgrad.studies.nie2018.random_networks import guided_limit
from captum_rectgrad.studies.nie2018.simulation import (
    RULES,
    Sample,
    correlation,
    simulate_maps,
    simulate_signals,
)

MOSTLY = 0.95  # of a correlation: what "converges to" is taken to mean
NO_CORRELATION = 0.05  # what "preserves no information" and "uncorrelated" are taken to mean
GAUSSIAN = 0.5  # excess kurtosis that still counts as a Gaussian's; a uniform's is -1.2
SKEWED = 0.25  # skewness that still counts as a Gaussian's; an exponential's is 2
SCALED = 0.25  # of a variance over the theory's, less 1; without the half it would be -0.5
SHARED = 1 / math.pi  # correlation of pixels of a DeconvNet map, which share their filters
_COLOURS = ("#2a6a9e", "#5c8a3a", "#7a5195", "#e08a2c", "#c43c00")
# Map, and backward signal at the first hidden layer, by rule.
Samples = Mapping[int, Mapping[str, Sample]]


@dataclass(frozen=True)
class TheoryConfig:
    """How much is simulated.

    Attributes:
        filters: numbers of filters of the networks of theorems 1 and 2, ascending.
        widths: numbers of hidden units of those of proposition 1, ascending.
        networks: random networks of each size, each with an image of its own.
    """

    filters: tuple[int, ...] = (16, 64, 256, 1024, 4096)
    widths: tuple[int, ...] = (64, 256, 1024)
    networks: int = 100


def theory(config: TheoryConfig, lab: Lab) -> Result:
    """Simulate the networks of the theorems, ever larger.

    Args:
        config: see there.
        lab: material, for its images, and seed; networks are random.

    Returns:
        For each number of filters and each rule how far its maps are the image, whether they are
        Gaussian, and whether their pixels are correlated; the same of backward signals.
    """
    images = model_inputs(lab.images("test", config.networks).images)
    maps = {n: simulate_maps(n, images, config.networks, lab.seed) for n in config.filters}
    signals = {n: simulate_signals(n, images, config.networks, lab.seed) for n in config.widths}
    limit = mean([correlation(guided_limit(image), image) for image in images], lab.seed)
    return Result(
        rows=[
            *_rows("map", "filters", maps, lab.seed),
            *_rows("signal", "width", signals, lab.seed),
        ],
        claims=claims(maps, signals, limit, lab.seed),
        figure=_figure(maps, signals, limit, lab.seed),
        notes=_notes(config, limit),
    )


def _notes(config: TheoryConfig, limit: Estimate) -> tuple[str, ...]:
    return (
        (
            f"{config.networks} random networks of each size, each on an image of its own. Maps: "
            "one layer of 3 x 3 filters, ReLU, one logit, all weights normal (section 3). Signals: "
            "the gradient at the first of three hidden layers of equal width (proposition 1), and "
            "its correlation with that layer's activations. RectGrad is the rule alone, without "
            "padding trick, multiplication and final threshold."
        ),
        (
            "The proof of theorem 1 ends by taking all patches of an image for equally long. "
            "Without that step guided backpropagation converges to a sum of patches each divided "
            f"by its length, whose correlation with these images is {limit}."
        ),
        (
            "The proof of theorem 2 has every pixel of a DeconvNet map independent of the others. "
            "But all patches share their filters, and the backward ReLU leaves a mean that is not "
            "0: over networks, pixels of one channel, off the border, correlate by 1 / pi = "
            f"{SHARED:.3f}, the dotted line, which within one map is a constant of each channel. "
            "Each by itself is Gaussian as the theorem says, with a variance of half what appendix "
            "C states, where the half that the ReLU cuts off is left out: it is in the "
            "normalisation. The test of Kolmogorov and Smirnov is of one pixel of each network."
        ),
        (
            "The proof of proposition 1 takes the forward pattern of ReLUs for independent of the "
            "weights. It is not: units are active because their weights point along the "
            "activations, and guided backpropagation adds up just those weights. Its signals "
            "therefore have a mean that is not 0 and follow the activations; about that mean they "
            "are uncorrelated, as the proposition says."
        ),
    )


def claims(maps: Samples, signals: Samples, limit: Estimate, seed: int) -> list[Claim]:
    """Hold the theorems against the largest networks.

    Args:
        maps: by number of filters.
        signals: by width.
        limit: correlation with the image of what guided backpropagation should converge to.
        seed: of the bootstrap.

    Returns:
        The claims.
    """
    filters, width = max(maps), max(signals)
    to_limit = {n: mean(found["Guided BP"].with_limit, seed) for n, found in maps.items()}
    to_image = {n: mean(found["Guided BP"].with_input, seed) for n, found in maps.items()}
    made = [
        Claim(
            "Guided backpropagation converges to the sum of normalised patches of the image",
            "theorem 1, before the last step of its proof",
            _judged_limit(to_limit),
            f"correlation with it, {filters} filters: {to_limit[filters]}; held against {MOSTLY:g}",
        ),
        Claim(
            "Guided backpropagation converges to the image",
            "theorem 1",
            _judged_limit(to_image),
            f"correlation with the image, {filters} filters: {to_image[filters]}, where the "
            f"limit's is {limit}; held against {MOSTLY:g}",
        ),
    ]
    for rule in ("Saliency", "DeconvNet", "Guided BP"):
        if rule != "Guided BP":
            made += _map_claims(rule, maps[filters][rule], f"{filters} filters", seed)
        made += _signal_claims(rule, signals[width][rule], f"{width} units", seed)
    return made


def _judged_limit(points: Mapping[int, Estimate]) -> Verdict:
    """Whether a correlation goes to 1; while it still rises, what is not there yet may come."""
    sizes = sorted(points)
    verdict = judged_above(points[sizes[-1]], MOSTLY)
    rises = len(sizes) > 1 and points[sizes[-1]].low > points[sizes[-2]].high
    return "undecided" if verdict == "does not hold" and rises else verdict


def _map_claims(rule: str, sample: Sample, size: str, seed: int) -> list[Claim]:
    own, apart = of_its_own_image(sample, seed), pair_correlation(sample, seed)
    spread, (shape, moments) = relative_variance(sample, seed), _shape(sample, seed)
    return [
        Claim(
            f"{rule} maps keep no information on the image",
            "theorem 2",
            judged_within(own, NO_CORRELATION),
            f"absolute correlation with the image less that with another, {size}: {own}; held "
            f"against {NO_CORRELATION:g}",
        ),
        Claim(
            f"Values of {rule} maps are standard Gaussian",
            "theorem 2, with the variance of the notes",
            all_of([shape, judged_within(_less_one(spread), SCALED)]),
            f"{size}: variance over the theory's {spread}, held against 1 +- {SCALED:g}; "
            f"{moments}; {_kolmogorov(sample)}",
        ),
        Claim(
            f"Pixels of {rule} maps are uncorrelated",
            "theorem 2, unit covariance",
            judged_within(apart, NO_CORRELATION),
            f"correlation of pixels of a channel, {size}: {apart}; held against {NO_CORRELATION:g}",
        ),
    ]


def _signal_claims(rule: str, sample: Sample, size: str, seed: int) -> list[Claim]:
    apart, (shape, moments) = pair_correlation(sample, seed), _shape(sample, seed)
    center, own = mean_over_size(sample, seed), of_its_own_image(sample, seed)
    source, bound = "proposition 1", f"held against {NO_CORRELATION:g}"
    return [
        Claim(
            f"Backward signals of {rule} are uncorrelated",
            source,
            judged_within(apart, NO_CORRELATION),
            f"correlation of units, {size}: {apart}; {bound}",
        ),
        Claim(
            f"Backward signals of {rule} have mean 0",
            source,
            judged_within(center, NO_CORRELATION),
            f"mean over the root of the mean square, {size}: {center}; {bound}",
        ),
        Claim(
            f"Backward signals of {rule} do not depend on the forward pass",
            f"{source}, as its proof takes it",
            judged_within(own, NO_CORRELATION),
            "absolute correlation with the layer's activations less that with those of another "
            f"image, {size}: {own}; {bound}",
        ),
        Claim(
            f"Backward signals of {rule} are Gaussian about their mean",
            source,
            shape,
            f"{size}: {moments}",
        ),
    ]


def _shape(sample: Sample, seed: int) -> tuple[Verdict, str]:
    """Whether values have a Gaussian's skewness and kurtosis, and both in words."""
    lean, tails = skewness(sample, seed), excess_kurtosis(sample, seed)
    verdict = all_of([judged_within(lean, SKEWED), judged_within(tails, GAUSSIAN)])
    return verdict, (
        f"skewness {lean}, held against {SKEWED:g}; excess kurtosis {tails}, held against "
        f"{GAUSSIAN:g}"
    )


def _less_one(ratio: Estimate) -> Estimate:
    return Estimate(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.count)


def _kolmogorov(sample: Sample) -> str:
    """Of one value of each network, which are independent."""
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
    """One curve for each rule, its 95 % interval shaded; theory's 0 as a grey line."""
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
    asks="whether guided backpropagation recovers the image of random networks, and who else does",
    needs="test images",
    run=theory,
    presets={
        "smoke": TheoryConfig(filters=(16, 64), widths=(32, 64), networks=10),
        "quick": TheoryConfig(filters=(16, 64, 256, 1024), networks=40),
        "full": TheoryConfig(),
    },
    minutes={"smoke": None, "quick": 0.9, "full": None},
    paper=NIE,
)
