"""Why a map may not mean what it seems to: said as warnings, once a call."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from captum_rectgrad.activations import Choice
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.rectified_pass import Gate, RectifiedPass

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
        coupled: names of modules that make the result of a sample depend on the others.
    """

    plain: bool
    closed: tuple[Closed, ...]
    escaped: tuple[str, ...] = ()
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
        """
        plain = not (state.gates or (hidden and state.shapes))
        escaped = tuple(sorted(state.escaped))
        zero = [
            (a == 0).flatten(1).all(dim=1)
            for a in attributions
            if a.dim() and a.numel() and a.shape[0] == state.batch
        ]
        if not zero:
            return cls(plain, closed=(), escaped=escaped)
        empty = torch.stack(zero).any(dim=0)
        shut = (
            (sample, next((gate for gate in state.gates if not gate.passed[sample]), None))
            for sample in empty.nonzero().flatten().tolist()
        )
        closed = tuple(Closed(first + sample, gate) for sample, gate in shut if gate is not None)
        return cls(plain, closed, escaped)

    def warn(self, choice: Choice) -> None:
        """Warn at the line that called `attribute`, which calls this.

        Warns:
            RectGradWarning: once for each kind of doubt.
        """
        if self.coupled:
            warnings.warn(
                f"{self.coupled[0]} normalises by the statistics of the batch (and "
                f"{len(self.coupled) - 1} more modules), so each map depends on the other samples; "
                "call model.eval() first",
                RectGradWarning,
                stacklevel=CALLER,
            )
        if self.plain:
            warnings.warn(_no_activation(choice), RectGradWarning, stacklevel=CALLER)
        if self.escaped:
            warnings.warn(
                f"the gradient passed {', '.join(self.escaped)} as it is: activations where no "
                "hook reaches them (in nn.LSTM, a scripted function, an autograd.Function). Make "
                "them modules of the model and name all that are meant, activations=[nn.ReLU, "
                "Mine], or name the others alone if this is what you want",
                RectGradWarning,
                stacklevel=CALLER,
            )
        if self.closed and not self.plain:
            sample, gate = self.closed[0].sample, self.closed[0].gate
            warnings.warn(
                f"the map of sample {sample} is all zero (and of {len(self.closed) - 1} more): "
                f"from the output, the first layer that nothing passed is {gate.name}, of "
                f"{gate.units} units; lower the percentile or tau",
                RectGradWarning,
                stacklevel=CALLER,
            )


def merged(doubts: Sequence[Doubts]) -> Doubts:
    """The doubts about the parts of a batch, as those about the whole."""
    return Doubts(
        plain=all(part.plain for part in doubts),
        closed=tuple(closed for part in doubts for closed in part.closed),
        escaped=tuple(sorted({name for part in doubts for name in part.escaped})),
    )


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
