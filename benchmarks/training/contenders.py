"""The ways of training that are timed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from benchmarks.training.plain import plain_step
from captum_rectgrad.studies.compute.precision import Precision
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.cuda_graphs import Captured
from captum_rectgrad.studies.roar_kar.engines import STACK
from captum_rectgrad.studies.roar_kar.grouped_networks import Grouped
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs
from captum_rectgrad.studies.roar_kar.stacked_networks import SideBySide, Stack
from captum_rectgrad.studies.roar_kar.stacked_training import new_network, training_step
from captum_rectgrad.studies.roar_kar.training import Training
from rectgrad_zoo.determinism import deterministic

FRACTION = 0.5  # of the pixels that are removed; the time does not depend on it
BATCH = 100  # as in the recipe of `cifar10_cnn_paper`

Step = Callable[[Tensor], None]


@dataclass(frozen=True, eq=False)
class Data:
    """Images that lie on the device.

    Attributes:
        images: `(N, 3, 32, 32)`, uint8.
        labels: `(N,)`.
        ranks: of the pixels, `(N, 1024)`, int16.
        colour: of removed pixels, `(3,)`.
    """

    images: Tensor
    labels: Tensor
    ranks: Tensor
    colour: Tensor

    @classmethod
    def drawn(cls, count: int, device: torch.device) -> "Data":
        """Noise: which pixels there are does not matter to the time.

        Args:
            count: number of images.
            device: where.
        """
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
        labels = torch.randint(10, (count,), generator=generator)
        ranks = torch.rand(count, 1024, generator=generator).argsort(dim=1).to(torch.int16)
        return cls(
            images.to(device), labels.to(device), ranks.to(device), torch.zeros(3, device=device)
        )


def training_in(precision: Precision) -> Training:
    """The training of table 1: `cifar10_cnn` and Adam."""
    return Training("cifar10_cnn", 10, "adam", 0.001, 0.0, BATCH, epochs=20, precision=precision)


@dataclass(frozen=True)
class Contender:
    """A line of the table.

    Attributes:
        key: its name in the record.
        title: what the table calls it.
        networks: trained at once.
        precision: what convolutions and dense layers compute in.
        stack: how they become one; None: the plain loop.
        captured: whether steps are CUDA graphs.
    """

    key: str
    title: str
    networks: int
    precision: Precision
    stack: Callable[[Sequence[nn.Module]], Stack] | None = field(default=None, repr=False)
    captured: bool = False

    def made(self, data: Data) -> Step:
        """A step of this training.

        Args:
            data: what is trained on.

        Returns:
            From indices, `(networks, B)`, to nothing.
        """
        training, device = training_in(self.precision), data.images.device
        models = [new_network(training, seed).to(device).train() for seed in range(self.networks)]
        if self.stack is None:
            (model,) = models
            return plain_step(
                model.to(memory_format=torch.contiguous_format),
                data.images,
                data.labels,
                data.ranks,
                data.colour,
                FRACTION,
                training.learning_rate,
            )
        cells = [Cell("roar", "", "signed", FRACTION, number) for number in range(self.networks)]
        see = MaskedInputs(cells, data.images, [data.ranks] * self.networks, data.colour, seed=0)
        stacked = self.stack(models)
        plain = training_step(training, stacked, see, data.labels, capturable=self.captured)
        step: Step = Captured(plain) if self.captured else plain

        def run(batch: Tensor) -> None:
            with deterministic(device):
                step(batch)

        return run


PLAIN = Contender("plain", "plain loop, float32", 1, "float32")


def contenders(device: torch.device) -> tuple[Contender, ...]:
    """What is timed on a device: the plain loop, then what `roar-kar` does there.

    Args:
        device: which.
    """
    if device.type == "cuda":
        title = f"{STACK} grouped, compiled, in a graph"
        return (
            PLAIN,
            Contender("bfloat16", title, STACK, "bfloat16", Grouped, captured=True),
            Contender("float32", title, STACK, "float32", Grouped, captured=True),
        )
    return (
        PLAIN,
        Contender("bfloat16", "1", 1, "bfloat16", SideBySide),
        Contender("float32", "1", 1, "float32", SideBySide),
    )
