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
from captum_rectgrad.export.sizes import DifferentGraphsError, check_fixed, common_operations
from captum_rectgrad.export.trace import Trace, reads_values, trace
from captum_rectgrad.export.translate import check_operators, translate

INPUTS = ("image", "class", "percentile")
OUTPUTS = ("logits", "map", "shares")
Dynamic = Literal["batch", "size"]
# The most that a model may allow comes first.
_CHOICES: tuple[tuple[Dynamic, ...], ...] = (("batch", "size"), ("batch",), ())
# The batch, and what is added to height and width, in each recording. The remainders of the
# numbers differ for small divisors, so that a number that depends on a remainder is not constant,
# and so that poolings round differently: a product that fits by chance does not fit everywhere.
_FREE_SIZES = ((2, 0, 0), (2, 33, 0), (2, 0, 33), (3, 19, 46), (5, 46, 19), (2, 64, 39))
_FREE_BATCHES = (2, 3, 5)
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
    """Recordings of one attribution at several shapes; each is made once."""

    def __init__(self, model: nn.Module, settings: Settings, example: Tensor) -> None:
        self.model, self.settings, self.example = model, settings, example
        self._traces: dict[tuple[tuple[int, ...], int], Trace] = {}

    def translated(
        self, free: tuple[Dynamic, ...]
    ) -> tuple[Trace, onnx.ModelProto] | RectGradError | DifferentGraphsError | UnknownSizeError:
        """The first recording and its translation with free dimensions, or why there is none."""
        named = (*self.model.named_parameters(), *self.model.named_buffers())
        names = {tensor.data_ptr(): name for name, tensor in named}
        try:
            traces = self._of(free)
            operations = common_operations([each.graph for each in traces])
            if not free:
                check_fixed(operations)
            found = translate(traces[0].graph, operations, INPUTS, OUTPUTS, names)
        except (DifferentGraphsError, UnknownSizeError, RectGradError) as error:
            if not free and isinstance(error, DifferentGraphsError):
                return reads_values()
            return error
        return traces[0], found

    def _of(self, free: tuple[Dynamic, ...]) -> list[Trace]:
        """The recordings that show how the graph depends on the free dimensions."""
        size = tuple(self.example.shape[2:])
        if "size" in free:
            shapes = self._larger(size, free_batch="batch" in free)
        else:
            shapes = [(batch, *size) for batch in (_FREE_BATCHES if "batch" in free else (1, 1))]
        return [self._at(shape, number) for number, shape in enumerate(shapes)]

    def _larger(self, size: tuple[int, ...], *, free_batch: bool) -> Sequence[tuple[int, ...]]:
        """Shapes with other heights and widths, if the model accepts them."""
        if self.example.dim() != _IMAGE_DIMS:
            raise RectGradError("the inputs are no images (N, C, H, W)")
        shapes = [
            (batch if free_batch else 1, size[0] + taller, size[1] + wider)
            for batch, taller, wider in _FREE_SIZES
        ]
        for shape in shapes[1:]:
            self._check_runs_at(shape)
        return shapes

    def _check_runs_at(self, shape: tuple[int, ...]) -> None:
        try:
            with torch.no_grad():
                self.model(self._example_at((1, *shape[1:])))
        except Exception as error:
            raise RectGradError(
                f"the model refuses images of {shape[1]} x {shape[2]} pixels ({_first_line(error)})"
            ) from error

    def _at(self, shape: tuple[int, ...], number: int) -> Trace:
        key = (shape, number)
        if key not in self._traces:
            self._traces[key] = trace(self.model, self.settings, self._images(shape, number))
            check_operators(self._traces[key].graph)
        return self._traces[key]

    def _images(self, shape: tuple[int, ...], number: int) -> Tensor:
        """Images that differ in each recording, so that it shows numbers that depend on values."""
        x = self._example_at(shape)
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(number)).to(x)
        spread = float(x.std(correction=0)) or 1.0
        changed = x + spread * noise
        return -changed if number % 2 else changed

    def _example_at(self, shape: tuple[int, ...]) -> Tensor:
        x = self.example[:1].detach()
        if x.shape[2:] != shape[1:]:
            x = nn.functional.interpolate(x, size=list(shape[1:]))
        return x.repeat(shape[0], *[1] * (x.dim() - 1))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
