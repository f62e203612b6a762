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
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from captum_rectgrad.buffers import Buffers
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.escapes import made_before, mark_known
from captum_rectgrad.nodes import (
    OverwrittenError,
    Rectify,
    RectifyInPlace,
    Redistribute,
    not_the_models,
)
from captum_rectgrad.padding import padded_dims, zero_border, zero_border_
from captum_rectgrad.pooling import WindowMean
from captum_rectgrad.rules import leave_alone
from captum_rectgrad.settings import Settings
from captum_rectgrad.windows import Windows


class MixedSamplesError(RuntimeError):
    """An activation's dimension 0 is not the samples: they cannot have their own thresholds.

    Attributes:
        scalars: what the model computed, `(N,)`.
    """

    def __init__(self, scalars: Tensor) -> None:
        super().__init__("samples are mixed")
        self.scalars = scalars


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
class Running:
    """A call of an operation that has begun.

    Attributes:
        z: what it was called with.
        begun: `escapes.made_before` of that.
        module: which module was called, if one was.
        activation: whether it is an activation.
        operand: what it is applied to instead: itself, a copy or an alias.
    """

    z: Tensor
    begun: int
    module: nn.Module | None = None
    activation: bool = True
    operand: Tensor | None = None


@dataclass
class RectifiedPass:
    """State of one pass.

    Attributes:
        settings: which activations are rectified, and how.
        batch: number of samples.
        copies: whether activations are kept as copies, for models that change them in place.
        shapes: of the activations that the forward pass met, in order.
        scalars: what is attributed, once it is computed.
        forward: whether the forward pass is running; a checkpoint calls parts of it again later.
        differentiating: whether the backward pass is.
        closed: whether all is over.
        reordered: whether dimension 0 of some tensor may no longer be the samples.
        escaped: filled by the backward pass: kinds of activations that nobody dealt with.
        gates: filled by the backward pass, from the output towards the input.
        thread: the thread whose pass this is; the others must not notice.
        running: calls of hooked modules that have begun and not ended, the innermost last.
        idle: whether function calls are left alone, as they are not the model's.
        buffers: memory of the backward pass.
        at_layers: whether gradients at hidden tensors are asked for.
        padded: the output of the last padded convolution, and along which dimensions it padded.
        bordered: what a ReLU passed on to its convolution, with the border already zero.
    """

    settings: Settings
    batch: int
    copies: bool
    shapes: list[torch.Size] = field(default_factory=list)
    scalars: Tensor = field(default_factory=lambda: torch.empty(0))
    forward: bool = True
    differentiating: bool = False
    closed: bool = False
    reordered: bool = False
    escaped: set[str] = field(default_factory=set)
    gates: list[Gate] = field(default_factory=list)
    thread: int = field(default_factory=threading.get_ident)
    running: list[Running] = field(default_factory=list)
    idle: bool = False
    buffers: Buffers = field(default_factory=Buffers)
    at_layers: bool = False
    padded: tuple[weakref.ref[Tensor], int, tuple[int, ...]] | None = None
    bordered: Tensor | None = None

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Leave function calls alone: what a user computes from the model's output or a layer."""
        self.idle = True
        try:
            yield
        finally:
            self.idle = False

    def enter(self, module: nn.Module, z: Tensor, *, activation: bool) -> Running:
        """Note that the forward of a hooked module begins, on `z`."""
        self.running.append(Running(z, made_before(z), module, activation, z))
        return self.running[-1]

    def leave(self, module: nn.Module) -> Running | None:
        """Note that it ended. It may not have begun: a hook of the user's may have raised."""
        if self.running and self.running[-1].module is module:
            return self.running.pop()
        return None

    @property
    def inside_module(self) -> bool:
        """Whether the forward of a hooked module is running."""
        return bool(self.running)

    @property
    def inside_activation(self) -> bool:
        """Whether that of an activation is: what it calls is part of it, and handled with it."""
        return any(running.activation for running in self.running)

    def foreign(self) -> bool:
        """Whether this call of the model is none of this pass's, as in another thread."""
        # Closed: an interrupt may have kept a hook from being removed.
        return self.closed or threading.get_ident() != self.thread

    @contextmanager
    def backward(self) -> Iterator[None]:
        """While this pass differentiates."""
        self.differentiating = True
        try:
            yield
        finally:
            self.differentiating = False

    def check_backward(self) -> None:
        """Refuse to change the gradient of anybody else, such as the model's own forward."""
        if not self.differentiating:
            raise RectGradError(
                "the model differentiates in its own forward, through activations that RectGrad "
                "changes the gradient of: it would compute something else. It cannot be served"
            )

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
        return z.detach() if relu else z.clone()

    def activation_applied(self, name: str, call: Running, a: Tensor, *, relu: bool) -> Tensor:
        """Put the rule onto an activation.

        Args:
            name: of it, for messages.
            call: of it, with its operand.
            a: what it returned.
            relu: whether it is a ReLU.

        Returns:
            What the model is to go on with: where the activation worked in place, the very tensor
            it was called with.
        """
        z, operand = call.z, call.operand
        if not z.requires_grad or not torch.is_grad_enabled():
            return a
        if self.forward:
            self.shapes.append(a.shape)
        in_place = a is operand
        if relu:
            rule = partial(self._rectify, name, border=self._padded_before(z))
            rectified: Tensor = (
                RectifyInPlace.apply(z, rule, self.copies)
                if in_place
                else Rectify.apply(z, a.detach(), rule, self.copies)
            )
            return rectified
        if not a.is_complex():  # of which no score is greater than another
            mark_known(a, call.begun)
            kept = a.detach().clone() if self.copies and in_place else a.detach()
            _before_backward_of(a, partial(self._gate, name, kept, _changes(kept)))
        if in_place:
            return a if z is operand else z.copy_(a)
        return a.clone() if self.copies else a

    def convolution_applied(self, windows: Windows, x: Tensor, y: Tensor) -> None:
        """Put the padding trick before the backward of a convolution that made `y` of `x`."""
        padded = padded_dims(windows, x.shape, y.shape)
        if padded and y.requires_grad:
            _before_backward_of(y, partial(self._zero_border, padded))
            self.padded = (weakref.ref(y), _changes(y), padded)

    def _padded_before(self, z: Tensor) -> tuple[int, ...]:
        """Along which dimensions to zero the border for the convolution that made `z`.

        What a ReLU passes on is its own new tensor, of which the border alone can be written to.
        """
        if self.padded is None or self.at_layers:
            return ()
        output, changes, dims = self.padded
        watched = z.retains_grad or z._backward_hooks  # noqa: SLF001 (they see the border)
        return dims if output() is z and _changes(z) == changes and not watched else ()

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
        windows = mean(y.shape)

        def checked(z: Tensor) -> Tensor:
            self.check_backward()
            return windows(z)

        node = Redistribute.apply(x, y.detach(), checked, self.copies)
        return (node, *indices) if indices else node

    def _zero_border(self, dims: tuple[int, ...], gradient: Tensor) -> Tensor:
        self.check_backward()
        done, self.bordered = self.bordered is gradient, None
        return gradient if done else zero_border(gradient, dims, self.buffers.empty_like)

    def _gate(self, name: str, kept: Tensor, changes: int, gradient: Tensor) -> Tensor:
        if _changes(kept) != changes:
            raise OverwrittenError(name)
        return self._rectify(name, kept, gradient, derived=True)

    def _rectify(
        self,
        name: str,
        activation: Tensor,
        gradient: Tensor,
        *,
        derived: bool = False,
        border: tuple[int, ...] = (),
    ) -> Tensor:
        self.check_backward()
        if self.batch > 1 and (activation.dim() == 0 or activation.shape[0] != self.batch):
            raise MixedSamplesError(self.scalars)
        if not activation.numel():
            nothing_held_back = activation.new_ones(self.batch, dtype=torch.bool)
            self.gates.append(Gate(name, 0, nothing_held_back))
            return gradient
        # The graph is walked from the output: the first gate is the last hidden activation.
        passing, passed = self.settings.gating.passed_on(
            activation,
            gradient,
            samples=self.batch,
            last_hidden=not any(gate.units for gate in self.gates),
            derived=derived,
            empty_like=self.buffers.empty_like,
            finish=partial(zero_border_, border) if border else leave_alone,
        )
        self.gates.append(Gate(name, gradient.numel() // self.batch, passed))
        if border:
            # It is the convolution's gradient unless others contribute: then that is a sum of it.
            self.bordered = passing
        return passing


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
        with not_the_models():
            return (*gradients[:index], change(gradient), *gradients[index + 1 :])

    node.register_prehook(prehook)


def _changes(tensor: Tensor) -> int:
    """How often a tensor was changed in place, as PyTorch's notes on autograd document it."""
    return tensor._version  # noqa: SLF001
