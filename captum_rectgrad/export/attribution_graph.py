"""The ONNX graph of an attribution, with the free dimensions that the model allows."""

from collections.abc import Collection
from typing import Any, Literal

import onnx
import torch
from torch import Tensor, nn

from captum_rectgrad._engine.settings import Settings
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.export.graph_writer import UnknownSizeError
from captum_rectgrad.export.operators import UnsupportedOperatorError
from captum_rectgrad.export.sizes import DifferentGraphsError, common_operations
from captum_rectgrad.export.trace import Trace, trace
from captum_rectgrad.export.translate import check_operators, translate

INPUTS = ("image", "class", "percentile")
OUTPUTS = ("logits", "map", "shares")
Dynamic = Literal["batch", "size"]
# The most that a model may allow comes first.
_CHOICES: tuple[tuple[Dynamic, ...], ...] = (("batch", "size"), ("batch",), ())
# Increment of height and width. An odd number shows padding that depends on the parity of a size.
_LARGER = 33
_IMAGE_DIMS = 4


def attribution_graph(
    model: nn.Module,
    settings: Settings,
    example: Tensor,
    dynamic: Collection[Dynamic] | None = None,
) -> tuple[Trace, onnx.ModelProto, tuple[Dynamic, ...]]:
    """Record an attribution and translate it.

    Args:
        model: classifier in eval mode, float32, on the CPU.
        settings: settings of the method.
        example: input of the model, `(N, C, H, W)`.
        dynamic: dimensions that must be free; None for those that the model allows.

    Returns:
        The recording, the ONNX model, and its free dimensions.

    Raises:
        RectGradError: an operator has no translation, or a dimension cannot be free.
        ValueError: `dynamic` has an unknown name.
    """
    names = {
        tensor.data_ptr(): name
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    recordings = _Recordings(model, settings, example)
    choices = _choices(dynamic)
    for free in choices:
        try:
            traces = recordings.of(free)
            operations = common_operations([each.graph for each in traces])
            found = translate(traces[0].graph, operations, INPUTS, OUTPUTS, names)
        except (DifferentGraphsError, UnknownSizeError, RectGradError) as error:
            reason = error
            if not free:
                raise
            if isinstance(error, UnsupportedOperatorError) and recordings.is_unsupported():
                raise
        else:
            return traces[0], found, free
    raise RectGradError(
        f"the model cannot be exported with a free {' and '.join(choices[-1])}: {reason}; leave "
        "dynamic out to export what the model allows"
    ) from reason


def _choices(dynamic: Collection[Dynamic] | None) -> tuple[tuple[Dynamic, ...], ...]:
    if dynamic is None:
        return _CHOICES
    wanted = [name for name in ("batch", "size") if name in dynamic]
    if isinstance(dynamic, str) or set(dynamic) - {"batch", "size"}:
        raise ValueError(
            f"dynamic must be a collection of 'batch' and 'size', got {dynamic!r}"
        )
    return (tuple(wanted),)  # type: ignore[arg-type]


class _Recordings:
    """Recordings of one attribution at several shapes; each shape is recorded once."""

    def __init__(self, model: nn.Module, settings: Settings, example: Tensor) -> None:
        self.model, self.settings, self.example = model, settings, example
        self._traces: dict[tuple[int, ...], Trace] = {}

    def of(self, free: tuple[Dynamic, ...]) -> list[Trace]:
        """The recordings that show how the graph depends on the free dimensions."""
        size = tuple(self.example.shape[2:])
        batch = 2 if "batch" in free else 1
        shapes = [(batch, *size)]
        if "batch" in free:
            shapes.append((batch + 1, *size))
        if "size" in free:
            shapes += self._larger(batch, size)
        return [self._at(shape) for shape in shapes]

    def is_unsupported(self) -> bool:
        """Whether an operator has no translation at any shape."""
        try:
            for each in self._traces.values():
                check_operators(each.graph)
        except UnsupportedOperatorError:
            return True
        return False

    def _larger(self, batch: int, size: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Shapes with a larger height, or a larger width, if the model accepts them."""
        if self.example.dim() != _IMAGE_DIMS:
            raise RectGradError("the inputs are no images (N, C, H, W)")
        shapes = [(batch, size[0] + _LARGER, size[1]), (batch, size[0], size[1] + _LARGER)]
        for shape in shapes:
            try:
                with torch.no_grad():
                    self.model(self._images(shape))
            except Exception as error:
                raise RectGradError(
                    f"the model refuses images of {shape[1]} x {shape[2]} pixels "
                    f"({_first_line(error)})"
                ) from error
        return shapes

    def _at(self, shape: tuple[int, ...]) -> Trace:
        if shape not in self._traces:
            self._traces[shape] = trace(self.model, self.settings, self._images(shape))
            check_operators(self._traces[shape].graph)
        return self._traces[shape]

    def _images(self, shape: tuple[int, ...]) -> Tensor:
        x: Any = self.example[:1].detach()
        if x.shape[2:] != shape[1:]:
            x = nn.functional.interpolate(x, size=shape[1:])
        return x.repeat(shape[0], *[1] * (x.dim() - 1))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
