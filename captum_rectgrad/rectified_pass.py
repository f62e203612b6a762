"""One forward and backward pass under the rules: what happens at each call of each operation.

The gradient is changed at nodes of the autograd graph that belong to one call, never at a tensor
that others share. So a module may be called several times, its input may feed a skip connection
too, it may work in place, and its output may be changed in place afterwards.

- ReLU is replaced in the graph by a node whose backward is the rule: where the score allows, the
  gradient passes inactive units too, which ReLU's own backward cannot do (listing 1).
- Any other activation keeps its own backward, f'(z); a hook on its output zeroes the gradient
  before that, and so does one for the border at a padded convolution (listing 2).
- Max-pooling under PRR is replaced like ReLU (listing 3).

Who calls these, for modules and for functions: `hooks.py` and `functions.py`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from captum_rectgrad.activations import Choice
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.nodes import OverwrittenError, Rectify, RectifyInPlace, Redistribute
from captum_rectgrad.padding import zero_border
from captum_rectgrad.pooling import WindowMean
from captum_rectgrad.rules import Selection


@dataclass(frozen=True)
class Gate:
    """What one activation call let through.

    Attributes:
        name: the module's name in the model and its class, or the function's name.
        units: elements per sample.
        passed: `(N,)`, boolean: whether anything passed, by sample.
    """

    name: str
    units: int
    passed: Tensor


@dataclass
class RectifiedPass:
    """State of one pass.

    Attributes:
        selection: which units of an activation pass.
        choice: which activations are rectified.
        batch: number of samples.
        padding_trick: whether the border is zeroed at padded convolutions.
        prr: whether max-pooling redistributes.
        copies: whether activations are kept as copies, for models that change them in place.
        gates: filled by the backward pass, from the output towards the input.
        thread: the thread whose pass this is; the others must not notice.
        running: hooked modules whose forward has begun and not ended, the innermost last.
    """

    selection: Selection
    choice: Choice
    batch: int
    padding_trick: bool
    prr: bool
    copies: bool
    gates: list[Gate] = field(default_factory=list)
    thread: int = field(default_factory=threading.get_ident)
    running: list[nn.Module] = field(default_factory=list)

    def enter(self, module: nn.Module) -> None:
        """Note that the forward of a hooked module begins."""
        self.running.append(module)

    def leave(self, module: nn.Module) -> None:
        """Note that it ended. It may not have begun: a hook of the user's may have raised."""
        if self.inside_module and self.running[-1] is module:
            self.running.pop()

    @property
    def inside_module(self) -> bool:
        """Whether the forward of a hooked module is running."""
        return bool(self.running)

    def foreign(self) -> bool:
        """Whether another thread is calling the model."""
        return threading.get_ident() != self.thread

    def relu(self, name: str, z: Tensor, relu: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a ReLU, which may work in place, with the rule as its backward.

        It runs outside the graph, on an alias of `z`.
        """
        alias = z.detach()
        return self.relu_applied(name, z, alias, relu(alias))

    def relu_applied(self, name: str, z: Tensor, alias: Tensor, a: Tensor) -> Tensor:
        """Stand in for a ReLU that was applied to `alias`, a detached `z`, and returned `a`."""
        rule = partial(self._rectify, name)
        node: Tensor = (
            RectifyInPlace.apply(z, rule, self.copies)
            if a is alias
            else Rectify.apply(z, a, rule, self.copies)
        )
        return node

    def activation_applied(self, name: str, a: Tensor, *, in_place: bool) -> Tensor:
        """Put the rule before the backward of any other activation, which returned `a`."""
        if not a.requires_grad:
            return a
        kept = a.detach().clone() if self.copies and in_place else a.detach()
        # PyTorch's notes on autograd document this counter of changes in place.
        version = kept._version  # noqa: SLF001

        def gate(gradient: Tensor) -> Tensor:
            if kept._version != version:  # noqa: SLF001
                raise OverwrittenError(name)
            return self._rectify(name, kept, gradient)

        a.register_hook(gate)  # type: ignore[no-untyped-call]
        return a.clone() if self.copies and not in_place else a

    def convolution_applied(self, y: Tensor, padded: tuple[int, ...]) -> None:
        """Put the padding trick before the backward of a convolution that padded these dims."""
        if padded and y.requires_grad:
            y.register_hook(partial(zero_border, dims=padded))  # type: ignore[no-untyped-call]

    def pool_applied(self, x: Tensor, y: Tensor, mean: WindowMean) -> Tensor:
        """Stand in for a max-pooling that made `y` of `x`, with PRR as its backward."""
        node: Tensor = Redistribute.apply(x, y.detach(), mean, self.copies)
        return node

    def _rectify(self, name: str, activation: Tensor, gradient: Tensor) -> Tensor:
        if self.batch > 1 and (activation.dim() == 0 or activation.shape[0] != self.batch):
            raise RectGradError(
                f"{name} was called with {tuple(activation.shape)} in a batch of {self.batch}: "
                "thresholds are per sample, and its dimension 0 is not the samples; attribute one "
                "sample at a time"
            )
        # The graph is walked from the output: the first gate is the last hidden activation.
        kept = self.selection.kept(
            activation, gradient, samples=self.batch, last_hidden=not self.gates
        )
        self.gates.append(Gate(name, kept.shape[1], kept.any(dim=1)))
        return torch.where(kept.reshape(gradient.shape), gradient, 0)
