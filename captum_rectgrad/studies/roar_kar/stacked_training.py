"""Training of several networks at once, with the same results as one after the other.

A network of this size leaves a GPU idle while Python launches its kernels. The steps of several
networks are therefore combined: one batch for each network from data on the device, one loss, one
optimizer, and on a GPU grouped convolutions, compiled, in one CUDA graph. Each network has its own
weights and order of images, so its result does not depend on the others, but on a GPU on their
number.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import timm
import torch
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad.rules.fast_selection import has_triton
from captum_rectgrad.studies.roar_kar.cuda_graphs import Captured
from captum_rectgrad.studies.roar_kar.grouped_networks import ARCHITECTURE, Grouped
from captum_rectgrad.studies.roar_kar.stacked_networks import SideBySide, Stack
from captum_rectgrad.studies.roar_kar.training import See, Training
from rectgrad_zoo.determinism import deterministic

# Options of PyTorch's optimizers, if available: one kernel for all weights, and a step counter
# that a CUDA graph can advance.
_FUSED: dict[str, tuple[str, ...]] = {
    "adam": ("fused", "capturable"),
    "adamw": ("fused", "capturable"),
    "sgd": ("fused",),
}


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
    beat: Callable[[str], object] = str,
) -> list[nn.Module]:
    """Train networks.

    Args:
        training: options of the training.
        see: the training images, as each network sees them.
        labels: their classes, `(N,)`, int64.
        seeds: seeds of the weights and of a random order of the images, for each network; global
            generators are restored.
        device: device of the training. The weights only depend on the device, the number of
            threads (on a GPU, of networks) and the network's own seed.
        capture: whether steps are captured as a CUDA graph; only for CUDA, and for trainings that
            can be captured.
        beat: called before every step with a description of the progress.

    Returns:
        The networks, in eval mode, in the order of their seeds.
    """
    started = [new_network(training, seed).to(device).train() for seed in seeds]
    stacked, labels = stack_of(training, started, device), labels.to(device)
    step = training_step(training, stacked, see, labels, capturable=capture)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    # CUDA streams belong to the current device.
    here = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with here, deterministic(device):
        run = Captured(step) if capture else step
        for epoch in range(1, training.epochs + 1):
            drawn = [_epoch(training, len(labels), order) for order in orders]
            for batch in torch.split(torch.stack(drawn).to(device), training.batch_size, dim=1):
                beat(f"{len(seeds)} networks, epoch {epoch} of {training.epochs}")
                run(batch)
            if device.type == "cuda":  # so that the description is true
                torch.cuda.synchronize(device)
    return [network.eval() for network in stacked.networks()]


def _epoch(training: Training, images: int, generator: torch.Generator) -> Tensor:
    """The order of the images in an epoch, `(N,)`."""
    return torch.randperm(images, generator=generator) if training.shuffle else torch.arange(images)


def stack_of(training: Training, networks: Sequence[nn.Module], device: torch.device) -> Stack:
    """The fastest stack of networks on a device."""
    if device.type == "cuda" and training.architecture == ARCHITECTURE:
        return Grouped(networks)
    return SideBySide(networks)


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
    network = compiled(stack, labels.device) if capturable else stack

    def step(batch: Tensor) -> None:
        inputs = see(batch)
        flat = inputs.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with _in_half(labels.device) if half else nullcontext():
            logits = network(flat.view(inputs.shape))
        # The sum over networks of each mean loss: gradients are independent.
        loss = F.cross_entropy(
            logits.flatten(0, 1).float(), labels[batch].flatten(), reduction="sum"
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss / batch.shape[1])
        optimizer.step()

    return step


def compiled(stack: Stack, device: torch.device) -> Callable[[Tensor], Tensor]:
    """The networks with the fused kernels of PyTorch's compiler, if Triton runs on the device."""
    if not has_triton(device):
        return stack
    # Static shapes: an epoch has batches of two sizes at most.
    return torch.compile(stack, dynamic=False)


def _in_half(device: torch.device) -> torch.autocast:
    # Without the cache: each weight is used once, and a captured cache would not expire.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
