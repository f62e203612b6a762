"""How the rules get onto a model: hooks on its modules for the length of one call.

The gradient is changed at nodes of the autograd graph that belong to one call of one module, never
at a tensor that others share. So a module may be called several times, its input may feed a skip
connection too, it may work in place, and its output may be changed in place afterwards.

- ReLU is replaced in the graph by a node whose backward is the rule: where the score allows, the
  gradient passes inactive units too, which ReLU's own backward cannot do (listing 1).
- Any other activation keeps its own backward, f'(z); a hook on its output zeroes the gradient
  before that, and so does one for the border at a padded convolution (listing 2).
- Max-pooling under PRR is replaced like ReLU (listing 3).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from captum_rectgrad.activations import is_activation, is_relu
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.nodes import OverwrittenError, Rectify, RectifyInPlace, Redistribute
from captum_rectgrad.padding import Convolution, padded_dims, zero_border
from captum_rectgrad.pooling import MaxPool, window_mean
from captum_rectgrad.rules import Selection

# Attribute of the alias that a ReLU runs on: the tensor it stands for.
_SOURCE = "_rectgrad_source"

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]


@dataclass(frozen=True)
class Gate:
    """What one activation call let through.

    Attributes:
        name: the module's name in the model, and its class.
        units: elements per sample.
        passed: `(N,)`, boolean: whether anything passed, by sample.
    """

    name: str
    units: int
    passed: Tensor


@dataclass
class RectifiedPass:
    """One forward and backward pass under the rules.

    Attributes:
        selection: which units of an activation pass.
        batch: number of samples.
        padding_trick: whether the border is zeroed at padded convolutions.
        prr: whether max-pooling redistributes.
        copies: whether activations are kept as copies, for models that change them in place.
        gates: filled by the backward pass, from the output towards the input.
    """

    selection: Selection
    batch: int
    padding_trick: bool
    prr: bool
    copies: bool
    gates: list[Gate] = field(default_factory=list)
    thread: int = field(default_factory=threading.get_ident)

    @contextmanager
    def on(self, model: nn.Module) -> Iterator[None]:
        """Hook the model's modules, and unhook them whatever happens in between."""
        handles: list[RemovableHandle] = []
        try:
            for name, module in model.named_modules():
                handles.extend(self._hook(name, module))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, name: str, module: nn.Module) -> Iterator[RemovableHandle]:
        if is_relu(module):
            yield module.register_forward_pre_hook(self._before_relu, with_kwargs=True)
        for wanted, hook in (
            (is_relu(module), self._after_relu),
            (is_activation(module) and not is_relu(module), self._after_activation),
            (self.padding_trick and isinstance(module, Convolution), self._after_convolution),
            (self.prr and isinstance(module, MaxPool), self._after_pool),
        ):
            if wanted:
                # Before the user's own hooks, which so see the output as the model uses it.
                yield module.register_forward_hook(
                    partial(hook, name), prepend=True, with_kwargs=True
                )

    def _before_relu(
        self, module: nn.Module, args: Arguments, kwargs: Keywords
    ) -> tuple[Arguments, Keywords] | None:
        """Let the ReLU run outside the graph, on an alias of its input."""
        del module
        z = args[0] if args else kwargs["input"]
        if self._foreign() or not z.requires_grad:
            return None
        alias = z.detach()
        setattr(alias, _SOURCE, z)
        return (alias,), {}

    def _after_relu(
        self, name: str, module: nn.Module, args: Arguments, kwargs: Keywords, output: Tensor
    ) -> Tensor | None:
        del kwargs
        z = getattr(args[0], _SOURCE, None) if args else None
        if self._foreign() or z is None:
            return None
        rule = self._rule(name, module)
        node: Tensor = (
            RectifyInPlace.apply(z, rule, self.copies)
            if output is args[0]
            else Rectify.apply(z, output, rule, self.copies)
        )
        return node

    def _after_activation(
        self, name: str, module: nn.Module, args: Arguments, kwargs: Keywords, output: Tensor
    ) -> Tensor | None:
        if self._foreign() or not output.requires_grad:
            return None
        in_place = output is _input(args, kwargs)
        kept = output.detach().clone() if self.copies and in_place else output.detach()
        # PyTorch's notes on autograd document this counter of changes in place.
        version = kept._version  # noqa: SLF001
        rule = self._rule(name, module)

        def gate(gradient: Tensor) -> Tensor:
            if kept._version != version:  # noqa: SLF001
                raise OverwrittenError(name)
            return rule(kept, gradient)

        output.register_hook(gate)  # type: ignore[no-untyped-call]
        return output.clone() if self.copies and not in_place else None

    def _after_convolution(
        self, name: str, module: Convolution, args: Arguments, kwargs: Keywords, output: Tensor
    ) -> None:
        del name
        if self._foreign() or not output.requires_grad:
            return
        dims = padded_dims(module, _input(args, kwargs).shape, output)
        if dims:
            output.register_hook(partial(zero_border, dims=dims))  # type: ignore[no-untyped-call]

    def _after_pool(
        self, name: str, module: MaxPool, args: Arguments, kwargs: Keywords, output: Any
    ) -> Any:
        del name
        x = _input(args, kwargs)
        pooled, *indices = output if isinstance(output, tuple) else (output,)
        if self._foreign() or not pooled.requires_grad:
            return None
        mean = window_mean(module, x.shape, pooled.shape)
        node = Redistribute.apply(x, pooled.detach(), mean, self.copies)
        return (node, *indices) if indices else node

    def _rule(self, name: str, module: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
        """The rule at this call: from activation and gradient to the gradient that passes."""
        label = f"{name!r} ({type(module).__name__})"
        return partial(self._rectify, label)

    def _rectify(self, label: str, activation: Tensor, gradient: Tensor) -> Tensor:
        if self.batch > 1 and (activation.dim() == 0 or activation.shape[0] != self.batch):
            raise RectGradError(
                f"{label} was called with {tuple(activation.shape)} in a batch of {self.batch}: "
                "thresholds are per sample, and its dimension 0 is not the samples; attribute one "
                "sample at a time"
            )
        # The graph is walked from the output: the first gate is the last hidden activation.
        kept = self.selection.kept(
            activation, gradient, samples=self.batch, last_hidden=not self.gates
        )
        self.gates.append(Gate(label, kept.shape[1], kept.any(dim=1)))
        return torch.where(kept.reshape(gradient.shape), gradient, 0)

    def _foreign(self) -> bool:
        """Whether another thread is calling the model: it must not notice the hooks."""
        return threading.get_ident() != self.thread


def _input(args: Arguments, kwargs: Keywords) -> Tensor:
    tensor: Tensor = args[0] if args else kwargs["input"]
    return tensor
