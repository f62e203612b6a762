"""`torch.autograd.grad` with a rule, for an existing graph."""

from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from captum_rectgrad._engine.activations import TORCH_ACTIVATIONS, Activations
from captum_rectgrad._engine.attribution import enter_contexts
from captum_rectgrad._engine.backward_pass import (
    BackwardPass,
    BatchDimensionError,
    RecordingNeededError,
)
from captum_rectgrad._engine.diagnostics import Diagnostics, warn
from captum_rectgrad._engine.gradients import compute_gradients, input_points
from captum_rectgrad._engine.graph import nodes_between
from captum_rectgrad._engine.interrupts import run_and_undo
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.unhandled_activations import MASKS
from captum_rectgrad._engine.validation import check_activations
from captum_rectgrad.attr.rectgrad import rule_of
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.rules.rule import Rule
from captum_rectgrad.rules.threshold import RuleName


def rectified_grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    percentile: float | None = None,
    tau: float | None = None,
    rule: RuleName | Rule = "PR1",
    padding_trick: bool = True,
    prr: bool = False,
    activations: Activations = None,
    batched: bool = True,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Gradients of any output under a rule, for example of a box score, a similarity or a loss.

    The function uses an existing graph and does not run the model. For the maps of `RectGrad`,
    multiply the gradients by the inputs and clamp them at zero. Activations composed of several
    operations are treated as their parts, since the graph does not contain modules.

    Args:
        outputs: tensor or tensors of any shape.
        inputs: tensors of the graph that require a gradient, `(N, ...)` each. With `batched`,
            dimension 0 is the batch.
        grad_outputs: output gradients, of the shapes of `outputs`; None for ones, which
            differentiates the sum of the outputs.
        percentile: as in `RectGrad`.
        tau: as in `RectGrad`.
        rule: as in `RectGrad`.
        padding_trick: as in `RectGrad`.
        prr: as in `RectGrad`.
        activations: classes of modules of torch.nn, as in `RectGrad`.
        batched: whether dimension 0 of the inputs is a batch with one threshold per sample.
            Otherwise all elements of an activation share one threshold.
        retain_graph: as in `torch.autograd.grad`.
        create_graph: as in `torch.autograd.grad`. The masks are treated as constants.

    Returns:
        The gradient of each input, of its shape.

    Raises:
        TypeError: as in `RectGrad`; `activations` has anything but activation classes of torch.nn.
        ValueError: as in `RectGrad`; the inputs have different batch sizes or do not require a
            gradient.
        RectGradError: an input is not reached, the batch dimension of an activation is unknown, or
            the graph does not contain the values of an activation.

    Warns:
        RectGradWarning: no activation was found, so the gradients are plain; or an operation may
            hold activations that hooks cannot reach. Products with a mask and the like are not
            reported, since they may choose a region of an output.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import rectified_grad
        >>> model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 8))
        >>> one, two = (torch.rand(3, 12, requires_grad=True) for _ in range(2))
        >>> similarity = torch.cosine_similarity(model(one), model(two))
        >>> [gradient.shape for gradient in rectified_grad(similarity, [one, two], percentile=80)]
        [torch.Size([3, 12]), torch.Size([3, 12])]
    """
    chosen = check_activations(activations)
    settings = Settings(rule_of(rule, percentile, tau), chosen, padding_trick, prr)
    if not all(_stands_for_a_node(item) for item in settings.activations.chosen or ()):
        raise TypeError(
            f"activations must be activation classes of torch.nn such as nn.ReLU, got "
            f"{list(settings.activations.chosen or ())}: a graph does not contain modules"
        )
    tensors = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    _check_inputs(tensors, batched=batched)
    roots = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    seeds = (grad_outputs,) if isinstance(grad_outputs, Tensor) else grad_outputs
    state = BackwardPass(settings, len(tensors[0]) if batched else 1)

    def prepare(undo: ExitStack) -> None:
        is_grad_enabled = torch.is_grad_enabled()
        enter_contexts(undo)
        undo.enter_context(torch.set_grad_enabled(is_grad_enabled))
        undo.callback(state.close)

    def differentiate(*_: object) -> list[Tensor]:
        with torch.enable_grad():
            points = input_points(tensors)
        nodes = [point.edge.node for point in points]
        state.attach(nodes_between([root.grad_fn for root in roots], set(nodes)), nodes, nodes)
        return compute_gradients(
            roots, points, seeds, retain_graph=retain_graph, create_graph=create_graph
        )

    try:
        found = run_and_undo(prepare, differentiate)
    except BatchDimensionError as error:
        raise RectGradError(
            f"{error}; pass one sample at a time, or use batched=False for one common threshold"
        ) from None
    except RecordingNeededError as error:
        raise RectGradError(
            f"the graph does not contain the values of an activation ({error}); use RectGrad, "
            "which runs the model"
        ) from None
    diagnostics = Diagnostics(not state.records, unhandled=tuple(sorted(state.unhandled - MASKS)))
    warn(diagnostics.messages(settings.rule, settings.activations), stacklevel=2)
    return tuple(found)


def _stands_for_a_node(item: object) -> bool:
    """Whether it is a class whose operations a graph shows."""
    return isinstance(item, type) and any(issubclass(cls, item) for cls in TORCH_ACTIVATIONS)


def _check_inputs(inputs: Sequence[Tensor], *, batched: bool) -> None:
    for i, tensor in enumerate(inputs):
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            raise ValueError(f"input {i} does not require a gradient; call requires_grad_() on it")
    sizes = {tuple(tensor.shape[:1]) for tensor in inputs}
    if batched and (len(sizes) != 1 or sizes & {(), (0,)}):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
        raise ValueError(
            f"got inputs of shape {shapes or '(none)'}, expected a common, non-empty batch "
            "dimension 0; pass batched=False for inputs without a batch"
        )
