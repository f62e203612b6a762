"""One forward and backward pass under the rules: what happens at each call of each operation.

The gradient is changed at nodes of the autograd graph that belong to one call, never at a tensor
that others share. So a module may be called several times, its input may feed a skip connection
too, it may work in place, and its output may be changed in place afterwards.

- ReLU is replaced in the graph by a node whose backward is the rule: where the score allows, the
  gradient passes inactive units too, which ReLU's own backward cannot do (listing 1).
- Any other activation keeps its own backward, f'(z); a hook of its node zeroes the gradient before
  that, and so does one for the border at a padded convolution (listing 2).
- Max-pooling under PRR is replaced like ReLU (listing 3).

Who calls these, for modules and for functions: `hooks.py` and `functions.py`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from captum_rectgrad.escapes import mark_known
from captum_rectgrad.nodes import OverwrittenError, Rectify, RectifyInPlace, Redistribute
from captum_rectgrad.padding import padded_dims, zero_border
from captum_rectgrad.pooling import WindowMean
from captum_rectgrad.settings import Settings
from captum_rectgrad.windows import Windows

# Attribute of an operand that is not the tensor a model called an activation with: that tensor.
_STANDS_FOR = "_rectgrad_stands_for"


class MixedSamplesError(RuntimeError):
    """An activation's dimension 0 is not the samples: they cannot have their own thresholds."""


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
        settings: which activations are rectified, and how.
        batch: number of samples.
        copies: whether activations are kept as copies, for models that change them in place.
        shapes: of the activations that the forward pass met, in order.
        reordered: whether dimension 0 of some tensor may no longer be the samples.
        escaped: filled by the backward pass: kinds of activations that nobody dealt with.
        gates: filled by the backward pass, from the output towards the input.
        thread: the thread whose pass this is; the others must not notice.
        running: hooked modules whose forward has begun and not ended, the innermost last, and
            whether each is an activation, and the node behind its input when it began.
        idle: whether function calls are left alone, as they are not the model's.
    """

    settings: Settings
    batch: int
    copies: bool
    shapes: list[torch.Size] = field(default_factory=list)
    reordered: bool = False
    escaped: set[str] = field(default_factory=set)
    gates: list[Gate] = field(default_factory=list)
    thread: int = field(default_factory=threading.get_ident)
    running: list[tuple[nn.Module, bool, Node | None]] = field(default_factory=list)
    idle: bool = False

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Leave function calls alone: what a user computes from the model's output or a layer."""
        self.idle = True
        try:
            yield
        finally:
            self.idle = False

    def enter(self, module: nn.Module, x: object, *, activation: bool) -> None:
        """Note that the forward of a hooked module begins, on `x`."""
        node = x.grad_fn if isinstance(x, Tensor) else None
        self.running.append((module, activation, node))

    def leave(self, module: nn.Module) -> Node | None:
        """Note that it ended. It may not have begun: a hook of the user's may have raised.

        Returns:
            The node behind its input when it began.
        """
        if self.running and self.running[-1][0] is module:
            return self.running.pop()[2]
        return None

    @property
    def inside_module(self) -> bool:
        """Whether the forward of a hooked module is running."""
        return bool(self.running)

    @property
    def inside_activation(self) -> bool:
        """Whether that of an activation is: what it calls is part of it, and handled with it."""
        return any(activation for _, activation, _ in self.running)

    def foreign(self) -> bool:
        """Whether another thread is calling the model."""
        return threading.get_ident() != self.thread

    def operand(self, z: Tensor, *, relu: bool, in_place: bool) -> Tensor:
        """What an activation is to be applied to, so that the rule can be put onto it afterwards.

        It is `z` itself but for in-place operations: a ReLU then runs outside the graph, on an
        alias; another activation of a view runs on a copy, since the graph behind a view is
        rewritten when the view is changed.
        """
        if not in_place or not z.requires_grad or not torch.is_grad_enabled():
            return z
        if not relu and not z._is_view():  # noqa: SLF001
            return z
        operand = z.detach() if relu else z.clone()
        setattr(operand, _STANDS_FOR, z)
        return operand

    def activation_applied(
        self, name: str, operand: Tensor, a: Tensor, before: Node | None, *, relu: bool
    ) -> Tensor:
        """Put the rule onto an activation.

        Args:
            name: of it, for messages.
            operand: what it was applied to.
            a: what it returned.
            before: the node behind the operand when it was called.
            relu: whether it is a ReLU.

        Returns:
            What the model is to go on with: where the activation worked in place, the very tensor
            it was called with.
        """
        z: Tensor = getattr(operand, _STANDS_FOR, operand)
        if not z.requires_grad or not torch.is_grad_enabled():
            return a
        self.shapes.append(a.shape)
        in_place = a is operand
        rule = partial(self._rectify, name)
        if relu:
            rectified: Tensor = (
                RectifyInPlace.apply(z, rule, self.copies)
                if in_place
                else Rectify.apply(z, a.detach(), rule, self.copies)
            )
            mark_known(rectified, before)
            return rectified
        mark_known(a, before)
        kept = a.detach().clone() if self.copies and in_place else a.detach()
        _before_backward_of(a, partial(self._gate, name, kept, _changes(kept)))
        if in_place:
            return a if z is operand else z.copy_(a)
        return a.clone() if self.copies else a

    def convolution_applied(self, windows: Windows, x: Tensor, y: Tensor) -> None:
        """Put the padding trick before the backward of a convolution that made `y` of `x`."""
        padded = padded_dims(windows, x.shape, y.shape)
        if padded and y.requires_grad:
            _before_backward_of(y, partial(zero_border, dims=padded))

    def normalised(self, y: Tensor) -> None:
        """Have the backward of a batch normalisation that made `y` work on a plain layout.

        On the CPU PyTorch (2.15) mixes channels up where there is one sample, and the gradient is
        laid out channels last but the input is not: a map of PyTorch's own gradient would be wrong.
        """
        if y.requires_grad and y.device.type == "cpu" and y.shape[0] == 1:
            _before_backward_of(y, Tensor.contiguous)

    def pool_applied(
        self, x: Tensor, output: Any, mean: Callable[[Sequence[int]], WindowMean]
    ) -> Any:
        """Stand in for a max-pooling of `x`, with PRR as its backward.

        Args:
            x: its input.
            output: what it returned, perhaps with indices.
            mean: from the output's shape to the average pooling of the same windows.

        Returns:
            The same, with PRR behind it.
        """
        y, *indices = output if isinstance(output, tuple) else (output,)
        if not y.requires_grad:
            return output
        before = x.grad_fn
        node = Redistribute.apply(x, y.detach(), mean(y.shape), self.copies)
        mark_known(node, before)
        return (node, *indices) if indices else node

    def _gate(self, name: str, kept: Tensor, changes: int, gradient: Tensor) -> Tensor:
        if _changes(kept) != changes:
            raise OverwrittenError(name)
        return self._rectify(name, kept, gradient)

    def _rectify(self, name: str, activation: Tensor, gradient: Tensor) -> Tensor:
        if self.batch > 1 and (activation.dim() == 0 or activation.shape[0] != self.batch):
            raise MixedSamplesError(name)
        if not activation.numel():
            nobody_missed = activation.new_ones(self.batch, dtype=torch.bool)
            self.gates.append(Gate(name, 0, nobody_missed))
            return gradient
        # The graph is walked from the output: the first gate is the last hidden activation.
        kept = self.settings.selection.kept(
            activation, gradient, samples=self.batch, last_hidden=not self.gates
        )
        self.gates.append(Gate(name, kept.shape[1], kept.any(dim=1)))
        return torch.where(kept.reshape(gradient.shape), gradient, 0)


def _before_backward_of(tensor: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    """Change the gradient that the node behind a tensor works on.

    It is a hook of the node, not of the tensor: the gradient that arrives at the tensor stays what
    it is, for whoever asks for it there.
    """
    node, index = tensor.grad_fn, tensor.output_nr
    if node is None:  # a tensor of the user's own: there is nothing behind it
        return

    def prehook(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...] | None:
        gradient = gradients[index]
        if gradient is None:
            return None
        return (*gradients[:index], change(gradient), *gradients[index + 1 :])

    node.register_prehook(prehook)


def _changes(tensor: Tensor) -> int:
    """How often a tensor was changed in place, as PyTorch's notes on autograd document it."""
    return tensor._version  # noqa: SLF001
