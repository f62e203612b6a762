"""One attribution: the forward pass, the graph of the output and the modified backward pass."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.utils.checkpoint import CheckpointError
from torch.utils.hooks import RemovableHandle

from captum_rectgrad._engine.backward_pass import (
    BackwardPass,
    BatchDimensionError,
    RecordingNeededError,
)
from captum_rectgrad._engine.batch_norm_state import restore_statistics
from captum_rectgrad._engine.diagnostics import Diagnostics, merged
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.gradients import compute_gradients, input_points
from captum_rectgrad._engine.graph import embeddings_of, nodes_between
from captum_rectgrad._engine.interrupts import run_and_undo
from captum_rectgrad._engine.layer_names import LayerNames
from captum_rectgrad._engine.layer_recorder import LayerRecorder, LayerTensor
from captum_rectgrad._engine.model_parts import ModelParts, examine
from captum_rectgrad._engine.module_calls import InplaceModificationError, ModuleCalls
from captum_rectgrad._engine.outputs import select_output
from captum_rectgrad._engine.random_states import random_states, restore_random_states
from captum_rectgrad._engine.recorded_forward import RecordedForward, recording
from captum_rectgrad._engine.scale_hints import are_probabilities, is_raw_image
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.statistics import LayerStatistics, joined_statistics, layer_statistics
from captum_rectgrad._engine.targets import select
from captum_rectgrad._engine.validation import check_batch_size
from captum_rectgrad._engine.wrappers import uncompiled
from captum_rectgrad.errors import RectGradError

# Function from the model's output, the arguments and the recorded layers to one number per sample,
# which is differentiated.
Objective = Callable[[Any, ForwardInputs, LayerRecorder], Tensor]


def selected_output(output: Any, call: ForwardInputs, layers: LayerRecorder) -> Tensor:
    """The objective of methods that attribute an output of the model."""
    del layers
    return select(output, call.target, call.target_values)


@dataclass(frozen=True)
class Attributions:
    """Results of a modified backward pass.

    Attributes:
        groups: attributions of the inputs, as one group, or of each layer.
        diagnostics: diagnostics about the attributions.
        statistics: statistics of each call of an activation, from the output to the input, if
            requested.
    """

    groups: list[tuple[Tensor, ...]]
    diagnostics: Diagnostics
    statistics: list[LayerStatistics]


@dataclass(frozen=True)
class AttributionRequest:
    """The configuration of an attribution.

    Attributes:
        model: model without wrappers.
        settings: settings of the method.
        objective: function to the attributed numbers.
        layers: recorded layers, by name.
        at_layer_input: whether the inputs of the layers are recorded instead of the outputs.
        to_layers: attribute to the recorded layers instead of the inputs.
        create_graph: whether the attributions are differentiable.
        with_statistics: whether statistics of activations are computed.
    """

    model: nn.Module
    settings: Settings
    objective: Objective = selected_output
    layers: Mapping[str, nn.Module] = field(default_factory=dict)
    at_layer_input: bool = False
    to_layers: bool = False
    create_graph: bool = False
    with_statistics: bool = False

    def attributions(
        self, call: ForwardInputs, internal_batch_size: int | None = None
    ) -> Attributions:
        """Compute the attributions of a batch.

        Args:
            call: inputs, targets and further arguments.
            internal_batch_size: number of samples per pass; None for all.

        Raises:
            RectGradError: the output does not depend on the inputs or a layer, or its first
                dimension is not the batch; a layer is not called exactly once; or PRR does not
                support a pooling.
        """
        size = check_batch_size(internal_batch_size, call.samples)
        try:
            return self._in_parts(call, size)
        except BatchDimensionError as error:
            if call.has_ambiguous_arguments:
                raise RectGradError(
                    f"{error}, and the samples cannot be split, since it is unknown which of "
                    "additional_forward_args belong to samples; attribute one sample at a time, "
                    "with its arguments"
                ) from None
        # With one sample, the order of the elements of an activation does not matter.
        return self._in_parts(call, 1)

    def _in_parts(self, call: ForwardInputs, size: int) -> Attributions:
        if size >= call.samples:
            return self._whole(call)
        parts = []
        for part in call.parts(size):
            parts.append(self._whole(part))
            _check_divisible(parts[-1].groups, part.samples)
        starts = range(0, call.samples, size)
        return Attributions(
            [
                tuple(torch.cat(pieces) for pieces in zip(*groups, strict=True))
                for groups in zip(*(part.groups for part in parts), strict=True)
            ],
            merged([p.diagnostics.shifted(i) for p, i in zip(parts, starts, strict=True)]),
            joined_statistics([part.statistics for part in parts]),
        )

    def _whole(self, call: ForwardInputs) -> Attributions:
        states = random_states(call.inputs)
        parts = examine(self.model, self.settings.activations)
        try:
            return self._pass(call, parts, recorded=False)
        except (RecordingNeededError, InplaceModificationError, CheckpointError):
            pass
        except RuntimeError as error:
            if "modified by an inplace operation" not in str(error):
                raise
        restore_random_states(call.inputs, states)
        return self._pass(call, parts, recorded=True)

    def _pass(self, call: ForwardInputs, parts: ModelParts, *, recorded: bool) -> Attributions:
        """One forward and backward pass. All hooks and contexts are removed afterwards."""
        layers = LayerRecorder(self.layers, self.at_layer_input)
        calls = ModuleCalls(copies=recorded)

        def prepare(undo: ExitStack) -> RecordedForward | None:
            undo.callback(restore_statistics, parts.statistics)
            enter_contexts(undo)
            mode = undo.enter_context(recording()) if recorded else None
            for handle in chain(layers.record(), self._record(calls, parts)):
                undo.callback(handle.remove)
            return mode

        return run_and_undo(
            prepare, lambda mode, undo: self._differentiated(call, parts, layers, calls, mode, undo)
        )

    def _differentiated(
        self,
        call: ForwardInputs,
        parts: ModelParts,
        layers: LayerRecorder,
        calls: ModuleCalls,
        mode: RecordedForward | None,
        undo: ExitStack,
    ) -> Attributions:
        leaves = [_leaf(tensor, create_graph=self.create_graph) for tensor in call.inputs]
        # Copies, since the model may modify its inputs in place.
        copies = [leaf.clone() for leaf in leaves]
        output = self.model(*copies, *call.args)
        layers.is_open = calls.is_open = False
        if self.settings.output is not None:
            output = select_output(output, self.settings.output)
        has_probabilities = self._selects(call) and are_probabilities(output)
        values = None if mode is None else mode.finish()
        scalars = self.objective(output, call, layers)
        _check_rows(scalars, call.samples, exact=self.objective is selected_output)
        groups = (
            [layers.only(name) for name in self.layers]
            if self.to_layers
            else [tuple(input_points(leaves))]
        )
        points = [point for group in groups for point in group]
        inputs = [get_gradient_edge(leaf).node for leaf in leaves if leaf.requires_grad]
        inputs += embeddings_of(scalars.grad_fn, copies)
        state = BackwardPass(
            self.settings, call.samples, values, with_statistics=self.with_statistics
        )
        undo.callback(state.close)
        ends = {*inputs, *(point.edge.node for point in points)}
        state.attach(nodes_between([scalars.grad_fn], ends), inputs, ends, calls.finished)
        names = LayerNames(self.model, state.hooked)
        if parts.has_frozen and not calls.copies:
            names.read()  # before the backward pass frees what the nodes have saved
        gradients = compute_gradients([scalars], points, create_graph=self.create_graph)
        diagnostics = Diagnostics.from_pass(
            gradients, state, scalars.detach(), names, at_layers=self.to_layers
        )
        attributions = map(self._attribution, points, gradients)
        return Attributions(
            [tuple(next(attributions) for _ in group) for group in groups],
            replace(
                diagnostics,
                batch_dependent=tuple(parts.batch_dependent),
                has_probabilities=has_probabilities,
                raw_images=tuple(i for i, x in enumerate(call.inputs) if is_raw_image(x)),
            ),
            layer_statistics(state.records, names) if self.with_statistics else [],
        )

    def _selects(self, call: ForwardInputs) -> bool:
        """Whether the attributed numbers are outputs, chosen by their index."""
        return self.objective is selected_output and not callable(call.target)

    def _attribution(self, point: LayerTensor, gradient: Tensor) -> Tensor:
        tensor = point.tensor if self.create_graph else point.tensor.detach()
        return self.settings.attribution(tensor, gradient)

    def _record(self, calls: ModuleCalls, parts: ModelParts) -> Iterator[RemovableHandle]:
        if self.settings.rule is not None:
            yield from calls.record(parts.activations, "activation")
            yield from calls.record(parts.recurrent, "recurrent")
        if self.settings.padding_trick:
            yield from calls.record(parts.convolutions, "convolution")


def enter_contexts(undo: ExitStack) -> None:
    """Enter the contexts of a forward and backward pass."""
    undo.enter_context(uncompiled())
    undo.enter_context(torch.inference_mode(mode=False))
    undo.enter_context(torch.enable_grad())
    # Backward in this thread also on a GPU, since a checkpoint recomputes parts of the model.
    undo.enter_context(torch.autograd.set_multithreading_enabled(False))


def _leaf(tensor: Tensor, *, create_graph: bool) -> Tensor:
    """A leaf tensor in place of an input. The user's tensor is not modified.

    The result is a plain tensor, since a subclass may hide its operations from the graph.
    """
    if create_graph and tensor.requires_grad:
        return tensor.clone()
    leaf = tensor.detach().as_subclass(Tensor)
    if leaf.is_inference():
        leaf = leaf.clone()
    return leaf.requires_grad_(leaf.is_floating_point())


def _check_rows(scalars: Tensor, samples: int, *, exact: bool) -> None:
    if scalars.numel() == samples or (not exact and scalars.numel() == 1):
        return
    raise RectGradError(
        f"got {scalars.numel()} target values for a batch of {samples}: the model's output must "
        "have the batch as its first dimension"
    )


def _check_divisible(groups: list[tuple[Tensor, ...]], samples: int) -> None:
    for gradient in (gradient for group in groups for gradient in group):
        if gradient.dim() == 0 or gradient.shape[0] != samples:
            raise RectGradError(
                f"got a layer attribution of shape {tuple(gradient.shape)} for {samples} "
                "sample(s), expected the batch as its first dimension, since the batch is split; "
                "attribute to this layer one sample at a time"
            )
