"""Values of weights: numbers that no trained network has are refused."""

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rectgrad_zoo.errors import ZooError

_NAMES_SHOWN = 5


def check_finite(tensors: Mapping[str, Tensor], what: str) -> None:
    """Refuse weights that are not finite.

    Args:
        tensors: State dict.
        what: Name of the network, for the error.

    Raises:
        ZooError: If a value is infinite or NaN.
    """
    wrong = _not_finite(tensors)
    if wrong:
        raise ZooError(
            f"{what} has diverged: got infinite or NaN values in {some_names(wrong)}. "
            "Train with a smaller learning_rate."
        )


def check_values(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Refuse weights that no network has, and warn about a classifier of zeros.

    Args:
        model: A model that the tensors fit, for its types and the names of its parameters.
        tensors: State dict.
        where: Source of the tensors, for the error.

    Raises:
        ZooError: If a value is infinite or NaN in the model's type, or every weight is zero.
    """
    own = model.state_dict()
    wrong = [name for name in own if _not_finite({name: tensors[name].to(own[name].dtype)})]
    if wrong:
        raise ZooError(
            f"{where} has infinite or NaN values in {some_names(wrong)}: the file is damaged, or "
            "the training diverged."
        )
    weights = [name for name, _ in model.named_parameters() if name in tensors]
    zero = [name for name in weights if not bool(tensors[name].any())]
    if weights and len(zero) == len(weights):
        raise ZooError(f"{where} has weights of zero only, so every prediction is the same.")
    config = getattr(model, "pretrained_cfg", None) or {}
    named = config.get("classifier") or ()
    classifiers = {f"{name}.weight" for name in ((named,) if isinstance(named, str) else named)} | {
        "classifier.weight"
    }
    if found := classifiers.intersection(zero):
        warnings.warn(
            f"{where} has a classifier of zeros ({', '.join(sorted(found))}): every prediction is "
            "the same and every attribution is zero",
            stacklevel=2,
        )


def _not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]


def some_names(names: list[str]) -> str:
    """The first five names, and the number of the others."""
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
