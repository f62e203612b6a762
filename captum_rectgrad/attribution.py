"""One attribution, whatever it is of: run the model under the rules, differentiate, multiply."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from captum_rectgrad._captum import TargetType
from captum_rectgrad.batch_coupling import coupling, statistics_kept
from captum_rectgrad.batching import Call
from captum_rectgrad.checks import check_batch_size
from captum_rectgrad.differentiation import differentiated
from captum_rectgrad.doubts import Doubts, merged
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.escapes import watch
from captum_rectgrad.hooks import rectified
from captum_rectgrad.layer_calls import LayerCalls, Point, recorded
from captum_rectgrad.nodes import OverwrittenError
from captum_rectgrad.rectified_pass import MixedSamplesError, RectifiedPass
from captum_rectgrad.settings import Settings
from captum_rectgrad.targets import select
from captum_rectgrad.wrappers import uncompiled

# From the model's output, the target and the recorded layers to what is differentiated: a number
# per sample.
Objective = Callable[[Any, TargetType, LayerCalls], Tensor]

# For each thing attributed to (the inputs together, or each layer), its tensors.
Maps = list[tuple[Tensor, ...]]


def selected_output(output: Any, target: TargetType, calls: LayerCalls) -> Tensor:
    """The objective of a method that attributes an output of the model."""
    del calls
    return select(output, target)


@dataclass(frozen=True)
class Query:
    """What is attributed to what.

    Attributes:
        model: unwrapped.
        settings: of the method.
        objective: what is attributed.
        layers: those that are recorded, by name.
        at_layer_input: whether their inputs are, or their outputs.
        to_layers: attribute to the recorded layers, instead of to the inputs.
    """

    model: nn.Module
    settings: Settings
    objective: Objective
    layers: Mapping[str, nn.Module] = field(default_factory=dict)
    at_layer_input: bool = False
    to_layers: bool = False

    def attributions(
        self, call: Call, internal_batch_size: int | None = None
    ) -> tuple[Maps, Doubts]:
        """Answer it for a batch.

        Args:
            call: inputs, targets and further arguments.
            internal_batch_size: samples in one pass; None: all.

        Returns:
            For each thing attributed to (the inputs, or each layer) its tensors; and what is
            doubtful about them.

        Raises:
            RectGradError: the output does not depend on what it is attributed to, or its rows are
                not the samples; a layer is not called once; the model differentiates in its own
                forward; or PRR cannot serve a pooling.
        """
        size = check_batch_size(internal_batch_size, call.samples)
        with torch.inference_mode(mode=False), statistics_kept(self.model), uncompiled():
            try:
                maps, doubts = self._in_parts(call, size)
            except MixedSamplesError as mixed:
                # Alone, a sample has all elements of an activation, whatever their order.
                one_by_one = self._divisible(call, mixed.scalars)
                maps, doubts = self._in_parts(one_by_one, 1)
        return maps, replace(doubts, coupled=coupling(self.model))

    def _in_parts(self, call: Call, size: int) -> tuple[Maps, Doubts]:
        if size >= call.samples:
            maps, state = self._part(call)
            return maps, self._doubts(maps, state, first=0)
        parts: list[Maps] = []
        doubts: list[Doubts] = []
        for first, part in zip(range(0, call.samples, size), call.parts(size), strict=True):
            maps, state = self._part(part)
            _check_divisible(maps, part.samples)
            parts.append(maps)
            doubts.append(self._doubts(maps, state, first))
        joined = [
            tuple(torch.cat(pieces) for pieces in zip(*groups, strict=True))
            for groups in zip(*parts, strict=True)
        ]
        return joined, merged(doubts)

    def _doubts(self, maps: Maps, state: RectifiedPass, first: int) -> Doubts:
        flat = [attribution for group in maps for attribution in group]
        return Doubts.about(flat, state, first, hidden=self.to_layers)

    def _part(self, call: Call) -> tuple[Maps, RectifiedPass]:
        try:
            maps, state = self._pass(call, copies=False)
        except OverwrittenError:
            # The model changes activations in place after they are computed. Only such a model
            # pays for keeping copies of them, with a second pass.
            maps, state = self._pass(call, copies=True)
        if state.reordered and state.gates and call.samples > 1:
            self._check_order(call, state)
        return maps, state

    def _pass(self, call: Call, *, copies: bool) -> tuple[Maps, RectifiedPass]:
        state = RectifiedPass(
            self.settings, batch=call.samples, copies=copies, at_layers=bool(self.layers)
        )
        with self._forward(call, state) as (leaves, calls, scalars), torch.enable_grad():
            if self.to_layers:
                groups = [calls.only(name) for name in self.layers]
            else:
                groups = [tuple(Point.at(leaf, f"input {i}") for i, leaf in enumerate(leaves))]
            points = [point for group in groups for point in group]
            gradients = iter(differentiated(scalars, points, state))
        with torch.no_grad():
            maps = [
                tuple(self.settings.attribution(p.tensor.detach(), next(gradients)) for p in group)
                for group in groups
            ]
        return maps, state

    @contextmanager
    def _forward(
        self, call: Call, state: RectifiedPass
    ) -> Iterator[tuple[list[Tensor], LayerCalls, Tensor]]:
        """Run the model under the rules, which stay on it within.

        Yields:
            The leaves of the graph; the recorded layers; what is to be differentiated.
        """
        # A graph is needed whatever mode the caller is in; nothing of theirs is written to. The
        # model gets plain tensors: a subclass of theirs may keep its operations from the graph.
        leaves = [tensor.detach().clone().as_subclass(Tensor) for tensor in call.inputs]
        with (
            torch.enable_grad(),
            recorded(self.layers, state, at_input=self.at_layer_input) as calls,
            rectified(self.model, state),
            ExitStack() as watched,
        ):
            for leaf in leaves:
                leaf.requires_grad_(leaf.is_floating_point())
            # Copies of the leaves, since the model may begin by working in place.
            output = self.model(*(leaf.clone() for leaf in leaves), *call.args)
            calls.open = state.forward = False
            with state.suspended():
                scalars = self.objective(output, call.target, calls)
            _check_rows(scalars, call.samples, exact=self.objective is selected_output)
            results = [*calls.tensors(), *([output] * isinstance(output, Tensor))]
            for handle in watch(results, self.settings.choice, state.escaped):
                watched.callback(handle.remove)
            state.scalars = scalars.detach()
            yield leaves, calls, scalars

    def _check_order(self, call: Call, state: RectifiedPass) -> None:
        """Hold the shapes of activations against those for a single sample.

        Where a model puts another dimension first, that one may happen to be as long as the batch.
        """
        one = next(self._divisible(call, state.scalars).parts(1))
        alone = RectifiedPass(self.settings, batch=1, copies=False)
        with self._forward(one, alone):
            pass
        if state.shapes != [torch.Size((call.samples, *shape[1:])) for shape in alone.shapes]:
            raise MixedSamplesError(state.scalars)

    def _divisible(self, call: Call, scalars: Tensor) -> Call:
        """The call, with those arguments marked that belong to samples.

        A tensor whose dimension 0 has the batch's size may or may not: nobody asked for a division,
        so it must not change what the model computes.

        Args:
            call: of the whole batch.
            scalars: what it computed.
        """
        if not call.ambiguous:
            return call
        for candidate in (call, replace(call, divided=False)):
            one, alone = next(candidate.parts(1)), RectifiedPass(self.settings, 1, copies=False)
            with suppress(RuntimeError, ValueError, IndexError, TypeError):
                with self._forward(one, alone) as (_, _, found):
                    pass
                if torch.allclose(found.detach()[:1], scalars[:1], rtol=1e-3, atol=1e-6):
                    return candidate
        raise RectGradError(
            "samples have to be attributed one at a time here, as dimension 0 of an activation is "
            "not the samples; and it cannot be told which of additional_forward_args belong to "
            "samples. Attribute one sample at a time, with its arguments"
        )


def _check_rows(scalars: Tensor, samples: int, *, exact: bool) -> None:
    if scalars.numel() == samples or (not exact and scalars.numel() == 1):
        return
    raise RectGradError(
        f"{scalars.numel()} numbers to attribute for {samples} sample(s): the first dimension of "
        "what the model returns must be the samples"
    )


def _check_divisible(maps: Maps, samples: int) -> None:
    for attribution in (attribution for group in maps for attribution in group):
        if attribution.dim() == 0 or attribution.shape[0] != samples:
            raise RectGradError(
                f"a layer's attribution has shape {tuple(attribution.shape)} for {samples} "
                "sample(s), so those of several parts of a batch cannot be put together; attribute "
                "to this layer one sample at a time"
            )
