"""Comparison of an exported file with PyTorch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from captum_rectgrad._engine.attribution import AttributionRequest
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.outputs import select_output
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad._engine.wrappers import unwrapped
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.rectgrad import RectGrad
from captum_rectgrad.export.method_settings import method_settings
from captum_rectgrad.export.near_ties import TieCounter
from captum_rectgrad.export.onnx_map import MapResult, OnnxMap
from captum_rectgrad.rules.threshold import ThresholdRule

TOLERANCE = 1e-5  # of the largest value, in float32
# Rounding can change the selection of a unit at a threshold, the side of a bend of an activation,
# or the maximum of a window, which is visible in the map. The differences of such a map sum up to
# at most this share of its absolute values.
LARGEST_GAP = 0.1
_BATCHES = (1, 4, 15)
_SMALLEST = 1e-30  # of a map or of logits, to divide by


@dataclass(frozen=True)
class OnnxCheck:
    """The comparison of an exported file with PyTorch.

    Attributes:
        percentiles: percentiles of the maps; None for a method without.
        logits: largest difference of the logits of an image, of their largest absolute value.
        errors: largest difference of each map, of its largest absolute value, `(maps,)`.
        gaps: sum of the differences of each map, of the sum of its absolute values, `(maps,)`.
        ties: number of units of each map within rounding of a threshold, `(maps,)`.
        shares: largest difference of the share of units that passed a layer.
        has_rule: whether the method has a rule, so that units at its thresholds are counted.
    """

    percentiles: tuple[float | None, ...]
    logits: float
    errors: NDArray[np.float64]
    gaps: NDArray[np.float64]
    ties: NDArray[np.int64]
    shares: float
    has_rule: bool

    @property
    def deviating(self) -> NDArray[np.bool_]:
        """The maps with a larger difference than rounding, or with NaN, `(maps,)`."""
        return ~(self.errors <= TOLERANCE)

    @property
    def failure(self) -> str | None:
        """Why the file does not agree with PyTorch; None if it does."""
        if not np.isfinite([self.logits, *self.errors, *self.gaps]).all():
            return "a logit or a map is NaN or infinite, so that nothing can be compared"
        if self.logits > TOLERANCE:
            return f"the logits differ by {self.logits:.1e} of the largest, expected {TOLERANCE:g}"
        largest = float(self.gaps[self.deviating].max(initial=0))
        if largest > LARGEST_GAP:
            return f"a map differs by {largest:.1%} of its sum, expected {LARGEST_GAP:.0%}"
        unexplained = self.deviating & (self.ties == 0)
        if self.has_rule and unexplained.any():
            return (
                f"{unexplained.sum()} maps differ by more than {TOLERANCE:g} without a unit at a "
                "threshold"
            )
        return None


def check_onnx(
    path: str | Path,
    model: nn.Module,
    images: Tensor,
    method: type[ModifiedGradient] = RectGrad,
    *,
    percentiles: Sequence[float] = (98.0, 90.0),
    **options: Any,
) -> OnnxCheck:
    """Compare an exported file with PyTorch.

    Half of the images are explained for the predicted class, half for the class after it.

    Args:
        path: file from `export_onnx`.
        model: its model, float32, on the CPU. Its weights are rounded if those of the file are.
        images: images `(N, C, H, W)`, preprocessed.
        method: method of the file.
        percentiles: percentiles to compare, if the method has one.
        **options: its arguments, as for `export_onnx`.

    Returns:
        The differences; `failure` judges them.

    Raises:
        RectGradError: the file is damaged, or as for the method.
        ValueError: the images do not have the size of the file.
    """
    exported = OnnxMap(path)
    model = unwrapped(model)
    if exported.metadata["weights"] == "float16":
        from captum_rectgrad.export.half_weights import rounded  # noqa: PLC0415 (an extra)

        model = rounded(model)
    settings = method_settings(model, method, options)
    with torch.no_grad():
        logits = select_output(model(images), settings.output)
    classes = logits.argmax(dim=1)
    classes[1::2] = (classes[1::2] + 1) % logits.shape[1]
    given = [-1 if i % 2 == 0 else int(c) for i, c in enumerate(classes)]
    chosen = _chosen(settings, percentiles)
    differences = []
    for percentile in chosen:
        of_percentile = _at(settings, percentile)
        for part in _parts(exported, len(images)):
            found = exported(images[part].numpy(), given[part], percentile)
            expected = _Reference.of(model, of_percentile, images[part], classes[part])
            differences.append(expected.differences(found, logits[part]))
    rows = [np.concatenate(parts) for parts in zip(*differences, strict=True)]
    of_logits, errors, gaps, ties, shares = rows
    return OnnxCheck(
        chosen,
        float(of_logits.max()),
        errors,
        gaps,
        ties.astype(np.int64),
        float(shares.max()),
        settings.rule is not None,
    )


def _chosen(settings: Settings, percentiles: Sequence[float]) -> tuple[float | None, ...]:
    rule = settings.rule
    has_percentile = isinstance(rule, ThresholdRule) and rule.percentile is not None
    return tuple(percentiles) if has_percentile else (None,)


def _at(settings: Settings, percentile: float | None) -> Settings:
    if percentile is None or not isinstance(settings.rule, ThresholdRule):
        return settings
    return replace(settings, rule=ThresholdRule(settings.rule.score, percentile))


def _parts(exported: OnnxMap, count: int) -> Iterator[slice]:
    """Batches of several sizes; of the only size, if the file has one."""
    size = exported.batch
    start, sizes = 0, iter(_BATCHES)
    while start < count:
        end = start + (size or next(sizes, count))
        yield slice(start, min(end, count))
        start = end


@dataclass(frozen=True)
class _Reference:
    """Maps, shares and near ties in PyTorch."""

    maps: Tensor
    shares: Tensor | None
    ties: Tensor

    @classmethod
    def of(cls, model: nn.Module, settings: Settings, x: Tensor, classes: Tensor) -> "_Reference":
        counter = None if settings.rule is None else TieCounter(settings.rule)
        counted = replace(settings, rule=counter)
        request = AttributionRequest(model, counted, with_statistics=counter is not None)
        found = request.attributions(ForwardInputs((x,), classes, (), classes.tolist()))
        shares = [layer.share for layer in found.statistics]
        return cls(
            found.groups[0][0],
            torch.stack(shares, dim=1) if shares else None,
            torch.zeros(len(x)) if counter is None else counter.total(len(x)),
        )

    def differences(self, found: MapResult, logits: Tensor) -> tuple[NDArray[np.float64], ...]:
        """For each image, differences of logits, largest and summed of the map, ties, shares."""
        expected = self.maps.double().flatten(1)
        gaps = (torch.from_numpy(found.map).double().flatten(1) - expected).abs()
        largest_logit = logits.abs().amax(1).clamp(min=_SMALLEST)
        scores = (torch.from_numpy(found.logits) - logits).abs().amax(1) / largest_logit
        shares = torch.zeros(len(gaps))
        if self.shares is not None and found.shares is not None:
            shares = (torch.from_numpy(found.shares) - self.shares).abs().amax(1)
        largest, total = expected.abs().amax(1), expected.abs().sum(1)
        numbers = (
            scores,
            gaps.amax(1) / largest.clamp(min=_SMALLEST),
            gaps.sum(1) / total.clamp(min=_SMALLEST),
            self.ties,
            shares,
        )
        return tuple(each.double().numpy() for each in numbers)
