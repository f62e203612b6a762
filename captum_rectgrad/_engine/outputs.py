"""The tensor that is attributed, in what a model returns."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn

# Key, index or function that chooses a tensor; None for the default of `select_output`.
OutputChoice = str | int | Callable[[Any], Tensor] | None

# Names of the logits, in transformers and in the segmentation networks of torchvision.
_LOGITS = ("logits", "out")


def select_output(returned: object, output: OutputChoice = None) -> Tensor:
    """The tensor that is attributed.

    Args:
        returned: return value of a model: a tensor, or a dict, tuple, list or dataclass with
            tensors, such as a `ModelOutput` of transformers.
        output: key or index of the tensor, or function from the return value to the tensor. None
            for the return value if it is a tensor, else its item `logits`, else its item `out`,
            else its only tensor.

    Returns:
        The tensor, of any shape.

    Raises:
        TypeError: no tensor is found, or several without one of these names.
        ValueError: the return value has no item `output`.
    """
    if output is None:
        return returned if isinstance(returned, Tensor) else _logits(returned)
    chosen = output(returned) if callable(output) else _item(returned, output)
    if not isinstance(chosen, Tensor):
        raise TypeError(
            f"output={output!r} selects a {type(chosen).__name__}, expected a tensor; the model "
            f"returned {_described(returned)}"
        )
    return chosen


def check_output(output: object) -> OutputChoice:
    """Refuse what is no choice of an output.

    Raises:
        TypeError: it is neither None, a string, an integer nor a function.
    """
    if isinstance(output, bool) or not (
        output is None or isinstance(output, str | int) or callable(output)
    ):
        raise TypeError(
            "output must be a key, an index or a function from the model's return value to a "
            f"tensor, got {output!r}"
        )
    return output


class SelectedOutput(nn.Module):
    """A model that returns one tensor of what another model returns.

    It serves Captum's methods, which expect a tensor. RectGrad and its relatives have the argument
    `output`.

    Args:
        model: any model.
        output: as in `RectGrad`; also a target of `captum_rectgrad.targets`.

    Raises:
        TypeError: `output` is neither None, a string, an integer nor a function.

    Examples:
        >>> import torch
        >>> from captum.attr import Saliency
        >>> from captum_rectgrad import SelectedOutput
        >>> from torch import nn
        >>> class Classifier(nn.Linear):
        ...     def forward(self, x):
        ...         return {"logits": super().forward(x), "features": x}
        >>> model = SelectedOutput(Classifier(12, 5))
        >>> x = torch.rand(2, 12, requires_grad=True)
        >>> Saliency(model).attribute(x, target=3).shape
        torch.Size([2, 12])
    """

    def __init__(self, model: nn.Module, output: OutputChoice = None) -> None:
        super().__init__()
        self.model = model
        self.output = check_output(output)
        self.training = model.training

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Run the model.

        Args:
            *args: arguments of the model.
            **kwargs: keyword arguments of the model.

        Returns:
            The tensor, of any shape.

        Raises:
            TypeError, ValueError: `output` does not fit the return value.
        """
        return select_output(self.model(*args, **kwargs), self.output)


def _logits(returned: object) -> Tensor:
    items = _items(returned)
    for name in _LOGITS:
        if isinstance(found := items.get(name), Tensor):
            return found
    tensors = [item for item in items.values() if isinstance(item, Tensor)]
    if len(tensors) == 1:
        return tensors[0]
    raise TypeError(
        f"the model must return a tensor, got {_described(returned)}; choose a tensor in it with "
        "output=, a key, an index or a function. By default it is logits, out, or the only tensor"
    )


def _item(returned: object, key: str | int) -> object:
    items = _items(returned)
    if key in items:
        return items[key]
    if isinstance(key, int) and -len(items) <= key < len(items):
        return list(items.values())[key]
    raise ValueError(f"the model has no output {key!r}: it returned {_described(returned)}")


def _items(returned: object) -> dict[Any, object]:
    """The parts of a return value by key or index; empty for a tensor."""
    if isinstance(returned, Mapping):
        return dict(returned)
    if isinstance(returned, tuple) and hasattr(returned, "_asdict"):
        named: dict[Any, object] = returned._asdict()
        return named
    if isinstance(returned, tuple | list):
        return dict(enumerate(returned))
    if is_dataclass(returned):
        return {part.name: getattr(returned, part.name) for part in fields(returned)}
    return {}


def _described(returned: object) -> str:
    """Type of a return value, and the keys of its parts with the shapes of tensors."""
    if isinstance(returned, Tensor):
        return f"a tensor of shape {tuple(returned.shape)}"
    parts = ", ".join(
        f"{key!r} {tuple(item.shape) if isinstance(item, Tensor) else type(item).__name__}"
        for key, item in _items(returned).items()
    )
    return type(returned).__name__ + (f" with {parts}" if parts else "")
