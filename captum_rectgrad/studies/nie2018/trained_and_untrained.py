"""Shared parts of the studies of Nie et al.: rules, networks, logits."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from captum_rectgrad import Deconvolution, GuidedBackprop, NoBiasRectGrad, RectGrad
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.evaluation.intervals import ENOUGH
from captum_rectgrad.evaluation.methods import Method, of_captum
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.parameter_layers import parameter_layers
from captum_rectgrad.sanity.reinitialisation import reinitialise
from captum_rectgrad.studies.framework.context import StudyContext

# RectGrad with and without the multiplication by the input, which makes a map resemble the image.
METHODS: tuple[Method, ...] = (
    of_captum("saliency", "Saliency", signed_gradient),
    of_captum("deconvnet", "DeconvNet", Deconvolution),
    of_captum("guided-bp", "Guided BP", GuidedBackprop),
    of_captum("rectgrad", "RectGrad", RectGrad),
    of_captum("nobias-rectgrad", "NoBias RectGrad", NoBiasRectGrad),
)


def networks(context: StudyContext, inputs: Tensor) -> dict[str, list[nn.Module]]:
    """The trained networks, and an untrained copy of each.

    Args:
        context: data, device and seed.
        inputs: `(N, C, H, W)`, as the networks take them.

    Returns:
        `"trained"`, and `"untrained"` with all layers and running statistics re-initialised, each
        copy from another seed. With one network intervals do not generalise to others.
    """
    trained = [network.model for network in context.networks("plain")]
    untrained = [copy.deepcopy(model) for model in trained]
    for number, model in enumerate(untrained):
        layers = parameter_layers(model, inputs[:1].to(context.device))
        reinitialise(model, layers, derived_seed(context.seed, number))
    return {"trained": trained, "untrained": untrained}


def task(
    context: StudyContext, method: Method, model: nn.Module, inputs: Tensor
) -> AttributionTask:
    """The attribution task of a method for the predicted classes.

    Args:
        context: batch size and seed.
        method: one of `METHODS`.
        model: in eval mode.
        inputs: `(N, C, H, W)`, as the model takes them.

    Returns:
        The task, for the sanity checks.
    """
    targets = predicted(model, inputs, context.batch_size)
    return AttributionTask(method, inputs, targets, context.batch_size, context.seed)


def predicted(model: nn.Module, inputs: Tensor, batch_size: int) -> Tensor:
    """The classes with the highest logits.

    Args:
        model: in eval mode.
        inputs: `(N, C, H, W)`, as the model takes them.
        batch_size: images in memory.

    Returns:
        `(N,)`, on the CPU.
    """
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = [model(x.to(device)).argmax(dim=1) for x in torch.split(inputs, batch_size)]
    return torch.cat(parts).cpu().clone()


def inputs_of(context: StudyContext, count: int | None) -> Tensor:
    """Test images as inputs of the plain network.

    Args:
        context: data.
        count: number of images; None, or more than available: all.

    Returns:
        `(N, C, H, W)`.

    Raises:
        ValueError: the network cannot take the images.
    """
    network = context.network("plain")
    inputs = network.inputs(context.images("test", count).images)
    logits(network.model, inputs[:1])  # raises an error if the network cannot take them
    return inputs


def counted(inputs: Tensor) -> str:
    """The number of images and whether it suffices for intervals, as the start of a note.

    Args:
        inputs: `(N, C, H, W)`.

    Returns:
        A sentence.
    """
    if len(inputs) < ENOUGH:
        return f"{len(inputs)} images: fewer than {ENOUGH} have no interval, so all is undecided."
    return f"{len(inputs)} images."


def same_rules(maps: Mapping[str, Tensor]) -> str:
    """A note if DeconvNet and guided backpropagation are equal on a network.

    Args:
        maps: maps of the same images, by the title of the method.

    Returns:
        A note; empty if the two differ.
    """
    if not torch.equal(maps["DeconvNet"], maps["Guided BP"]):
        return ""
    return (
        "DeconvNet and Guided BP are equal on this network: its activations are not ReLU, and at "
        "units where the derivative is 0, such as inactive units of ReLU6, DeconvNet passes no "
        "gradient either."
    )
