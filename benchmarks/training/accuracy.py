"""Whether networks trained in bfloat16 are as accurate: many of each, compared as distributions."""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from scipy import stats
from tqdm import tqdm

from benchmarks.training.contenders import BATCH
from captum_rectgrad.studies.compute.precision import Precision
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.engines import default_stack
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs
from captum_rectgrad.studies.roar_kar.stacked_training import train_networks
from captum_rectgrad.studies.roar_kar.training import Training, answers
from rectgrad_zoo.data.images import LabelledImages


@dataclass(frozen=True)
class Compared:
    """Test accuracies of networks trained in float32 and in bfloat16.

    Attributes:
        float32: of each network.
        bfloat16: of as many others.
        difference: of the means, bfloat16 less float32.
        low: lower end of its 95 % interval, by Welch.
        high: its upper end.
        same_mean: p-value of Welch's test.
        same_distribution: p-value of the two-sample test of Kolmogorov and Smirnov, exact.
    """

    float32: tuple[float, ...]
    bfloat16: tuple[float, ...]
    difference: float
    low: float
    high: float
    same_mean: float
    same_distribution: float


def compared(float32: list[float], bfloat16: list[float]) -> Compared:
    """Compare two samples of accuracies.

    Args:
        float32: at least two.
        bfloat16: at least two.
    """
    welch: Any = stats.ttest_ind(bfloat16, float32, equal_var=False)
    interval = welch.confidence_interval(0.95)
    two_sample: Any = stats.ks_2samp(bfloat16, float32, method="exact")
    return Compared(
        tuple(float32),
        tuple(bfloat16),
        float(np.mean(bfloat16) - np.mean(float32)),
        float(interval.low),
        float(interval.high),
        float(welch.pvalue),
        float(two_sample.pvalue),
    )


def measured(
    train: LabelledImages,
    test: LabelledImages,
    networks: int,
    epochs: int,
    device: torch.device,
) -> Compared:
    """Train networks on whole images in both, each with a seed of its own.

    Args:
        train: images to train on.
        test: images to measure on.
        networks: of each.
        epochs: of each training.
        device: where.
    """
    found: dict[str, list[float]] = {}
    with tqdm(total=2 * networks, unit="network", disable=None) as progress:
        for number, precision in enumerate(get_args(Precision)):
            training = Training("cifar10_cnn", 10, "adam", 0.001, 0.0, BATCH, epochs, precision)
            # Other seeds for the other: the two samples are independent, as the tests take it.
            seeds = range(number * networks, (number + 1) * networks)
            found[precision] = []
            for start in range(0, networks, default_stack(device)):
                some = seeds[start : start + default_stack(device)]
                found[precision] += _accuracies(training, train, test, some, device)
                progress.update(len(some))
    return compared(found["float32"], found["bfloat16"])


def _accuracies(
    training: Training,
    train: LabelledImages,
    test: LabelledImages,
    seeds: range,
    device: torch.device,
) -> list[float]:
    def sight(data: LabelledImages, count: int) -> MaskedInputs:
        cells = [Cell("whole", "", "signed", 0, number) for number in range(count)]
        nothing = torch.zeros(3, device=device)
        return MaskedInputs(cells, data.images.to(device), [None] * count, nothing, seed=0)

    trained = train_networks(
        training,
        sight(train, len(seeds)),
        train.labels,
        seeds,
        device,
        capture=device.type == "cuda" and len(seeds) > 1,
    )
    see = sight(test, 1)
    return [float(answers(network, see, test.labels, 500).mean()) for network in trained]
