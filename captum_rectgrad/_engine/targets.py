"""Selection of targets as in Captum, with explicit errors, and functions as targets."""

from collections.abc import Sequence

from torch import Tensor

from captum_rectgrad._engine.captum_compat import TargetType, select_targets
from captum_rectgrad._engine.outputs import select_output


def select(
    output: object, target: TargetType, target_values: Sequence[int] | None = None
) -> Tensor:
    """The attributed number of each sample.

    Args:
        output: return value of the model, with the tensor `(N, classes)` or `(N, ...)`.
        target: target as in Captum, or function from the return value to one number per sample.
        target_values: elements of a target tensor, if they can be read.

    Returns:
        The selected numbers, `(N,)`.

    Raises:
        TypeError: the return value has no tensor that `select_output` can choose, or the function
            returns no tensor.
        AssertionError: the target does not fit the output, as in Captum.
    """
    if callable(target):
        scores: object = target(output)
        if not isinstance(scores, Tensor):
            raise TypeError(
                f"target {target!r} must return a tensor with one number per sample, got "
                f"{type(scores).__name__}"
            )
        return scores
    output = select_output(output)
    # Checked before indexing, since an index out of range on a GPU aborts the process.
    _check_fits(output, target, target_values)
    selected: Tensor = select_targets(output, target)
    if selected.dim() == 0 or selected[0].numel() != 1:
        raise AssertionError(
            f"target {target!r} selects {tuple(selected.shape)} from an output of shape "
            f"{tuple(output.shape)}; choose one number per sample with target"
        )
    return selected


def _check_fits(output: Tensor, target: TargetType, target_values: Sequence[int] | None) -> None:
    if isinstance(target, Tensor):
        rows: list[tuple[int, ...]] = [(index,) for index in target_values or ()]
    elif isinstance(target, list):
        rows = [row if isinstance(row, tuple) else (row,) for row in target]
    elif isinstance(target, tuple):
        rows = [target]
    elif isinstance(target, int):
        rows = [(target,)]
    else:
        return  # None, or a type that Captum refuses itself
    for row in rows:
        if row and output.dim() == 1:
            raise AssertionError(
                f"target {target!r} does not fit an output of shape {tuple(output.shape)}, which "
                "is one number per sample already; drop target"
            )
        for index, size in zip(row, output.shape[1:], strict=False):
            if isinstance(index, int) and not -size <= index < size:
                raise AssertionError(
                    f"target {index} is out of range for an output of shape "
                    f"{tuple(output.shape)}; use a target from 0 to {size - 1}"
                )
