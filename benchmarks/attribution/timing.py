"""Ratios of running times, from rounds in which every method runs once."""

import gc
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import BASELINE, Attribute, Method

FEWEST = 7  # rounds: with less the order statistics give no 95 % interval of a median


@dataclass(frozen=True)
class Ratio:
    """A median with its interval.

    Attributes:
        median: of the ratios of the rounds.
        low: lower end of the 95 % interval, from order statistics.
        high: its upper end.
        rounds: how many there were.
    """

    median: float
    low: float
    high: float
    rounds: int


def timed(
    case: Case,
    methods: Sequence[Method],
    device: torch.device,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Ratio | str]:
    """Time methods side by side.

    Args:
        case: network and batch.
        methods: which, the baseline among them.
        device: where.
        seconds: rounds begin for about so long; there are at least `FEWEST`.
        clock: what the methods are timed by, in seconds.

    Returns:
        By the methods' keys: multiples of the baseline's time, or why there is none.
    """
    model, images = case.model(device), case.images(device)
    with torch.no_grad():
        target = model(images).argmax(dim=1)
    attributes, refused = _made(methods, model, images, target)
    rounds: list[Mapping[str, float]] = []
    draw, until = np.random.default_rng(0), time.perf_counter() + seconds
    while len(rounds) < FEWEST or time.perf_counter() < until:
        # In another order every time: what runs before leaves its traces in the caches.
        keys = [str(key) for key in draw.permutation(list(attributes))]
        rounds.append({key: _seconds(attributes[key], images, target, clock) for key in keys})
    ratios = {
        key: ratio_of([one[key] / one[BASELINE.key] for one in rounds])
        for key in attributes
        if key != BASELINE.key
    }
    return {**ratios, **refused}


def _made(
    methods: Sequence[Method], model: torch.nn.Module, images: Tensor, target: Tensor
) -> tuple[dict[str, Attribute], dict[str, str]]:
    attributes: dict[str, Attribute] = {}
    refused: dict[str, str] = {}
    for method in methods:
        attribute = method.made(model)
        try:
            _seconds(attribute, images, target)
        except (RuntimeError, AssertionError, ValueError) as error:
            refused[method.key] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        else:
            attributes[method.key] = attribute
    return attributes, refused


def _seconds(
    attribute: Attribute,
    images: Tensor,
    target: Tensor,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    gc.collect()  # so that nobody pays for what another left
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        synchronise(images.device)
        start = clock()
        attribute(images, target)
        synchronise(images.device)
        return clock() - start


def synchronise(device: torch.device) -> None:
    """Wait for what is queued on a device.

    Args:
        device: which; the CPU has no queue.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ratio_of(values: Sequence[float]) -> Ratio:
    """The median of the ratios of rounds.

    Args:
        values: at least `FEWEST`.
    """
    interval: Any = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    return Ratio(
        float(np.median(values)), float(interval.low), float(interval.high), rounds=len(values)
    )
