"""Pixel replacement, by ranks."""

import torch
from torch import Tensor


def removed_ranks(pixels: int, fraction: float, *, least: bool) -> tuple[int, int]:
    """The ranks of the replaced pixels; rank 0 is that of the most important pixel.

    Args:
        pixels: number of pixels, P.
        fraction: fraction of the pixels, rounded to a whole number of pixels.
        least: whether the least important pixels are replaced (KAR) or the most important (ROAR).

    Returns:
        The first and the last rank; (0, -1) if there are none.
    """
    count = round(fraction * pixels)
    return (pixels - count, pixels - 1) if least and count else (0, count - 1)


def ranks_by_importance(values: Tensor, order: Tensor) -> Tensor:
    """Rank the pixels of each image.

    Args:
        values: importance, `(N, P)`.
        order: a permutation of the pixels of each image, `(N, P)`, int64, on the same device;
            pixels of equal importance are ranked in this order.

    Returns:
        `(N, P)`, int64: 0 for the most important pixel, P - 1 for the least important.
    """
    by_value = values.gather(1, order).argsort(dim=1, descending=True, stable=True)
    return order.gather(1, by_value).argsort(dim=1)


def mean_colour(images: Tensor) -> Tensor:
    """The mean colour of a data set, which replaces removed pixels.

    Args:
        images: `(N, 3, H, W)`, uint8.

    Returns:
        `(3,)`, float32, in the networks' range, [-1, 1].
    """
    # An integer sum: a copy in floating point would be four times the size of the data set.
    sums = images.sum(dim=(0, 2, 3), dtype=torch.int64).double()
    mean: Tensor = sums / (images.numel() / images.shape[1])
    return (mean / 255 * 2 - 1).float()


def replaced(inputs: Tensor, gone: Tensor, colour: Tensor) -> Tensor:
    """Images with some pixels replaced by a colour.

    Args:
        inputs: `(N, C, H, W)`.
        gone: replaced pixels, `(N, H * W)`, bool.
        colour: `(C,)`.

    Returns:
        `(N, C, H, W)`, a new tensor.
    """
    where = gone.view(len(inputs), 1, *inputs.shape[-2:])
    return torch.where(where, colour.view(1, -1, 1, 1), inputs)


def mask_alone(gone: Tensor, like: Tensor) -> Tensor:
    """The mask as an image, without the pixels' values.

    Args:
        gone: replaced pixels, `(N, H * W)`, bool.
        like: images of the wanted shape, `(N, C, H, W)`.

    Returns:
        `(N, C, H, W)`, float32: 1 where a pixel is kept, -1 where it is replaced, in all channels.
    """
    flat = 1 - 2 * gone.float()
    return flat.view(len(gone), 1, *like.shape[-2:]).expand(-1, like.shape[1], -1, -1)
