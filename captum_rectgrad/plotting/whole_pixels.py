"""Images whose pixels are whole pixels of the figure.

Matplotlib fits an image to its axes. If the axes have fewer pixels than the image, nearest-
neighbour sampling drops rows and columns, and isolated pixels of a sparse map disappear.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import SubFigure
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike

ABOVE_SPINES = 2.6  # Matplotlib's zorder of spines is 2.5, and a frame would cover the outer pixels
ROUNDING = 1e-6  # pixels


def resolution(size: int, inches: float, least: int) -> float:
    """The resolution at which an image fills a panel with whole pixels.

    Args:
        size: side of the image, in pixels.
        inches: side of the panel.
        least: least number of figure pixels of the panel.

    Returns:
        Figure pixels per inch: the panel has the lowest multiple of `size` that is not below
        `least`.
    """
    return size * math.ceil(least / size) / inches


def draw_pixels(axes: Axes, values: ArrayLike, **options: Any) -> AxesImage:
    """Draw an image with whole pixels, at every resolution and in every format of the file.

    In a bitmap, each pixel of the image is a square of `n x n` pixels of the figure, with the
    largest `n` that fits in the axes. The axes shrink to the image. PDF and SVG files contain the
    image at its own size. If a bitmap has fewer pixels than the image, the image is averaged: no
    pixel is left out, but isolated pixels become pale.

    Args:
        axes: axes to draw on.
        values: `(H, W)`, or colours `(H, W, 3)` in [0, 1].
        **options: passed to `Axes.imshow`.

    Returns:
        The image.
    """
    image = axes.imshow(values, interpolation="none", zorder=ABOVE_SPINES, **options)
    axes.set_axes_locator(WholePixels(image))
    return image


@dataclass(frozen=True)
class WholePixels:
    """Position of axes in which an image has whole pixels: a locator of Matplotlib.

    Attributes:
        image: the image. Its interpolation is set at each drawing, when the resolution is known.
    """

    image: AxesImage

    def __call__(self, axes: Any, renderer: RendererBase | None) -> Bbox:
        """The position in fractions of the (sub)figure."""
        parent = axes.get_figure()
        to_pixels = parent.transSubfigure if isinstance(parent, SubFigure) else parent.transFigure
        slot = axes.get_position(original=True).transformed(to_pixels)
        height, width = self.image.get_size()
        scale = min(slot.width / width, slot.height / height)
        if renderer is not None and renderer.option_scale_image():  # PDF and SVG
            self.image.set_interpolation("none")
        elif scale + ROUNDING < 1:
            self.image.set_interpolation("hanning")
        else:
            self.image.set_interpolation("none")
            scale = np.floor(scale + ROUNDING)
        # Matplotlib 3.10 rounds the size up.
        size = np.array([width, height]) * scale - ROUNDING
        corner = slot.p0 + (slot.size - size) / 2
        if scale >= 1:
            corner = np.round(corner)
        return Bbox.from_bounds(*corner, *size).transformed(to_pixels.inverted())
