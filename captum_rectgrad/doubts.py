"""Why a map may not mean what it seems to: said as warnings, once a call."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_rectgrad.activations import Choice
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.reading import readable
from captum_rectgrad.rectified_pass import Gate, RectifiedPass
from captum_rectgrad.rules import Selection, SignGate
from captum_rectgrad.settings import Settings

# A warning names the line that called `attribute`: past this module, the method's and Captum's
# log_usage.
CALLER = 4


@dataclass(frozen=True)
class Closed:
    """A sample whose map is all zero.

    Attributes:
        sample: its number in the batch.
        gate: the first layer from the output that nothing passed.
    """

    sample: int
    gate: Gate


@dataclass(frozen=True)
class Doubts:
    """What is doubtful about the maps of a batch.

    Attributes:
        plain: whether no activation was met, so that the maps are plain gradients.
        closed: the samples whose maps are all zero because nothing passed some layer.
        escaped: kinds of activations that passed the plain gradient, since no hook reached them.
        undefined: samples whose map is NaN or infinite, or empty since the output is.
        coupled: names of modules that make the result of a sample depend on the others.
    """

    plain: bool
    closed: tuple[Closed, ...]
    escaped: tuple[str, ...] = ()
    undefined: tuple[int, ...] = ()
    coupled: tuple[str, ...] = ()

    @classmethod
    def about(
        cls, attributions: Sequence[Tensor], state: RectifiedPass, first: int, *, hidden: bool
    ) -> "Doubts":
        """Look at the maps of some samples.

        Args:
            attributions: each `(n, ...)`.
            state: of the pass that made them.
            first: number of the first sample in the batch.
            hidden: whether they are of hidden layers, where it is no wonder that no activation
                lies between the layer and the output, as long as the model has some.

        Returns:
            The doubts; where the maps cannot be looked at, while a CUDA graph is captured, those
            that need no values.
        """
        plain = not (state.gates or (hidden and state.shapes))
        escaped = tuple(sorted(state.escaped))
        rows = [
            a.reshape(len(a), -1)
            for a in attributions
            if a.dim() and a.numel() and a.shape[0] == state.batch
        ]
        if not rows or not readable(rows[0]):
            return cls(plain, closed=(), escaped=escaped)
        # The smallest and the largest number of each map, both NaN where one is.
        ends = [torch.stack(_real(a).aminmax(dim=1)) for a in rows]
        empty = torch.stack([(pair == 0).all(dim=0) for pair in ends]).any(dim=0)
        defined = torch.stack([pair.isfinite().all(dim=0) for pair in ends]).all(dim=0)
        if state.scalars.numel() == state.batch:
            # An output may overflow and still have a gradient; but not if nothing is left of it.
            scalars = state.scalars.reshape(-1)
            defined &= ~scalars.isnan() & ~(scalars.isinf() & empty)
        # Brought here at once: on a GPU every look would wait for all that is queued there.
        told = torch.stack([~defined, empty]).cpu()
        undefined, zero = (row.nonzero().flatten().tolist() for row in told)
        gates = [(gate, gate.passed.cpu()) for gate in state.gates] if zero else []
        shut = (
            (sample, next((gate for gate, passed in gates if not passed[sample]), None))
            for sample in zero
        )
        closed = tuple(Closed(first + sample, gate) for sample, gate in shut if gate is not None)
        return cls(plain, closed, escaped, tuple(first + sample for sample in undefined))

    def warn(self, settings: Settings) -> None:
        """Warn at the line that called `attribute`, which calls this.

        Args:
            settings: of the method.

        Warns:
            RectGradWarning: once for each kind of doubt.
        """
        if self.coupled:
            warnings.warn(
                f"{_first(self.coupled)} normalises by the statistics of the batch, so each map "
                "depends on the other samples; call model.eval() first",
                RectGradWarning,
                stacklevel=CALLER,
            )
        meant_plain = settings.gating == SignGate("vanilla")
        if self.plain and not meant_plain:
            warnings.warn(_no_activation(settings.choice), RectGradWarning, stacklevel=CALLER)
        if self.escaped and not meant_plain:
            warnings.warn(
                f"the gradient passed {', '.join(self.escaped)} as it is: it is or may hold an "
                "activation, where no hook reaches it (nn.LSTM, a scripted function, another "
                "thread, vmap, an autograd.Function). Make it a module of the model and name all "
                "that are meant, activations=[nn.ReLU, Mine], or name the others alone if this is "
                "what you want",
                RectGradWarning,
                stacklevel=CALLER,
            )
        if self.undefined:
            warnings.warn(
                f"the map of sample {_first(self.undefined)} means nothing: it, or what is "
                "attributed, is NaN or infinite; look for an overflow or a division by zero in the "
                "model",
                RectGradWarning,
                stacklevel=CALLER,
            )
        elif self.closed and not self.plain:
            gate = self.closed[0].gate
            samples = _first([closed.sample for closed in self.closed])
            remedy = "; lower the percentile or tau" * isinstance(settings.gating, Selection)
            warnings.warn(
                f"the map of sample {samples} is all zero: from the output, the first layer that "
                f"nothing passed is {gate.name}, of {gate.units} units{remedy}",
                RectGradWarning,
                stacklevel=CALLER,
            )


def _real(rows: Tensor) -> Tensor:
    return torch.view_as_real(rows.resolve_conj()).flatten(1) if rows.is_complex() else rows


def merged(doubts: Sequence[Doubts]) -> Doubts:
    """The doubts about the parts of a batch, as those about the whole."""
    return Doubts(
        plain=all(part.plain for part in doubts),
        closed=tuple(closed for part in doubts for closed in part.closed),
        escaped=tuple(sorted({name for part in doubts for name in part.escaped})),
        undefined=tuple(sample for part in doubts for sample in part.undefined),
    )


def _first(things: Sequence[object]) -> str:
    """The first of some, and how many there are besides."""
    more = f" (and {len(things) - 1} more)" if len(things) > 1 else ""
    return f"{things[0]}{more}"


def _no_activation(choice: Choice) -> str:
    if choice.chosen is not None:
        return (
            "none of the chosen activations was met on the way back from the output: this map is "
            "the plain gradient. Choose activations that the model has"
        )
    return (
        "no activation was met on the way back from the output: this map is the plain gradient. "
        "Elementwise activations of torch.nn, torch.nn.functional and timm are seen; one of your "
        "own can be named with activations=[ItsClass]"
    )
