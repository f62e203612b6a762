"""Measurements of RectGrad's maps and thresholds over the percentile (for figure 4)."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import Unpack

from captum_rectgrad.attr.options import Options
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.evaluation.map_metrics import (
    channel_sum,
    rank_correlation,
    share_inside,
    top_overlap,
)
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.rules.threshold import PAPER_PERCENTILE
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.data.study_data import Network
from captum_rectgrad.studies.framework.by_network import stack_networks
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019.map_identities import GUIDED_TIMES_INPUT
from captum_rectgrad.studies.kim2019.score_moments import LayerMoments, score_moments

PERCENTILES = (0.0, 10.0, 20.0, 40.0, 60.0, 80.0, 85.0, 90.0, 95.0, 98.0, 99.0, 99.5)
REFERENCE = 20.0  # regions do not change above this percentile, according to the paper

TAU = "tau = 0"
NOT_ZERO, ENERGY, EMPTY = "pixels not zero", "energy", "empty maps"
RANK_TAU, OVERLAP_TAU = "rank correlation with tau = 0", "overlap with tau = 0"
RANK_REFERENCE = f"rank correlation with q = {REFERENCE:g}"
OVERLAP_REFERENCE = f"overlap with q = {REFERENCE:g}"
RANK_LOWER, OVERLAP_LOWER = "rank correlation with next lower q", "overlap with next lower q"
THRESHOLDS, SCORES = "thresholds at zero", "scores at zero"
POSITIVE, RANK_GUIDED = "pixels above zero", "rank correlation with Guided BP * Input"
RING, RING_NO_TRICK = "share in the outermost ring", "share in the ring without padding trick"
SHARES = (
    NOT_ZERO,
    EMPTY,
    THRESHOLDS,
    SCORES,
    POSITIVE,
    RING,
    RING_NO_TRICK,
)  # shares per image, in [0, 1]

# By the title of a threshold, one number for each image.
Numbers = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Sweep:
    """Measurements at all thresholds.

    Attributes:
        titles: titles of the thresholds, in order, tau = 0 first.
        layers: names of the activations, from the input to the output.
        values: by measure and threshold, `(N,)`, or by network and image, `(R, N)`; NaN where the
            measure is not defined.
        at_zero: share of the images whose threshold is exactly zero, `(thresholds, layers)`.
        moments: moments of the scores at q = 98.
    """

    titles: tuple[str, ...]
    layers: tuple[str, ...]
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    at_zero: NDArray[np.float64]
    moments: LayerMoments


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

    def compute(batch: slice) -> tuple[dict[str, Numbers], LayersAtZero, LayerMoments]:
        maps, guided, no_trick = (
            {
                method.title: context.few_maps(method, network, images[batch], targets[batch])
                for method in methods
            }
            for methods in (columns, [GUIDED_TIMES_INPUT], [_NO_TRICK])
        )
        inputs = model_inputs(images[batch].to(context.device))
        classes = targets[batch].to(context.device)
        at_zero = layers_at_zero(network.model, inputs, classes)
        numbers = {
            **on_maps(maps),
            **beside_others(maps, guided[GUIDED_TIMES_INPUT.title], no_trick),
            **at_zero.shares,
        }
        return numbers, at_zero, score_moments(network.model, inputs, classes)

    parts: list[dict[str, Numbers]] = []
    zeros: list[LayersAtZero] = []
    moments: list[LayerMoments] = []
    with Progress(len(images), "image", network.name) as progress:
        for batch, (found, at_zero, scores) in in_batches(len(images), context.batch_size, compute):
            parts.append(found)
            zeros.append(at_zero)
            moments.append(scores)
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
        moments={
            layer: {name: torch.cat([one[layer][name] for one in moments]) for name in by_name}
            for layer, by_name in moments[0].items()
        },
    )


def of_networks(found: Sequence[Sweep]) -> Sweep:
    """Measurements of networks of one architecture together.

    Args:
        found: by network, of the same N images.

    Returns:
        The measurements, with values `(R, N)`, and the mean of `at_zero`.
    """
    first = found[0]
    return replace(
        first,
        values={name: stack_networks([one.values[name] for one in found]) for name in first.values},
        at_zero=np.mean([one.at_zero for one in found], axis=0),
        moments={
            layer: {name: torch.stack([one.moments[layer][name] for one in found]) for name in of}
            for layer, of in first.moments.items()
        },
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


def beside_others(
    maps: Mapping[str, Tensor], guided: Tensor, no_trick: Mapping[str, Tensor]
) -> dict[str, Numbers]:
    """Measure maps beside guided backpropagation and RectGrad without padding trick.

    Args:
        maps: by title, `(N, C, H, W)`, without final zero thresholding.
        guided: maps of Guided Backprop * Input, `(N, C, H, W)`.
        no_trick: maps without padding trick at some of the titles.

    Returns:
        By measure and title: the share of the pixels that the final zero thresholding leaves, the
        rank correlation with `guided`, and the outermost ring's share of the map, with padding
        trick and without it (NaN where there is no such map).
    """
    ring = torch.ones(guided.shape[2:], dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    undefined = torch.full((len(guided),), torch.nan, dtype=torch.float64)
    return {
        POSITIVE: {t: (m > 0).any(dim=1).double().mean(dim=(1, 2)) for t, m in maps.items()},
        RANK_GUIDED: {t: rank_correlation(m, guided) for t, m in maps.items()},
        RING: {t: share_inside(m, ring) for t, m in maps.items()},
        RING_NO_TRICK: {
            t: share_inside(no_trick[t], ring) if t in no_trick else undefined for t in maps
        },
    }


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


def _column(title: str, **options: Unpack[Options]) -> Method:
    return Method(title, title, partial(_rectgrad, options), baseline=False)


def _rectgrad(options: Options, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    with warnings.catch_warnings():
        # The warning about empty maps is ignored: they are counted.
        warnings.simplefilter("ignore", RectGradWarning)
        return RectGrad(model, **options).attribute(x, target=target)


_NO_TRICK = _column(
    title_of(PAPER_PERCENTILE),
    percentile=PAPER_PERCENTILE,
    padding_trick=False,
    final_threshold=False,
)
