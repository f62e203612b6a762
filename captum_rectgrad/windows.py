"""The windows of a convolution or a pooling."""

from collections.abc import Sequence
from dataclasses import dataclass

Sizes = int | Sequence[int]


@dataclass(frozen=True)
class Windows:
    """How a convolution or a pooling walks over its input, by spatial dimension.

    Attributes:
        kernel: positions of a window.
        stride: from one window to the next.
        padding: at either end, as declared; `"same"` and `"valid"` count as 0.
        dilation: from one position of a window to the next.
        ceil_mode: whether a window may begin within the input and end beyond the padding.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False

    @classmethod
    def of(
        cls,
        dims: int,
        kernel: Sizes,
        stride: Sizes | None,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> "Windows":
        """From PyTorch's arguments, where one number may stand for all dimensions."""
        kernel = _each(kernel, dims)
        return cls(
            kernel,
            _each(stride, dims) if stride else kernel,
            _each(0 if isinstance(padding, str) else padding, dims),
            _each(dilation, dims),
            ceil_mode,
        )

    @property
    def spans(self) -> tuple[int, ...]:
        """Positions from the first to the last of a window, both included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def _each(value: Sizes, dims: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * dims if len(values) == 1 else values
