"""The table of translations from ATen's operators to ONNX."""

from collections.abc import Callable
from typing import Any

from captum_rectgrad.errors import RectGradError

# From the writer and the arguments of the operator to the names of the results.
Translation = Callable[..., Any]
TRANSLATIONS: dict[str, Translation] = {}


class UnsupportedOperatorError(RectGradError):
    """An operator of the graph has no translation to ONNX.

    Args:
        operators: names of the operators.
        is_of_size: whether there is one for inputs of a fixed shape.
    """

    def __init__(self, operators: list[str], *, is_of_size: bool = False) -> None:
        super().__init__(
            f"the model cannot be exported to ONNX: no translation for {', '.join(operators)}; "
            "replace the layers that use them, or choose a network from a family that "
            "docs/onnx-support.md lists"
        )
        self.operators = operators
        self.is_of_size = is_of_size


def translates(*operators: str) -> Callable[[Translation], Translation]:
    """Register a function as the translation of operators.

    Args:
        *operators: names without namespace and overload, such as `"relu"`.
    """

    def register(translation: Translation) -> Translation:
        TRANSLATIONS.update(dict.fromkeys(operators, translation))
        return translation

    return register
