"""The arguments of a model, for a batch and its parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from torch import Tensor

from captum_rectgrad._engine.captum_compat import TargetType


@dataclass(frozen=True)
class ForwardInputs:
    """The arguments of `attribute`.

    Attributes:
        inputs: input tensors, `(N, ...)` each.
        target: target as in Captum.
        args: additional arguments of the model.
        target_values: elements of the target of the whole batch, if it is a tensor whose values
            can be read.
    """

    inputs: tuple[Tensor, ...]
    target: TargetType
    args: tuple[Any, ...]
    target_values: list[int] | None = None

    @property
    def samples(self) -> int:
        """`N`."""
        return int(self.inputs[0].shape[0])

    @property
    def has_ambiguous_arguments(self) -> bool:
        """Whether `args` contains tensors or containers that may belong to samples."""
        return any(_may_belong_to_samples(argument, self.samples) for argument in self.args)

    def parts(self, size: int) -> Iterator["ForwardInputs"]:
        """Split the batch into parts.

        As in Captum, lists and tensors of targets are split, and additional tensors with the
        length of the batch.

        Args:
            size: number of samples per part, at least 1. The last part may be smaller.

        Raises:
            AssertionError: the number of targets differs from the number of samples, as in Captum.
        """
        if _per_sample(self.target) and len(self.target) != self.samples:
            raise AssertionError(
                f"got {len(self.target)} targets for {self.samples} samples; pass one per sample"
            )
        for start in range(0, self.samples, size):
            part = slice(start, start + size)
            yield ForwardInputs(
                tuple(tensor[part] for tensor in self.inputs),
                self.target[part] if _per_sample(self.target) else self.target,
                tuple(self._argument(argument, part) for argument in self.args),
                self.target_values,
            )

    def _argument(self, argument: Any, part: slice) -> Any:
        whole = not isinstance(argument, Tensor) or argument.shape[:1] != (self.samples,)
        return argument if whole else argument[part]


def _per_sample(target: TargetType) -> TypeGuard[Tensor | list[Any]]:
    return isinstance(target, list) or (isinstance(target, Tensor) and target.numel() > 1)


def _may_belong_to_samples(argument: Any, samples: int) -> bool:
    """Whether an argument is a tensor with the length of the batch, or a container."""
    if isinstance(argument, Tensor):
        return argument.shape[:1] == (samples,)
    return not isinstance(argument, int | float | str | None)
