"""Diagnostics about an attribution, raised as `RectGradWarning` once per call."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import torch
from torch import Tensor

from captum_rectgrad._engine.activations import ActivationFilter
from captum_rectgrad._engine.backward_pass import BackwardPass
from captum_rectgrad._engine.layer_names import LayerNames
from captum_rectgrad._engine.validation import has_concrete_values
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.rules.scores import score
from captum_rectgrad.rules.threshold import ThresholdRule


@dataclass(frozen=True)
class AllZeroSample:
    """A sample with an all-zero map.

    Attributes:
        sample: index of the sample in the batch.
        name: name of the first activation without gradient, counting from the output.
        units: number of elements of the activation per sample.
        has_scores: False if it is the last activation before the output, and all scores there are
            zero, so that no percentile has an effect.
    """

    sample: int
    name: str
    units: int
    has_scores: bool = True


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics about the maps of a batch.

    Attributes:
        is_plain: whether no activation was found, so that the maps are plain gradients.
        all_zero: samples with all-zero maps, because no gradient passed an activation.
        unhandled: operations with possible activations that hooks cannot reach.
        not_finite: samples with a NaN or infinite map or output.
        batch_dependent: names of modules that mix the samples of a batch.
        has_probabilities: whether the outputs look like the result of a softmax.
        raw_images: numbers of inputs that look like images in 0 to 255.
    """

    is_plain: bool
    all_zero: tuple[AllZeroSample, ...] = ()
    unhandled: tuple[str, ...] = ()
    not_finite: tuple[int, ...] = ()
    batch_dependent: tuple[str, ...] = ()
    has_probabilities: bool = False
    raw_images: tuple[int, ...] = ()

    @classmethod
    def from_pass(
        cls,
        maps: Sequence[Tensor],
        state: BackwardPass,
        scalars: Tensor,
        names: LayerNames,
        *,
        at_layers: bool,
    ) -> "Diagnostics":
        """Diagnose the maps of a backward pass.

        Args:
            maps: maps, each `(n, ...)`.
            state: backward pass of the maps.
            scalars: attributed numbers, `(n,)` or one number.
            names: names of the activations.
            at_layers: whether the maps belong to hidden layers. No activation between a layer and
                the output is then reported only if the model has none.
        """
        found = cls(
            is_plain=not (state.records or (at_layers and state.hooked)),
            unhandled=tuple(sorted(state.unhandled)),
        )
        rows = [
            _real(attribution.detach().reshape(len(attribution), -1))
            for attribution in maps
            if attribution.dim() and attribution.numel() and len(attribution) == state.samples
        ]
        if not rows or not has_concrete_values(rows[0]):
            return found
        # Minimum and maximum of each map, both NaN if an element is NaN.
        numbers = [end for row in rows for end in row.aminmax(dim=1)]
        if scalars.numel() == state.samples:
            numbers.append(_real(scalars.reshape(-1, 1)).sum(dim=1))
        dtype = reduce(torch.promote_types, (number.dtype for number in numbers))
        seen = torch.stack([number.to(dtype) for number in numbers], dim=1)
        passed: Tensor | None = None
        if seen.is_cuda and state.records:  # in one transfer, since each one synchronises the GPU
            both = torch.cat([seen, _passed(state).to(dtype)], dim=1).cpu()
            seen, passed = both.tensor_split([len(numbers)], dim=1)
        zero, not_finite = [], []
        for sample, row in enumerate(seen.tolist()):
            ends, values = row[: 2 * len(rows)], row[2 * len(rows) :]
            is_zero = any(low == high == 0 for low, high in zip(ends[::2], ends[1::2], strict=True))
            # An infinite output may have a valid gradient, but not an all-zero one.
            is_lost = any(math.isnan(v) or (math.isinf(v) and is_zero) for v in values)
            if is_lost or not all(map(math.isfinite, ends)):
                not_finite.append(sample)
            if is_zero:
                zero.append(sample)
        all_zero = []
        if zero and state.records:
            by_sample = (_passed(state) if passed is None else passed).tolist()
            has_scores = _has_scores(state)
            for sample in zero:
                closed = (r for r, p in zip(state.records, by_sample[sample], strict=True) if not p)
                record = next(closed, None)
                if record is not None:
                    has = record is not state.records[0] or has_scores[sample]
                    all_zero.append(AllZeroSample(sample, names.of(record.node), record.units, has))
        return replace(found, all_zero=tuple(all_zero), not_finite=tuple(not_finite))

    def shifted(self, first: int) -> "Diagnostics":
        """The same diagnostics with sample indices from `first`."""
        return replace(
            self,
            all_zero=tuple(replace(z, sample=z.sample + first) for z in self.all_zero),
            not_finite=tuple(sample + first for sample in self.not_finite),
        )

    def messages(self, rule: object, activations: ActivationFilter) -> list[str]:
        """The warnings, at most one of each kind.

        Args:
            rule: rule of the method; None for the plain gradient.
            activations: activations that the rule applies to.
        """
        found = []
        if self.batch_dependent:
            found.append(
                f"{_first(self.batch_dependent)} normalises by batch statistics, so each map "
                "depends on the other samples; call model.eval() first"
            )
        found += self._doubts(rule)
        if self.is_plain and rule is not None:
            found.append(_no_activation(activations))
        if self.unhandled and rule is not None:
            found.append(
                f"{', '.join(self.unhandled)} was differentiated normally: hooks cannot reach "
                "activations inside it (nn.LSTM, TorchScript, a custom autograd.Function, a ReLU "
                "written as arithmetic). To apply the rule there, wrap it in a module and list all "
                "activations, activations=[nn.ReLU, MyModule]. If this is intended, list only the "
                "other activations"
            )
        if self.not_finite:
            found.append(
                f"attribution of sample {_first(self.not_finite)} is not finite (NaN or inf in the "
                "map or the target output); check the model for overflow or division by zero"
            )
        elif self.all_zero and not self.is_plain:
            closed = [zero for zero in self.all_zero if zero.has_scores]
            if closed:
                remedy = "; lower percentile or tau" if isinstance(rule, ThresholdRule) else ""
                found.append(
                    f"{_all_zero(closed)}: no gradient passed {_first_activation(closed)}{remedy}"
                )
            without = [zero for zero in self.all_zero if not zero.has_scores]
            if without:
                found.append(
                    f"{_all_zero(without)}: all scores are zero at {_first_activation(without)}. "
                    "The activations or the gradient of the output are zero there, so the "
                    "percentile has no effect; check the weights of the model and the target"
                )
        return found

    def _doubts(self, rule: object) -> list[str]:
        """Warnings about arguments that are valid but probably not meant."""
        found = []
        percentile = rule.percentile if isinstance(rule, ThresholdRule) else None
        if percentile is not None and 0 < percentile < 1:
            found.append(
                f"percentile={percentile:g} cuts off {percentile:g} % of the units: 98 means 98 %. "
                f"Did you mean percentile={100 * percentile:g}?"
            )
        if self.has_probabilities and rule is not None:
            found.append(
                "the outputs are non-negative and sum to one, as after a softmax, which mixes the "
                "classes and has a small gradient where it is sure; pass logits, the output of the "
                "layer before the softmax"
            )
        if self.raw_images:
            found.append(
                f"input {_first(self.raw_images)} has integers in 0 to 255; convert it with "
                ".float() / 255 and normalise it as in training, unless the model does so itself"
            )
        return found


def merged(parts: Sequence[Diagnostics]) -> Diagnostics:
    """Merge the diagnostics of the parts of a batch."""
    return Diagnostics(
        is_plain=all(part.is_plain for part in parts),
        all_zero=tuple(zero for part in parts for zero in part.all_zero),
        unhandled=tuple(sorted({name for part in parts for name in part.unhandled})),
        not_finite=tuple(sample for part in parts for sample in part.not_finite),
        batch_dependent=parts[0].batch_dependent,
        has_probabilities=all(part.has_probabilities for part in parts),
        raw_images=parts[0].raw_images,
    )


def warn(messages: Sequence[str], stacklevel: int) -> None:
    """Warn at the line that called `attribute`.

    Args:
        messages: one for each warning.
        stacklevel: as in `warnings.warn`, counted from the caller of this function.
    """
    for message in messages:
        warnings.warn(message, RectGradWarning, stacklevel=stacklevel + 1)


def _passed(state: BackwardPass) -> Tensor:
    """For each sample and record, `(N, records)`: not zero if a unit passed."""
    passed = [record.passed for record in state.records]
    # A kernel for each record is avoided where it is reduced already.
    by_record = [p if p.dim() == 1 else p.reshape(state.samples, -1).any(dim=1) for p in passed]
    return torch.stack(by_record, dim=1)


def _has_scores(state: BackwardPass) -> list[bool]:
    """For each sample, whether a score at the last activation before the output is not zero."""
    rule = state.settings.rule
    if not isinstance(rule, ThresholdRule) or state.last_operands is None:
        return [True] * state.samples
    scores = score(rule.score_at(is_last=True), *state.last_operands)
    found: list[bool] = (scores.reshape(state.samples, -1) != 0).any(dim=1).tolist()
    return found


def _real(rows: Tensor) -> Tensor:
    return torch.view_as_real(rows.resolve_conj()).flatten(1) if rows.is_complex() else rows


def _first(things: Sequence[object]) -> str:
    """The first element, and the number of further elements."""
    more = f" (and {len(things) - 1} more)" if len(things) > 1 else ""
    return f"{things[0]}{more}"


def _all_zero(samples: Sequence[AllZeroSample]) -> str:
    return f"attribution of sample {_first([zero.sample for zero in samples])} is all zero"


def _first_activation(samples: Sequence[AllZeroSample]) -> str:
    return (
        f"{samples[0].name} ({samples[0].units} units), the first such activation counting from "
        "the output"
    )


def _no_activation(activations: ActivationFilter) -> str:
    if activations.chosen is not None:
        return (
            "none of the activations in activations=[...] was found between the output and the "
            "input, so this map is the plain gradient; list activations of the model"
        )
    return (
        "no activation was found between the output and the input, so this map is the plain "
        "gradient. Elementwise activations of torch.nn, torch.nn.functional, timm and transformers "
        "are found automatically; list custom ones with activations=[MyModule]"
    )
