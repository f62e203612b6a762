"""Whether networks trained in bfloat16 are as accurate: many of each, paired by seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from scipy import stats

from benchmarks.training.contenders import BATCH
from captum_rectgrad.studies.compute.precision import Precision
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.engines import default_stack
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs
from captum_rectgrad.studies.roar_kar.stacked_training import train_networks
from captum_rectgrad.studies.roar_kar.training import Training, answers
from rectgrad_zoo.data.images import LabelledImages

BOUND = 0.005  # half a point: bfloat16 is the default on GPUs if the whole interval is within


@dataclass(frozen=True)
class Compared:
    """Test accuracies of networks trained in float32 and in bfloat16, paired by seed.

    Attributes:
        float32: of each network.
        bfloat16: of the networks with the same seeds.
        difference: mean of the differences, bfloat16 less float32.
        low: lower end of its 95 % interval, by Student's t.
        high: its upper end.
    """

    float32: tuple[float, ...]
    bfloat16: tuple[float, ...]
    difference: float
    low: float
    high: float

    @property
    def is_equivalent(self) -> bool:
        """Whether the whole interval is within half a point."""
        return self.low > -BOUND and self.high < BOUND


def compared(float32: list[float], bfloat16: list[float]) -> Compared:
    """Compare two samples of accuracies, paired by seed.

    Args:
        float32: at least two.
        bfloat16: as many.
    """
    found: Any = stats.ttest_rel(bfloat16, float32)
    interval = found.confidence_interval(0.95)
    difference = float(np.mean(np.subtract(bfloat16, float32)))
    low, high = float(interval.low), float(interval.high)
    if not np.any(np.subtract(bfloat16, float32) - difference):  # no variance, no interval
        low = high = difference
    return Compared(tuple(float32), tuple(bfloat16), difference, low, high)


def measured(
    train: LabelledImages,
    test: LabelledImages,
    networks: int,
    epochs: int,
    device: torch.device,
) -> Compared:
    """Train networks on whole images in both precisions, with the same seeds.

    Args:
        train: images to train on.
        test: images to measure on.
        networks: of each.
        epochs: of each training.
        device: where.
    """
    found: dict[str, list[float]] = {}
    with Progress(2 * networks, "network") as progress:
        for precision in get_args(Precision):
            training = Training("cifar10_cnn", 10, "adam", 0.001, 0.0, BATCH, epochs, precision)
            found[precision] = []
            for start in range(0, networks, default_stack(device)):
                some = range(start, min(start + default_stack(device), networks))
                found[precision] += _accuracies(training, train, test, some, device, progress.beat)
                progress.update(len(some))
    return compared(found["float32"], found["bfloat16"])


def _accuracies(
    training: Training,
    train: LabelledImages,
    test: LabelledImages,
    seeds: range,
    device: torch.device,
    beat: Callable[[str], object],
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
        capture=device.type == "cuda",
        beat=beat,
    )
    see = sight(test, 1)
    return [float(answers(network, see, test.labels, 500).mean()) for network in trained]
