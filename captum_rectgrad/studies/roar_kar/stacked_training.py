"""Training several networks at once, each as if it were alone.

A network of this size leaves a GPU idle while Python launches its kernels. So the steps of several
are one: one batch for each of them, from data that is on the device, one loss, one optimizer, and
on a GPU one CUDA graph. What a network is trained to does not depend on the others: each has its
own weights, order of images and kernels.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import timm
import torch
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad.studies.roar_kar.cuda_graphs import Captured
from captum_rectgrad.studies.roar_kar.training import See, Training
from rectgrad_zoo.training.train import deterministic

# PyTorch's options of the optimizers that have them: one kernel for all weights, and a count of
# steps that a CUDA graph can advance.
_FUSED: dict[str, tuple[str, ...]] = {
    "adam": ("fused", "capturable"),
    "adamw": ("fused", "capturable"),
    "sgd": ("fused",),
}


class Stack(nn.Module):
    """Networks that are called as one, and whose parameters are trained together.

    Their `forward` takes inputs `(K, B, C, H, W)`, a batch for each network, to logits
    `(K, B, classes)`.
    """

    def networks(self) -> list[nn.Module]:
        """The networks, each with the weights that it has now."""
        raise NotImplementedError


class SideBySide(Stack):
    """The networks as they are, one after the other.

    Args:
        networks: K of them.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stacked = nn.ModuleList(networks)

    def forward(self, inputs: Tensor) -> Tensor:
        """See `Stack`."""
        pairs = zip(self.stacked, inputs, strict=True)
        return torch.stack([network(batch) for network, batch in pairs])

    def networks(self) -> list[nn.Module]:
        """See `Stack`."""
        return list(self.stacked)


def can_be_captured(training: Training) -> bool:
    """Whether a step of this training can become a CUDA graph: whether its optimizer can."""
    return training.optimizer in _FUSED


def train_networks(
    training: Training,
    see: See,
    labels: Tensor,
    seeds: Sequence[int],
    device: torch.device,
    *,
    capture: bool = False,
    stack: Callable[[Sequence[nn.Module]], Stack] = SideBySide,
) -> list[nn.Module]:
    """Train networks.

    Args:
        training: how.
        see: the training images, as each network sees them.
        labels: their classes, `(N,)`, int64.
        seeds: of the weights and the order of the images, for each network; what is drawn elsewhere
            stays as it was.
        device: where. The same seed gives the same weights on one device with as many threads,
            whatever the other seeds are.
        capture: whether steps are captured into a CUDA graph; for CUDA alone, and for trainings
            that can be captured.
        stack: how the networks become one.

    Returns:
        The networks, in eval mode, in the order of their seeds.
    """
    started = [new_network(training, seed).to(device).train() for seed in seeds]
    stacked, labels = stack(started), labels.to(device)
    step = training_step(training, stacked, see, labels, capturable=capture)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    # Streams are those of the current device.
    here = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with here, deterministic(device):
        run = Captured(step) if capture else step
        for _ in range(training.epochs):
            drawn = [torch.randperm(len(labels), generator=order) for order in orders]
            shuffled = torch.stack(drawn).to(device)
            for batch in torch.split(shuffled, training.batch_size, dim=1):
                run(batch)
    return [network.eval() for network in stacked.networks()]


def new_network(training: Training, seed: int) -> nn.Module:
    """A network before its training.

    Args:
        training: of what.
        seed: of its weights.

    Returns:
        It, channels last in memory, on the CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network: nn.Module = timm.create_model(training.architecture, num_classes=training.classes)
    return network.to(memory_format=torch.channels_last)


def training_step(
    training: Training, stack: Stack, see: See, labels: Tensor, *, capturable: bool = False
) -> Callable[[Tensor], None]:
    """One step of several networks: nothing in it waits for a GPU.

    Args:
        training: how.
        stack: the networks.
        see: the training images.
        labels: their classes, `(N,)`, on the device of the networks.
        capturable: whether the step is to be captured into a CUDA graph.

    Returns:
        From the indices of the images, `(K, B)`, on that device, to nothing.
    """
    known = _FUSED.get(training.optimizer, ())
    options: dict[str, Any] = {"fused": True, "capturable": capturable}
    optimizer = create_optimizer_v2(
        stack,
        opt=training.optimizer,
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        **{key: value for key, value in options.items() if key in known},
    )
    half = training.precision == "bfloat16"

    def step(batch: Tensor) -> None:
        inputs = see(batch)
        flat = inputs.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with _in_half(labels.device) if half else nullcontext():
            logits = stack(flat.view(inputs.shape))
        # The sum over networks of each one's mean: none gets another's gradient.
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), labels[batch].flatten(), reduction="sum"
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss / batch.shape[1])
        optimizer.step()

    return step


def _in_half(device: torch.device) -> torch.autocast:
    # Without its cache: each weight is used once, and what a graph has captured would not expire.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
