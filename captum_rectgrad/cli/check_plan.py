"""What `rectgrad check` is about to do, and the data that it lacks. This module imports PyTorch."""

from collections.abc import Iterator

from torch import nn

from captum_rectgrad.evaluation.intervals import ENOUGH
from captum_rectgrad.evaluation.methods import NOISY_SAMPLES, STEPS
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.check import CheckOptions
from captum_rectgrad.sanity.defaults import OTHERS
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.parameter_layers import chosen_layers, parameter_layers
from captum_rectgrad.sanity.randomisation import measured_layers

# Forward and backward passes for one map, by method key; other methods need one at least.
_PASSES = {"smoothgrad": NOISY_SAMPLES, "integrated": STEPS, "random": 0}


def plan(
    task: AttributionTask,
    model: nn.Module,
    options: CheckOptions,
    *,
    images: str,
    has_signal: bool,
    has_control: bool,
) -> Iterator[str]:
    """Describe the checks before they run.

    Args:
        task: the method and the images.
        model: in eval mode.
        options: options of the checks.
        images: what the images are.
        has_signal: whether the method is a gradient rule at activations.
        has_control: whether there is a network that was trained on random labels.

    Yields:
        Lines of text.

    Raises:
        ValueError: the model lacks a layer of `options`.
    """
    one = task.images[:1]
    layers = len(chosen_layers(parameter_layers(model, one), options.layers))
    steps = [
        len(measured_layers(layers, options.steps, "cascading")),
        len(measured_layers(layers, options.steps, "independent")),
    ]
    classes = logits(model, one).shape[1]
    others = min(OTHERS, classes - 1) if options.others is None else len(options.others)
    maps = 1 + options.repeats * sum(steps) + others + has_control
    passes = maps * _PASSES.get(task.method.key, 1) + 2 * has_signal
    count = len(task.images)
    yield (
        f"{count} {images}; {maps} maps of each by {task.method.title}, with at least "
        f"{count * passes} forward and backward passes"
    )
    random_labels, signal = ["random labels"] * has_control, ["convergence"] * has_signal
    checks = ["randomised layers", *random_labels, "other classes", "image recovery", *signal]
    yield f"checks: {', '.join(checks)}"
    if not has_control:
        yield "not checked: random labels; give a network that was trained on them, --random-labels"
    if count < ENOUGH:
        yield f"no verdict: {count} images are too few for an interval; give at least {ENOUGH}"
