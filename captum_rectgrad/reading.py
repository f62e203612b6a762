"""Whether the values of a tensor may be looked at: on a GPU a look waits for all that is queued."""

import torch
from torch import Tensor


def readable(tensor: Tensor) -> bool:
    """Whether a tensor has values yet that this process may read.

    Args:
        tensor: of any device.

    Returns:
        False of a tensor of the meta device, which has none, and on a GPU while the current stream
        is captured into a CUDA graph: what is recorded then is computed later.
    """
    if tensor.is_meta:
        return False
    return not tensor.is_cuda or not torch.cuda.is_current_stream_capturing()
