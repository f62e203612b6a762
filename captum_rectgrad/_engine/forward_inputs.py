"""What a model is called with, whole and in parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from torch import Tensor

from captum_rectgrad._engine.captum_compat import TargetType


@dataclass(frozen=True)
class ForwardInputs:
    """What `attribute` was called with.

    Attributes:
        inputs: each `(N, ...)`.
        target: any of Captum's forms.
        args: additional arguments of the model.
    """

    inputs: tuple[Tensor, ...]
    target: TargetType
    args: tuple[Any, ...]

    @property
    def samples(self) -> int:
        """`N`."""
        return int(self.inputs[0].shape[0])

    @property
    def has_ambiguous_arguments(self) -> bool:
        """Whether there are tensors among `args` that may or may not belong to samples."""
        return any(_may_belong_to_samples(argument, self.samples) for argument in self.args)

    def parts(self, size: int) -> Iterator["ForwardInputs"]:
        """The same call, a few samples at a time.

        As in Captum, what has one entry per sample is divided: lists and tensors of targets, and
        tensors among the additional arguments whose dimension 0 is the batch's.

        Args:
            size: samples in a part, at least 1; the last may have fewer.

        Raises:
            AssertionError: there are more or fewer targets than samples, as in Captum's methods.
        """
        if _per_sample(self.target) and len(self.target) != self.samples:
            raise AssertionError(f"{len(self.target)} targets for {self.samples} samples")
        for start in range(0, self.samples, size):
            part = slice(start, start + size)
            yield ForwardInputs(
                tuple(tensor[part] for tensor in self.inputs),
                self.target[part] if _per_sample(self.target) else self.target,
                tuple(self._argument(argument, part) for argument in self.args),
            )

    def _argument(self, argument: Any, part: slice) -> Any:
        whole = not isinstance(argument, Tensor) or argument.shape[:1] != (self.samples,)
        return argument if whole else argument[part]


def _per_sample(target: TargetType) -> TypeGuard[Tensor | list[Any]]:
    return isinstance(target, list) or (isinstance(target, Tensor) and target.numel() > 1)


def _may_belong_to_samples(argument: Any, samples: int) -> bool:
    """Whether it is a tensor as long as the batch, or may have some inside."""
    if isinstance(argument, Tensor):
        return argument.shape[:1] == (samples,)
    return not isinstance(argument, int | float | str | None)
