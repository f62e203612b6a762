"""The ONNX graph of an attribution, with the free dimensions that the model allows."""

from collections.abc import Collection, Sequence
from typing import Literal, cast

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
    recordings = _Recordings(model, settings, example)
    choices = _choices(dynamic)
    reasons = []
    for free in choices:
        found = recordings.translated(free)
        if not isinstance(found, Exception):
            return (*found, free)
        reasons.append(found)
        if not free or (isinstance(found, UnsupportedOperatorError) and not found.is_of_size):
            raise found
    raise RectGradError(
        f"the model cannot be exported with a free {' and '.join(choices[-1])}: {reasons[-1]}; "
        "leave dynamic out to export what the model allows"
    ) from reasons[-1]


def _choices(dynamic: Collection[Dynamic] | None) -> tuple[tuple[Dynamic, ...], ...]:
    if dynamic is None:
        return _CHOICES
    wanted = [name for name in ("batch", "size") if name in dynamic]
    if isinstance(dynamic, str) or set(dynamic) - {"batch", "size"}:
        raise ValueError(f"dynamic must be a collection of 'batch' and 'size', got {dynamic!r}")
    return (cast("tuple[Dynamic, ...]", tuple(wanted)),)


class _Recordings:
    """Recordings of one attribution at several shapes; each shape is recorded once."""

    def __init__(self, model: nn.Module, settings: Settings, example: Tensor) -> None:
        self.model, self.settings, self.example = model, settings, example
        self._traces: dict[tuple[int, ...], Trace] = {}

    def translated(
        self, free: tuple[Dynamic, ...]
    ) -> tuple[Trace, onnx.ModelProto] | RectGradError | DifferentGraphsError | UnknownSizeError:
        """The first recording and its translation with free dimensions, or why there is none."""
        named = (*self.model.named_parameters(), *self.model.named_buffers())
        names = {tensor.data_ptr(): name for name, tensor in named}
        try:
            traces = self._of(free)
            operations = common_operations([each.graph for each in traces])
            found = translate(traces[0].graph, operations, INPUTS, OUTPUTS, names)
        except (DifferentGraphsError, UnknownSizeError, RectGradError) as error:
            return error
        return traces[0], found

    def _of(self, free: tuple[Dynamic, ...]) -> list[Trace]:
        """The recordings that show how the graph depends on the free dimensions."""
        size = tuple(self.example.shape[2:])
        batch = 2 if "batch" in free else 1
        shapes: list[tuple[int, ...]] = [(batch, *size)]
        if "batch" in free:
            shapes.append((batch + 1, *size))
        if "size" in free:
            shapes += self._larger(batch, size)
        return [self._at(shape) for shape in shapes]

    def _larger(self, batch: int, size: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
        """Shapes with a larger height, or a larger width, if the model accepts them."""
        if self.example.dim() != _IMAGE_DIMS:
            raise RectGradError("the inputs are no images (N, C, H, W)")
        shapes = [(batch, size[0] + _LARGER, size[1]), (batch, size[0], size[1] + _LARGER)]
        for shape in shapes:
            self._check_runs_at(shape)
        return shapes

    def _check_runs_at(self, shape: tuple[int, ...]) -> None:
        try:
            with torch.no_grad():
                self.model(self._images(shape))
        except Exception as error:
            raise RectGradError(
                f"the model refuses images of {shape[1]} x {shape[2]} pixels ({_first_line(error)})"
            ) from error

    def _at(self, shape: tuple[int, ...]) -> Trace:
        if shape not in self._traces:
            self._traces[shape] = trace(self.model, self.settings, self._images(shape))
            check_operators(self._traces[shape].graph)
        return self._traces[shape]

    def _images(self, shape: tuple[int, ...]) -> Tensor:
        x = self.example[:1].detach()
        if x.shape[2:] != shape[1:]:
            x = nn.functional.interpolate(x, size=list(shape[1:]))
        return x.repeat(shape[0], *[1] * (x.dim() - 1))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
