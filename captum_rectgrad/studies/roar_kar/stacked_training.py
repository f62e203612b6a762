"""Training of several networks at once, with the same results as one after the other.

A network of this size leaves a GPU idle while Python launches its kernels. The steps of several
networks are therefore combined: one batch for each network from data on the device, one loss, one
optimizer, and on a GPU one CUDA graph. Each network has its own weights, order of images and
kernels, so its result does not depend on the others.
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
from rectgrad_zoo.determinism import deterministic

# Options of PyTorch's optimizers, if available: one kernel for all weights, and a step counter
# that a CUDA graph can advance.
_FUSED: dict[str, tuple[str, ...]] = {
    "adam": ("fused", "capturable"),
    "adamw": ("fused", "capturable"),
    "sgd": ("fused",),
}


class Stack(nn.Module):
    """Networks that are called as one module and trained together.

    Their `forward` maps inputs `(K, B, C, H, W)`, a batch for each network, to logits
    `(K, B, classes)`.
    """

    def networks(self) -> list[nn.Module]:
        """The networks, each with its present weights."""
        raise NotImplementedError


class SideBySide(Stack):
    """The networks called one after the other.

    Args:
        networks: K networks.
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
    """Whether a step of this training can be captured as a CUDA graph, by its optimizer."""
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
        training: options of the training.
        see: the training images, as each network sees them.
        labels: their classes, `(N,)`, int64.
        seeds: seeds of the weights and the order of the images, for each network; global
            generators are restored.
        device: device of the training. On one device with the same number of threads, the weights
            only depend on the network's own seed.
        capture: whether steps are captured as a CUDA graph; only for CUDA, and for trainings that
            can be captured.
        stack: constructor of the stack from the networks.

    Returns:
        The networks, in eval mode, in the order of their seeds.
    """
    started = [new_network(training, seed).to(device).train() for seed in seeds]
    stacked, labels = stack(started), labels.to(device)
    step = training_step(training, stacked, see, labels, capturable=capture)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    # CUDA streams belong to the current device.
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
        training: options of the training.
        seed: seed of the weights.

    Returns:
        The network, channels last in memory, on the CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network: nn.Module = timm.create_model(training.architecture, num_classes=training.classes)
    return network.to(memory_format=torch.channels_last)


def training_step(
    training: Training, stack: Stack, see: See, labels: Tensor, *, capturable: bool = False
) -> Callable[[Tensor], None]:
    """One training step of several networks, without waiting for a GPU.

    Args:
        training: options of the training.
        stack: the networks.
        see: the training images.
        labels: their classes, `(N,)`, on the device of the networks.
        capturable: whether the step is to be captured as a CUDA graph.

    Returns:
        A function of the indices of the images, `(K, B)`, on that device.
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
        # The sum over networks of each mean loss: gradients are independent.
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), labels[batch].flatten(), reduction="sum"
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss / batch.shape[1])
        optimizer.step()

    return step


def _in_half(device: torch.device) -> torch.autocast:
    # Without the cache: each weight is used once, and a captured cache would not expire.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
