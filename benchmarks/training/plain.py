"""The loop that one would write first: one network, float32, PyTorch's defaults."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def plain_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    ranks: Tensor,
    colour: Tensor,
    fraction: float,
    learning_rate: float,
) -> Callable[[Tensor], None]:
    """A step of ROAR, with all data on the device.

    Args:
        model: to train, on that device.
        images: `(N, 3, H, W)`, uint8.
        labels: `(N,)`.
        ranks: of the pixels, `(N, H * W)`, of a type that PyTorch can compare.
        colour: of removed pixels, `(3,)`, in [-1, 1].
        fraction: of the pixels that are removed.
        learning_rate: of Adam.

    Returns:
        From the indices of a batch, `(1, B)`, to nothing.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    count = round(fraction * ranks.shape[1])

    def step(batch: Tensor) -> None:
        (chosen,) = batch
        inputs = images[chosen].float() / 127.5 - 1
        gone = (ranks[chosen] < count).view(-1, 1, *inputs.shape[-2:])
        inputs = torch.where(gone, colour.view(1, 3, 1, 1), inputs)
        loss = F.cross_entropy(model(inputs), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step
