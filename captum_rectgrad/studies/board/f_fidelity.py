"""F-Fidelity: faithfulness on a network that is fine-tuned for removed pixels.

Zheng et al., "F-Fidelity: A Robust Framework for Faithfulness Evaluation of Explainable AI", ICLR
2025. One fine-tuning per network with random pixels removed serves all methods, so that no map can
leak the class into it. The evaluation removes a random part of the explanation (+) or of the rest
(-), never more than in the fine-tuning. Here the fidelity is of probabilities, and a removed pixel
is zero in the network's inputs.
"""

import copy
from functools import partial
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.board.column import Column, Values
from captum_rectgrad.studies.board.explained import Explained
from captum_rectgrad.studies.board.faithfulness import probabilities, ranked_only
from captum_rectgrad.studies.board.networks import BoardNetwork, TrainingImages
from captum_rectgrad.studies.compute.maps import device_of
from captum_rectgrad.studies.compute.progress import Progress
from rectgrad_zoo.weights import read_bytes
from rectgrad_zoo.written_whole import write_bytes

REMOVED = 0.1  # largest share of removed pixels of an image, beta
PART = 0.5  # removed part of the explanation or of the rest, alpha
LEARNING_RATE, BATCH = 1e-4, 64


def random_pixels(allowed: Tensor, count: int, seed: int) -> Tensor:
    """Random pixels of each image among the allowed ones.

    Args:
        allowed: `(N, P)`, bool.
        count: number of pixels of each image; all allowed ones if there are fewer.
        seed: seed of the choice.

    Returns:
        `(N, P)`, bool.
    """
    drawn = torch.rand(allowed.shape, generator=torch.Generator().manual_seed(seed))
    ranks = torch.where(allowed, drawn, 2).argsort(dim=1).argsort(dim=1)
    return allowed & (ranks < count)


def without(inputs: Tensor, gone: Tensor) -> Tensor:
    """Inputs with zeros in place of some pixels.

    Args:
        inputs: `(N, C, H, W)`.
        gone: `(N, H * W)`, bool.

    Returns:
        `(N, C, H, W)`.
    """
    return inputs.masked_fill(gone.view(len(inputs), 1, *inputs.shape[-2:]), 0)


def fine_tuned(model: nn.Module, training: TrainingImages, count: int, seed: int) -> nn.Module:
    """A copy of a network, fine-tuned for one epoch on images with randomly removed pixels.

    Args:
        model: on the device of the training; it is not changed.
        training: images and labels.
        count: number of training images.
        seed: seed of the order and of the removed pixels.

    Returns:
        The copy, in eval mode.
    """
    tuned = copy.deepcopy(model).train()
    device = device_of(tuned)
    optimizer = torch.optim.Adam(tuned.parameters(), lr=LEARNING_RATE)
    generator = torch.Generator().manual_seed(derived_seed(seed, "fine-tuning"))
    order = torch.randperm(len(training.images), generator=generator)[:count]
    with (
        Progress(len(order), "image", "fine-tuning for F-Fidelity") as progress,
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        torch.manual_seed(derived_seed(seed, "dropout"))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            inputs = training.inputs(training.images[chosen])
            shares = REMOVED * torch.rand(len(chosen), 1, generator=generator)
            gone = torch.rand(len(chosen), inputs[0, 0].numel(), generator=generator) < shares
            logits = tuned(without(inputs, gone).to(device))
            loss = nn.functional.cross_entropy(logits, training.labels[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            progress.update(len(chosen))
    return tuned.eval()


def robust_network(network: BoardNetwork, count: int, seed: int, file: Path) -> nn.Module | None:
    """The fine-tuned network, from a file if it is there.

    Args:
        network: the network.
        count: number of training images.
        seed: seed of the fine-tuning.
        file: file of the weights; it is written after a fine-tuning.

    Returns:
        The fine-tuned copy, in eval mode; None if there are no training images.
    """
    if network.training is None:
        return None
    if file.exists():
        tuned = copy.deepcopy(network.model)
        content, _ = read_bytes(file)
        tuned.load_state_dict(safetensors.torch.load(content))
        return tuned.eval()
    tuned = fine_tuned(network.model, network.training, count, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.cpu().contiguous() for name, value in tuned.state_dict().items()}
    write_bytes(file, safetensors.torch.save(weights))
    return tuned


def fidelity(explained: Explained, *, inside: bool) -> Values:
    """F-Fidelity, averaged over sizes of the explanation and random draws.

    Args:
        explained: the method and the network, with `robust`.
        inside: whether pixels of the explanation are removed (+) or of the rest (-).

    Returns:
        The mean fall of the probability of the class, `(N,)`, in [-1, 1]; NaN for a constant map.

    Raises:
        ValueError: there is no fine-tuned network.
    """
    network, robust, pixels = explained.network, explained.robust, explained.ranks.shape[1]
    if robust is None:
        raise ValueError("F-Fidelity needs a fine-tuned network, got none")
    whole = probabilities(robust, network.inputs, network.targets)
    falls = []
    for size in explained.sizes.fractions:
        top = explained.ranks < round(size * pixels)
        allowed = top if inside else ~top
        share = size if inside else 1 - size
        count = round(min(PART * share, REMOVED) * pixels)
        for draw in range(explained.sizes.draws):
            seed = derived_seed(explained.seed, "f-fidelity", size, draw)
            seen = without(network.inputs, random_pixels(allowed, count, seed))
            falls.append(whole - probabilities(robust, seen, network.targets))
    return ranked_only(torch.stack(falls).mean(dim=0), explained)


def _lacks_training(network: BoardNetwork) -> str | None:
    if network.training is not None:
        return None
    return "there are no training images, on which the network would be fine-tuned"


COLUMNS = (
    Column(
        key="f-fidelity-plus",
        title="F-Fidelity+",
        family="faithfulness",
        better="higher",
        meaning="Fall of the probability of the class, in a network fine-tuned on images with "
        "random pixels removed, when random pixels of the explanation are removed.",
        source="Zheng et al. 2025; own code",
        measure=partial(fidelity, inside=True),
        lacks=_lacks_training,
    ),
    Column(
        key="f-fidelity-minus",
        title="F-Fidelity\N{MINUS SIGN}",
        family="faithfulness",
        better="lower",
        meaning="The same when random pixels outside the explanation are removed.",
        source="Zheng et al. 2025; own code",
        measure=partial(fidelity, inside=False),
        lacks=_lacks_training,
    ),
)
