"""A training step as a CUDA graph: launched as a whole, instead of kernel by kernel from Python."""

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

# From the indices of a batch's images to nothing: what a step changes are weights.
Step = Callable[[Tensor], None]

# Done as they are: the first ones make the optimizer's state, and libraries choose algorithms.
WARM_UP = 3


@dataclass(eq=False)
class Captured:
    """A step that is captured once for every shape of its argument, and then replayed.

    The step must be a function of its argument and of tensors that stay where they are; it must
    not look at a value, nor go another way for other values. Every call is a step, those before
    the capture too, so a training is the same with it and without.

    Attributes:
        step: what is done, on the current device.
    """

    step: Step
    _seen: Counter[torch.Size] = field(default_factory=Counter)
    _graphs: dict[torch.Size, tuple[Tensor, torch.cuda.CUDAGraph]] = field(default_factory=dict)
    # Not the default stream, which cannot be captured; the same as later, so that memory is reused.
    _stream: torch.cuda.Stream = field(default_factory=torch.cuda.Stream)

    def __call__(self, batch: Tensor) -> None:
        """Do the step.

        Args:
            batch: its argument, on the device.
        """
        if batch.shape not in self._graphs:
            if self._seen[batch.shape] < WARM_UP:
                self._seen[batch.shape] += 1
                self._uncaptured(batch)
                return
            graph, argument = torch.cuda.CUDAGraph(), batch.clone()
            with torch.cuda.graph(graph, stream=self._stream):
                self.step(argument)
            self._graphs[batch.shape] = argument, graph
        argument, graph = self._graphs[batch.shape]
        argument.copy_(batch)
        graph.replay()

    def _uncaptured(self, batch: Tensor) -> None:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            # Optimizers warn that they are made for a capture: it comes.
            warnings.filterwarnings("ignore", message=".*constructed with capturable=True")
            self.step(batch)
        torch.cuda.current_stream().wait_stream(self._stream)
