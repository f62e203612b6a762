"""A training step as a CUDA graph: one launch per step instead of one per kernel."""

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

# Takes the indices of a batch's images; updates the weights.
Step = Callable[[Tensor], None]

# Number of steps before the capture: they create the optimizer's state and select algorithms.
WARM_UP = 3


@dataclass(eq=False)
class Captured:
    """A step that is captured once for every shape of its argument, and then replayed.

    The step must only depend on its argument and on tensors with fixed addresses. It must not read
    values on the host, nor branch on them. Every call is a step, also those before the capture, so
    a training is the same with and without it.

    Attributes:
        step: the step, on the current device.
    """

    step: Step
    _seen: Counter[torch.Size] = field(default_factory=Counter)
    _graphs: dict[torch.Size, tuple[Tensor, torch.cuda.CUDAGraph]] = field(default_factory=dict)
    # A capture needs a stream other than the default; the same one is reused to reuse its memory.
    _stream: torch.cuda.Stream = field(default_factory=torch.cuda.Stream)

    def __call__(self, batch: Tensor) -> None:
        """Run the step.

        Args:
            batch: the argument of the step, on the device.
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
            # Optimizers warn that they are constructed for a capture, which follows.
            warnings.filterwarnings("ignore", message=".*constructed with capturable=True")
            self.step(batch)
        torch.cuda.current_stream().wait_stream(self._stream)
