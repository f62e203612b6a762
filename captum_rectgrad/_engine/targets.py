"""Captum's targets, with its errors said in words."""

from torch import Tensor

from captum_rectgrad._engine.captum_compat import TargetType, select_targets
from captum_rectgrad._engine.validation import has_concrete_values


def select(output: object, target: TargetType) -> Tensor:
    """The scalar of each sample that is attributed.

    Args:
        output: the model's output, `(N, classes)` or `(N, ...)`.
        target: any of Captum's forms.

    Returns:
        `(N,)`.

    Raises:
        TypeError: the output is no tensor.
        AssertionError: the target does not fit the output, as in Captum's methods.
    """
    if not isinstance(output, Tensor):
        raise TypeError(
            f"the model must return a tensor, got {type(output).__name__}; wrap it in a module "
            "that returns the logits"
        )
    # Checked before indexing: on a GPU an index out of range kills the whole process.
    _check_range(output, target)
    selected: Tensor = select_targets(output, target)
    if selected.dim() == 0 or selected[0].numel() != 1:
        raise AssertionError(
            f"the output has shape {tuple(output.shape)} and target {target!r} leaves "
            f"{tuple(selected.shape)}: choose one number per sample with target"
        )
    return selected


def _check_range(output: Tensor, target: TargetType) -> None:
    if isinstance(target, Tensor):
        if not has_concrete_values(target):
            return
        rows: list[tuple[int, ...]] = [(index,) for index in target.reshape(-1).tolist()]
    elif isinstance(target, list):
        rows = [row if isinstance(row, tuple) else (row,) for row in target]
    elif isinstance(target, tuple):
        rows = [target]
    elif isinstance(target, int):
        rows = [(target,)]
    else:
        return  # None, or a type that Captum refuses itself
    for row in rows:
        for index, size in zip(row, output.shape[1:], strict=False):
            if isinstance(index, int) and not -size <= index < size:
                raise AssertionError(
                    f"target {index} is out of range: the output has shape "
                    f"{tuple(output.shape)}, so targets run from 0 to {size - 1}"
                )
