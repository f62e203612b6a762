"""Images per second, from rounds in which every way of training does a few steps."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.attribution.timing import FEWEST, Ratio, ratio_of, synchronise
from benchmarks.training.contenders import BATCH, PLAIN, Contender, Data, Step
from captum_rectgrad.studies.roar_kar.cuda_graphs import WARM_UP

# Dense bfloat16, tera-operations a second: NVIDIA's data sheets, without sparsity, by a part of the
# device's name; the first that fits counts.
PEAKS: tuple[tuple[str, float], ...] = (
    ("H100 PCIe", 756),
    ("H100 NVL", 835),
    ("H100", 989),
    ("H200", 989),
    ("A100", 312),
)


@dataclass(frozen=True)
class Speed:
    """How fast one way of training is.

    Attributes:
        images: a second, of all networks together; the median of the rounds.
        ratio: to those of the plain loop.
    """

    images: float
    ratio: Ratio


def timed(
    ways: Sequence[Contender], data: Data, steps: int, seconds: float
) -> dict[str, Speed | str]:
    """Time ways of training side by side.

    Args:
        ways: the plain loop among them.
        data: what is trained on.
        steps: of each in a round.
        seconds: rounds begin for about so long; there are at least `FEWEST`.

    Returns:
        By their keys: how fast they are, or why they do not run.
    """
    made: dict[str, tuple[Step, list[Tensor]]] = {}
    refused: dict[str, str] = {}
    for way in ways:
        batches = _batches(way.networks, data, steps)
        try:
            step = way.made(data)
            # Before the clock runs: what is allocated, chosen and captured once.
            for batch in (batches * (WARM_UP + 2))[: WARM_UP + 2]:
                step(batch)
            synchronise(data.images.device)
        except (RuntimeError, ValueError) as error:
            refused[way.key] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        else:
            made[way.key] = step, batches
    networks = {way.key: way.networks for way in ways}
    rounds: list[dict[str, float]] = []
    draw, until = np.random.default_rng(0), time.perf_counter() + seconds
    while len(rounds) < FEWEST or time.perf_counter() < until:
        # In another order every time: what runs before leaves its traces in the caches.
        keys = [str(key) for key in draw.permutation(list(made))]
        rounds.append({key: _seconds(*made[key]) / networks[key] for key in keys})
    speeds = {
        key: Speed(
            steps * BATCH / float(np.median([one[key] for one in rounds])),
            ratio_of([one[PLAIN.key] / one[key] for one in rounds]),
        )
        for key in made
    }
    return {**speeds, **refused}


def _batches(networks: int, data: Data, steps: int) -> list[Tensor]:
    generator, count = torch.Generator().manual_seed(0), len(data.labels)
    drawn = [torch.randint(count, (networks, BATCH), generator=generator) for _ in range(steps)]
    return [batch.to(data.images.device) for batch in drawn]


def _seconds(step: Step, batches: Sequence[Tensor]) -> float:
    device = batches[0].device
    synchronise(device)
    start = time.perf_counter()
    for batch in batches:
        step(batch)
    synchronise(device)
    return time.perf_counter() - start


def operations(data: Data) -> float:
    """Floating point operations of an image's part in a step, as PyTorch's counter has them.

    Those of convolutions and matrix products, forward and backward; a fused multiply-add is two.

    Args:
        data: what is trained on.
    """
    step = PLAIN.made(data)
    with FlopCounterMode(display=False) as counter:
        step(torch.zeros(1, BATCH, dtype=torch.long, device=data.images.device))
    return float(counter.get_total_flops() / BATCH)


def peak_of(name: str) -> float | None:
    """The most operations a second that a device is said to do in bfloat16.

    Args:
        name: of the device.

    Returns:
        Operations a second; None: it is not known here.
    """
    found = [peak * 1e12 for part, peak in PEAKS if part in name]
    return found[0] if found else None
