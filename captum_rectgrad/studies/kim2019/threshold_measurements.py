"""Measurements of RectGrad's maps and thresholds over the percentile (for figure 4)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from captum.attr import GuidedBackprop
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import Unpack

from captum_rectgrad.attr.options import Options
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.evaluation.captum_compatible import captum_compatible
from captum_rectgrad.evaluation.map_metrics import channel_sum, rank_correlation, top_overlap
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.context import StudyContext

PERCENTILES = (0.0, 10.0, 20.0, 40.0, 60.0, 80.0, 85.0, 90.0, 95.0, 98.0, 99.0, 99.5)
REFERENCE = 20.0  # regions do not change above this percentile, according to the paper

TAU = "tau = 0"
NOT_ZERO, ENERGY, EMPTY = "pixels not zero", "energy", "empty maps"
RANK_TAU, OVERLAP_TAU = "rank correlation with tau = 0", "overlap with tau = 0"
RANK_REFERENCE = f"rank correlation with q = {REFERENCE:g}"
OVERLAP_REFERENCE = f"overlap with q = {REFERENCE:g}"
RANK_LOWER, OVERLAP_LOWER = "rank correlation with next lower q", "overlap with next lower q"
THRESHOLDS, SCORES = "thresholds at zero", "scores at zero"
SHARES = (NOT_ZERO, EMPTY, THRESHOLDS, SCORES)  # shares per image, in [0, 1]

# By the title of a threshold, one number for each image.
Numbers = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Measurements at all thresholds.

    Attributes:
        titles: titles of the thresholds, in order, tau = 0 first.
        layers: names of the activations, from the input to the output.
        values: by measure and threshold, `(N,)`; NaN where the measure is not defined.
        at_zero: share of the images whose threshold is exactly zero, `(thresholds, layers)`.
    """

    titles: tuple[str, ...]
    layers: tuple[str, ...]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    at_zero: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayersAtZero:
    """Thresholds and scores that are exactly zero.

    Attributes:
        layers: names of the activations, from the input to the output.
        thresholds: whether a threshold is zero, `(thresholds, layers, N)`.
        shares: by measure and title, `(N,)`: the shares of zero thresholds and of zero scores,
            averaged over the layers.
    """

    layers: tuple[str, ...]
    thresholds: Tensor
    shares: dict[str, Numbers]


def title_of(percentile: float) -> str:
    """Title of the column of a percentile."""
    return f"q = {percentile:g}"


def thresholds() -> tuple[Method, ...]:
    """The columns of figure 4: RectGrad at tau = 0 and at each percentile.

    They use the padding trick, as the caption states, and no final zero thresholding (section 5).
    """
    return (
        _column(TAU, tau=0.0, final_threshold=False),
        *(
            _column(title_of(percentile), percentile=percentile, final_threshold=False)
            for percentile in PERCENTILES
        ),
    )


def measure(context: StudyContext, network: Network, images: Tensor, targets: Tensor) -> Sweep:
    """Measure maps and thresholds.

    Args:
        context: its device and batch size are used.
        network: the explained network.
        images: `(N, 3, H, W)`, uint8.
        targets: the classes to explain, `(N,)`.

    Returns:
        The measurements.
    """
    columns = thresholds()

    def compute(batch: slice) -> tuple[dict[str, Numbers], LayersAtZero]:
        maps = {
            column.title: context.few_maps(column, network, images[batch], targets[batch])
            for column in columns
        }
        inputs = model_inputs(images[batch].to(context.device))
        at_zero = layers_at_zero(network.model, inputs, targets[batch].to(context.device))
        return {**on_maps(maps), **at_zero.shares}, at_zero

    parts: list[dict[str, Numbers]] = []
    zeros: list[LayersAtZero] = []
    with Progress(len(images), "image", network.name) as progress:
        for batch, (found, at_zero) in in_batches(len(images), context.batch_size, compute):
            parts.append(found)
            zeros.append(at_zero)
            progress.update(batch.stop - batch.start)
    titles = tuple(column.title for column in columns)
    return Sweep(
        titles=titles,
        layers=zeros[0].layers,
        values={
            name: {title: torch.cat([p[name][title] for p in parts]).numpy() for title in titles}
            for name in parts[0]
        },
        at_zero=torch.cat([one.thresholds for one in zeros], dim=2).double().mean(dim=2).numpy(),
    )


def on_maps(maps: Mapping[str, Tensor]) -> dict[str, Numbers]:
    """Measure maps of the same images at several thresholds.

    Args:
        maps: by title, in order, `(N, C, H, W)`; with `TAU` first, and with `REFERENCE`.

    Returns:
        By measure and title.
    """
    first, reference = maps[TAU], maps[title_of(REFERENCE)]
    energy = channel_sum(first).abs().sum(dim=(1, 2))
    found: dict[str, Numbers] = {
        NOT_ZERO: {t: (channel_sum(m) != 0).double().mean(dim=(1, 2)) for t, m in maps.items()},
        ENERGY: {t: channel_sum(m).abs().sum(dim=(1, 2)) / energy for t, m in maps.items()},
        EMPTY: {t: (m == 0).flatten(1).all(dim=1).double() for t, m in maps.items()},
    }
    titles = list(maps)
    lower = dict(zip(titles[2:], titles[1:], strict=False))
    undefined = torch.full_like(energy, torch.nan)
    for measure_two, with_first, with_reference, with_lower in (
        (rank_correlation, RANK_TAU, RANK_REFERENCE, RANK_LOWER),
        (top_overlap, OVERLAP_TAU, OVERLAP_REFERENCE, OVERLAP_LOWER),
    ):
        found[with_first] = {t: measure_two(m, first) for t, m in maps.items()}
        found[with_reference] = {t: measure_two(m, reference) for t, m in maps.items()}
        found[with_lower] = {
            t: measure_two(m, maps[lower[t]]) if t in lower else undefined for t, m in maps.items()
        }
    return found


def layers_at_zero(model: nn.Module, inputs: Tensor, targets: Tensor) -> LayersAtZero:
    """Measure thresholds and scores of RectGrad.

    Args:
        model: in eval mode.
        inputs: `(N, 3, H, W)`.
        targets: `(N,)`.
    """
    choices: dict[str, Options] = {TAU: {"tau": 0.0}}
    choices |= {title_of(percentile): {"percentile": percentile} for percentile in PERCENTILES}
    thresholds, scores = [], []
    for choice in choices.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RectGradWarning)
            _, statistics = RectGrad(model, **choice).attribute(
                inputs, target=targets, return_layer_statistics=True
            )
        layers = statistics[::-1]  # from the input to the output
        thresholds.append(torch.stack([cast("Tensor", layer.threshold).cpu() for layer in layers]))
        scores.append(torch.stack([cast("Tensor", layer.zero_scores).cpu() for layer in layers]))
    at_zero = torch.stack(thresholds) == 0
    return LayersAtZero(
        tuple(layer.name for layer in layers),
        at_zero,
        {
            THRESHOLDS: dict(zip(choices, at_zero.double().mean(dim=1), strict=True)),
            SCORES: dict(zip(choices, torch.stack(scores).double().mean(dim=1), strict=True)),
        },
    )


def guided_backprop_gaps(
    context: StudyContext, network: Network, images: Tensor, targets: Tensor
) -> NDArray[np.float64]:
    """Difference of RectGrad at tau = 0 and Guided Backprop * Input thresholded at zero (claim 2).

    Args:
        context: its device and batch size are used.
        network: the explained network.
        images: `(N, 3, H, W)`, uint8.
        targets: the classes to explain, `(N,)`.

    Returns:
        `(N,)`: the largest absolute difference divided by the largest value. RectGrad is without
        the padding trick, which guided backpropagation does not have.
    """
    exact = _column(TAU, tau=0.0, padding_trick=False)
    guided = Method(
        "guided-input", "Guided BP * Input", _guided_backprop_times_input, baseline=False
    )

    def compute(batch: slice) -> Tensor:
        one, other = (
            context.few_maps(method, network, images[batch], targets[batch]).flatten(1).double()
            for method in (exact, guided)
        )
        largest = other.amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny)
        return (one - other).abs().amax(dim=1) / largest

    gaps = [gap for _, gap in in_batches(len(images), context.batch_size, compute)]
    found: NDArray[np.float64] = torch.cat(gaps).numpy()
    return found


def _column(title: str, **options: Unpack[Options]) -> Method:
    return Method(title, title, partial(_rectgrad, options), baseline=False)


def _rectgrad(options: Options, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    with warnings.catch_warnings():
        # The warning about empty maps is ignored: they are counted.
        warnings.simplefilter("ignore", RectGradWarning)
        return RectGrad(model, **options).attribute(x, target=target)


def _guided_backprop_times_input(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    gradient: Tensor = GuidedBackprop(captum_compatible(model)).attribute(x, target=target)
    return (x * gradient).clamp(min=0)
