"""States of PyTorch's random number generators, for a second forward pass like the first."""

from collections.abc import Sequence

import torch
from torch import Tensor


def random_states(inputs: Sequence[Tensor]) -> list[Tensor]:
    """The states of the generators of the CPU and of the GPU of the inputs."""
    states = [torch.get_rng_state()]
    if inputs[0].is_cuda and not torch.cuda.is_current_stream_capturing():
        states.append(torch.cuda.get_rng_state(inputs[0].device))
    return states


def restore_random_states(inputs: Sequence[Tensor], states: list[Tensor]) -> None:
    """Restore what `random_states` returned for the same inputs."""
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], inputs[0].device)
