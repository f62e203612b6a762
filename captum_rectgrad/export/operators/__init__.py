"""Translations of ATen's operators to ONNX, a file for each family."""

from captum_rectgrad.export.operators import (  # noqa: F401 (they fill the table)
    activations,
    convolution,
    elementwise,
    interpolation,
    normalisation,
    pooling,
    reductions,
    selection,
    shapes,
)
from captum_rectgrad.export.operators.registry import (
    TRANSLATIONS,
    Translation,
    UnsupportedOperatorError,
)

__all__ = ["TRANSLATIONS", "Translation", "UnsupportedOperatorError"]
