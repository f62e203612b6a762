"""The graph of one attribution: the engine's forward and hooked backward pass, recorded.

`make_fx` records the operations of the engine, below autograd. The model runs once, hooks on its
backward nodes apply the rule, and all of it becomes one graph of ATen operators without autograd.
Operators that PyTorch can decompose are decomposed, so that fewer need a translation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel

from captum_rectgrad._engine.attribution import AttributionRequest
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.layer_recorder import LayerRecorder
from captum_rectgrad._engine.outputs import select_output
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.export.traced_rule import TracedThresholdRule
from captum_rectgrad.rules.threshold import ThresholdRule

PREDICTED = -1  # the class that stands for the predicted one
_LOGITS_DIMS = 2
_VALUE_TAGS = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}
# Operators of ATen that PyTorch can decompose.
_DECOMPOSED = (
    "_log_softmax_backward_data",
    "_softmax_backward_data",
    "addcdiv",
    "addcmul",
    "elu_backward",
    "gelu_backward",
    "hardsigmoid_backward",
    "hardswish_backward",
    "hardtanh_backward",
    "leaky_relu_backward",
    "log_sigmoid_backward",
    "log_sigmoid_forward",
    "mish_backward",
    "native_group_norm",
    "native_group_norm_backward",
    "native_layer_norm",
    "native_layer_norm_backward",
    "select_backward",
    "sigmoid_backward",
    "silu_backward",
    "slice_backward",
    "softplus_backward",
    "stack",
    "tanh_backward",
    "threshold_backward",
)


@dataclass(frozen=True)
class Trace:
    """The graph of one attribution.

    Attributes:
        graph: inputs image, class and percentile; outputs logits, map and, with a rule, the share
            of the units that passed `(N, layers)`.
        layers: names of the activations, from the output to the input.
    """

    graph: fx.GraphModule
    layers: list[str]


def trace(model: nn.Module, settings: Settings, images: Tensor) -> Trace:
    """Record one attribution.

    Args:
        model: model in eval mode, on the CPU.
        settings: settings of the method.
        images: images `(N, ...)`, whose shape is that of the graph.

    Raises:
        RectGradError: the model does not return logits `(N, classes)`, or reads the values of
            tensors in its forward pass.
    """
    layers: list[str] = []

    def attribution(x: Tensor, classes: Tensor, percentile: Tensor) -> tuple[Tensor, ...]:
        return _attribution(model, settings, layers, (x, classes, percentile))

    inputs = images, torch.zeros(len(images), dtype=torch.int64), torch.full((1,), 98.0).double()
    # The mathematical definition of attention consists of products and a softmax.
    with sdpa_kernel(SDPBackend.MATH):
        return Trace(_recorded(attribution, inputs), layers)


def _attribution(
    model: nn.Module, settings: Settings, layers: list[str], inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    x, classes, percentile = inputs
    logits: list[Tensor] = []

    def objective(output: Any, call: ForwardInputs, recorder: LayerRecorder) -> Tensor:
        del call, recorder
        logits.append(select_output(output))
        return _chosen_logits(logits[-1], classes)

    rule = settings.rule
    if isinstance(rule, ThresholdRule) and rule.percentile is not None:
        settings = replace(settings, rule=TracedThresholdRule(rule, percentile))
    request = AttributionRequest(model, settings, objective, with_statistics=True)
    found = request.attributions(ForwardInputs((x,), None, ()))
    ((attribution,),) = found.groups
    layers[:] = [layer.name for layer in found.statistics]
    shares = [torch.stack([s.share for s in found.statistics], 1)] if found.statistics else []
    return logits[-1].detach(), attribution, *shares


def _chosen_logits(output: Tensor, classes: Tensor) -> Tensor:
    """The logit of each sample's class; of the predicted class if the class is -1.

    Other negative classes count as out of range, so that a runtime refuses them.
    """
    if output.dim() != _LOGITS_DIMS:
        raise RectGradError(
            f"the model returned a tensor of shape {tuple(output.shape)}, expected logits of shape "
            "(N, classes); choose them with output=, a key, an index or a function"
        )
    if len(output) != len(classes):
        raise RectGradError(
            f"got logits of {len(output)} samples for a batch of {len(classes)}; the samples of "
            "this model cannot be traced together"
        )
    out_of_range = torch.where(classes < PREDICTED, output.shape[1], classes)
    index = torch.where(classes == PREDICTED, output.argmax(1), out_of_range)
    return output.gather(1, index.unsqueeze(1)).squeeze(1)


def _recorded(function: Callable[..., Any], inputs: tuple[Tensor, ...]) -> fx.GraphModule:
    try:
        graph = make_fx(function, decomposition_table=_decompositions())(*inputs)
    except RuntimeError as error:
        if "value out of a tracing tensor" not in str(error):
            raise
        raise reads_values() from error
    _check_no_values_read(graph)
    graph.graph.eliminate_dead_code()
    return graph


def reads_values(operators: Sequence[str] = ()) -> RectGradError:
    """The error for a model whose operations depend on the values of its inputs.

    Args:
        operators: operators that read values, if they are known.
    """
    named = ", ".join(operators) or ".item(), .tolist(), or an if on a tensor"
    return RectGradError(
        f"the model reads the values of its tensors in forward() ({named}), so its operations are "
        "no fixed graph; it cannot be exported"
    )


def _check_no_values_read(graph: fx.GraphModule) -> None:
    """Refuse operators on the inputs whose shape or number depends on values, even if unused.

    Their results become numbers of the graph, such as `len(torch.nonzero(x))`.
    """
    on_inputs: set[fx.Node] = set()
    found = set()
    for node in graph.graph.nodes:
        if node.op != "placeholder" and not on_inputs.intersection(node.all_input_nodes):
            continue
        on_inputs.add(node)
        if _VALUE_TAGS.intersection(getattr(node.target, "tags", ())) and not _is_by_index(node):
            found.add(str(node.target))
    if found:
        raise reads_values(sorted(found))


def _is_by_index(node: fx.Node) -> bool:
    """Whether a node picks elements by integers, which fix the shape of the result."""
    schema: Any = getattr(node.target, "_schema", None)
    if schema is None or schema.name != "aten::index":
        return False
    indices: Any = node.args[1]
    return all(index is None or index.meta["val"].dtype is not torch.bool for index in indices)


def _decompositions() -> Any:
    operators = (getattr(torch.ops.aten, name, None) for name in _DECOMPOSED)
    return get_decompositions([operator for operator in operators if operator is not None])
