"""What activations let through, by layer and sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_rectgrad._engine.backward_pass import ActivationRecord
from captum_rectgrad._engine.layer_names import LayerNames
from captum_rectgrad.errors import RectGradError


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """What one call of an activation let through.

    Attributes:
        name: of the call, by the layer with weights before it: `ReLU after 'conv1'`.
        activation: name of the class of module that does the same: `ReLU`.
        units: elements of the activation per sample.
        threshold: `(N,)`, the threshold of each sample, in the units of the scores; None where the
            rule has none.
        share: `(N,)`, in [0, 1], the share of a sample's units that passed the gradient.
        zero_scores: `(N,)`, in [0, 1], the share of a sample's scores that are exactly zero. Where
            many are, the threshold is zero at many percentiles. None where the rule has no scores.
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
    """The records of a pass with names."""
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
    """The statistics of the parts of a batch, as those of the whole.

    Raises:
        RectGradError: the parts did not call the same activations.
    """
    if len({tuple((layer.name, layer.units) for layer in part) for part in parts}) > 1:
        raise RectGradError(
            "the model called other activations for some samples than for others, so their "
            "statistics cannot be put together; attribute one sample at a time"
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
