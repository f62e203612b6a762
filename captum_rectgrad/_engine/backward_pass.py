"""One modified backward pass: hooks on the nodes of the graph of one call.

A node belongs to one call of one operation. Therefore activations may be functions, work in place,
be called several times or feed skip connections. The hooks exist during the call only and are not
registered on the model.

- ReLU: the input gradient of the node is replaced, since the gradient may also pass inactive units
  (listing 1).
- Any other activation: the output gradient is masked. The node multiplies it by f'(z).
- Padded convolution: the border of the output gradient is zeroed (listing 2).
- Max-pooling with PRR: the input gradient of the node is replaced (listing 3).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import Node

from captum_rectgrad._engine.activation_nodes import Role, activation_class, role_of, value_of
from captum_rectgrad._engine.batch_dimension import restored, sample_positions, samples_first
from captum_rectgrad._engine.kept_gradients import is_kept
from captum_rectgrad._engine.masking import mask_gradient
from captum_rectgrad._engine.module_calls import ModuleCall
from captum_rectgrad._engine.pooling_nodes import redistributed
from captum_rectgrad._engine.same_padding import padded_dims
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.unhandled_activations import unhandled_activation
from captum_rectgrad.rules.padding import zero_border

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from captum_rectgrad.rules.rule import Rule

Gradients = tuple[Tensor | None, ...]

# Operations whose backward may return a gradient in channels-last layout.
CHANNEL_MOVERS = {"PermuteBackward0", "TransposeBackward0"}


class RecordingNeededError(RuntimeError):
    """The graph does not contain the values for the rule; see `recorded_forward.py`."""


class BatchDimensionError(RuntimeError):
    """The batch dimension of an activation is unknown."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the batch dimension of an activation ({kind}) is unknown")


class ActivationRecord(NamedTuple):
    """The result of a rule at one call of an activation.

    Attributes:
        node: node of the call.
        units: number of elements per sample.
        passed: boolean tensor `(N, ...)` of the selected units, or `(N,)`, not zero if any unit of
            a sample passed.
        share: share of the selected units, `(N,)`; None if not requested.
        threshold: threshold of each sample, `(N,)`; None if not requested or without a threshold.
        zero_scores: share of the scores that are zero, `(N,)`; None as for `threshold`.
    """

    node: Node
    units: int
    passed: Tensor
    share: Tensor | None = None
    threshold: Tensor | None = None
    zero_scores: Tensor | None = None


class BackwardPass:
    """Hooks on the nodes of one graph, and their records.

    Args:
        settings: settings of the method.
        samples: number of samples `N`.
        recorded: values of activations and inputs of poolings by node, from a recorded forward
            pass; None to read all values from the graph.
        with_statistics: whether shares and thresholds are recorded.
    """

    def __init__(
        self,
        settings: Settings,
        samples: int,
        recorded: Mapping[Node, Tensor] | None = None,
        *,
        with_statistics: bool = False,
    ) -> None:
        self.settings = settings
        self.samples = samples
        self.with_statistics = with_statistics
        self.records: list[ActivationRecord] = []
        self.unhandled: set[str] = set()
        self.hooked: list[tuple[Node, str]] = []
        # Activation and output gradient of the last activation, to tell why a map is all zero.
        self.last_operands: tuple[Tensor, Tensor] | None = None
        self._recorded = recorded
        self._positions: Mapping[Node, int | None] = {}
        self._relus: set[Node] = set()  # with a hook
        self._handles: list[RemovableHandle] = []
        self._is_open = True

    def close(self) -> None:
        """Remove all hooks, since the graph may outlive the call."""
        self._is_open = False
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def attach(
        self,
        nodes: Sequence[Node],
        inputs: Iterable[Node],
        ends: Collection[Node],
        calls: Sequence[ModuleCall] = (),
    ) -> None:
        """Register hooks on the nodes of a graph.

        Args:
            nodes: nodes of the graph, in the order of the forward pass.
            inputs: nodes of tensors with the batch as their first dimension.
            ends: nodes of tensors whose gradients are requested.
            calls: calls of modules that are one activation or may pad in their forward(), inner
                calls before outer calls.

        Raises:
            RecordingNeededError: the graph does not contain a required value.
            RectGradError: PRR does not support a pooling.
        """
        done: set[Node] = set()
        if self.settings.rule is not None:
            if self.samples > 1:
                self._positions = sample_positions(nodes, dict.fromkeys(inputs, 1), self.samples)
            done = self._attach_modules(calls)
        padding = {n: call for call in calls if call.kind == "convolution" for n in call.nodes()}
        users = _users(nodes) if self.settings.padding_trick else {}
        # From the output to the input, so that an activation precedes its parts.
        node: Any
        moves_channels = False
        for node in reversed(nodes):
            name = node.name()
            role = role_of(name)
            moves_channels = moves_channels or name in CHANNEL_MOVERS
            if role == "convolution":
                only_users = () if node in ends else users.get(node, ())
                self._attach_convolution(node, padding.get(node), only_users)
            elif role == "max_pool":
                self._attach_pool(node, name)
            elif role == "batch_norm":
                self._attach_batch_norm(node, is_needed=moves_channels and self.samples == 1)
            elif (
                (role is not None or isinstance(node, BackwardCFunction))
                and self.settings.rule is not None
                and node not in done
            ):
                self._attach_activation(node, name, role, done)

    def _attach_modules(self, calls: Sequence[ModuleCall]) -> set[Node]:
        """Register hooks for activations that are modules, and exclude recurrent layers.

        Returns:
            All nodes of these calls.
        """
        done: set[Node] = set()
        for call in reversed(calls):
            inner = set() if call.kind == "convolution" else set(call.nodes())
            if not inner or not inner.isdisjoint(done):
                continue
            done |= inner
            label = type(call.module).__name__
            if call.kind == "recurrent":
                if self.settings.activations.chosen is None:
                    for node in call.outputs:
                        self._note_unhandled(node, label)
            elif call.node is not None and self.settings.activations.includes_module(call.module):
                is_relu = inner == {call.node} and activation_class(call.node) is nn.ReLU
                self._hook(call.node, label, call.activation, call.index, is_relu=is_relu)
        return done

    def _attach_activation(self, node: Any, name: str, role: Role | None, done: set[Node]) -> None:
        if role == "copy_slices":
            if self._recorded is None:
                raise RecordingNeededError("an operation works in place on a view")
            return
        if role not in {"activation", "composed"}:
            if self.settings.activations.chosen is None:  # no warning for an explicit choice
                label = unhandled_activation(node, may_read=self._recorded is None)
                if label:
                    self._note_unhandled(node, label)
            return
        cls = activation_class(node)
        if role == "composed" and self._recorded is not None and node not in self._recorded:
            return  # written with operations: treated as its parts
        if cls is None or not self.settings.activations.includes_class(cls):
            return
        if cls is nn.Tanhshrink:
            done.add(node.next_functions[1][0])  # the tanh is a part of it
        if node._input_metadata[0].dtype.is_complex:  # complex numbers have no order
            self._note_unhandled(node, f"{cls.__name__} of complex numbers")
        else:
            self._hook(node, cls.__name__, self._value(node, name), is_relu=cls is nn.ReLU)

    def _note_unhandled(self, node: Node, label: str) -> None:
        """Record the node in the backward pass, if a gradient reaches it."""
        self._handles.append(node.register_prehook(lambda _: self.unhandled.add(label)))

    def _value(self, node: Node, name: str) -> Callable[[], Tensor]:
        if self._recorded is not None and node in self._recorded:
            return partial(self._recorded.__getitem__, node)
        read = value_of(name)
        if read is None:
            raise RecordingNeededError(f"{name} does not save the activation")
        return partial(read, node)

    def _hook(
        self,
        node: Node,
        kind: str,
        value: Callable[[], Tensor],
        index: int = 0,
        *,
        is_relu: bool,
    ) -> None:
        """Mask the gradient at an activation."""
        self.hooked.append((node, kind))

        def replace_result(grad_inputs: Gradients, grad_outputs: Gradients) -> Gradients | None:
            arriving, result = grad_outputs[0], grad_inputs[0]
            if not self._is_open or arriving is None or result is None:
                return None
            out = result if is_first else None
            return (self._masked(node, value(), arriving, out), *grad_inputs[1:])

        def mask_arriving(gradients: Gradients) -> Gradients | None:
            arriving = gradients[index]
            if not self._is_open or arriving is None:
                return None
            masked = self._masked(node, value(), arriving)
            return (*gradients[:index], masked, *gradients[index + 1 :])

        handle = (
            node.register_hook(replace_result) if is_relu else node.register_prehook(mask_arriving)
        )
        if is_relu:
            self._relus.add(node)
        # Only the first hook may overwrite the result, since an earlier hook may have kept it.
        is_first = next(iter(handle.hooks_dict_ref() or ()), None) == handle.id
        self._handles.append(handle)

    def _masked(
        self, node: Node, activation: Tensor, gradient: Tensor, out: Tensor | None = None
    ) -> Tensor:
        units, shape = gradient.numel() // self.samples, gradient.shape
        if not units:
            passed = torch.ones(self.samples, dtype=torch.bool, device=gradient.device)
            self.records.append(ActivationRecord(node, 0, passed))
            return gradient
        position = 1 if self.samples == 1 else self._positions.get(node)
        if position is None:
            raise BatchDimensionError(node.name())
        is_first = position == 1 and shape[:1] == (self.samples,)
        if not is_first:
            activation = samples_first(activation, position, self.samples)
            gradient, out = samples_first(gradient, position, self.samples), None
        rule = cast("Rule", self.settings.rule)
        is_last = not any(record.units for record in self.records)
        if is_last:
            self.last_operands = activation.detach(), gradient.detach()
        found = mask_gradient(
            rule,
            activation,
            gradient,
            is_last=is_last,
            out=out,
            with_statistics=self.with_statistics,
        )
        self.records.append(ActivationRecord(node, units, *found[1:]))
        masked = found.gradient
        return masked if is_first else restored(masked, position, shape)

    def _attach_convolution(
        self, node: Any, call: ModuleCall | None, users: Sequence[Node]
    ) -> None:
        if not self.settings.padding_trick or node._saved_transposed:
            return
        dims = padded_dims(node, call)
        if not dims:
            return
        # A single ReLU or batch normalisation passes a new tensor of this pass. A copy of it costs
        # up to a tenth of the time of a network like VGG.
        is_own = len(users) == 1 and (
            users[0] in self._relus or role_of(users[0].name()) == "batch_norm"
        )

        def zero(gradients: Gradients) -> Gradients | None:
            if not self._is_open or gradients[0] is None:
                return None
            in_place = is_own and not torch.is_grad_enabled() and not is_kept(gradients)
            return (zero_border(gradients[0], dims, in_place=in_place), *gradients[1:])

        self._handles.append(node.register_prehook(zero))

    def _attach_pool(self, node: Any, name: str) -> None:
        if not self.settings.prr:
            return
        recorded = None if self._recorded is None else self._recorded.get(node)
        share_out = redistributed(node, name, recorded)

        def replace_result(grad_inputs: Gradients, grad_outputs: Gradients) -> Gradients | None:
            arriving = grad_outputs[0]
            if not self._is_open or arriving is None or grad_inputs[0] is None:
                return None
            return (share_out(arriving), *grad_inputs[1:])

        self._handles.append(node.register_hook(replace_result))

    def _attach_batch_norm(self, node: Node, *, is_needed: bool) -> None:
        """Make the output gradient of a batch normalisation contiguous.

        On the CPU, PyTorch 2.15 computes a wrong gradient for one sample if the output gradient is
        in channels-last layout and the input is not. Five model families of timm are affected,
        through an operation that moves the channels to the end.
        """
        if not is_needed:
            return

        def plain(gradients: Gradients) -> Gradients | None:
            if gradients[0] is None or gradients[0].is_contiguous():
                return None
            return (gradients[0].contiguous(), *gradients[1:])

        self._handles.append(node.register_prehook(plain))


def _users(nodes: Sequence[Node]) -> Mapping[Node, Sequence[Node]]:
    """The nodes that pass a gradient to each node, once for each edge."""
    users: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for child, _ in node.next_functions:
            if child in users:
                users[child].append(node)
    return users
