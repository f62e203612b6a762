"""Statistics of activations, by layer and sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_rectgrad._engine.backward_pass import ActivationRecord
from captum_rectgrad._engine.layer_names import LayerNames
from captum_rectgrad.errors import RectGradError


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """Statistics of one call of an activation.

    Attributes:
        name: name by the preceding layer with weights, such as `ReLU after 'conv1'`.
        activation: name of the equivalent module class, such as `ReLU`.
        units: number of elements of the activation per sample.
        threshold: threshold of each sample, `(N,)`, in the unit of the scores; None for a rule
            without a threshold.
        share: share of the units that the rule kept, `(N,)`, in [0, 1].
        zero_scores: share of the scores that are exactly zero, `(N,)`, in [0, 1]. If it is high,
            the threshold is zero for a range of percentiles. None for a rule without scores.
    """

    name: str
    activation: str
    units: int
    threshold: Tensor | None
    share: Tensor
    zero_scores: Tensor | None


def layer_statistics(
    records: Sequence[ActivationRecord], names: LayerNames
) -> list[LayerStatistics]:
    """The statistics of the records of a pass."""
    return [
        LayerStatistics(
            names.of(record.node),
            names.kinds[record.node],
            record.units,
            record.threshold,
            record.share,
            record.zero_scores,
        )
        for record in records
        if record.share is not None
    ]


def joined_statistics(parts: Sequence[list[LayerStatistics]]) -> list[LayerStatistics]:
    """Join the statistics of the parts of a batch.

    Raises:
        RectGradError: the activations differ between parts.
    """
    if len({tuple((layer.name, layer.units) for layer in part) for part in parts}) > 1:
        raise RectGradError(
            "the activations that the model called differ between samples, so their statistics "
            "cannot be joined; attribute one sample at a time"
        )
    return [
        LayerStatistics(
            layers[0].name,
            layers[0].activation,
            layers[0].units,
            _joined([layer.threshold for layer in layers]),
            torch.cat([layer.share for layer in layers]),
            _joined([layer.zero_scores for layer in layers]),
        )
        for layers in zip(*parts, strict=True)
    ]


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    tensors = [part for part in parts if part is not None]
    return torch.cat(tensors) if tensors else None
