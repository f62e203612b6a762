"""Attribution maps as pictures (Kim et al. 2019, appendix F.1)."""

import textwrap

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from captum_rectgrad.plotting.whole_pixels import draw_pixels

Map = NDArray[np.float64]

COLOURS = "seismic"  # blue to white at zero to red, as in the paper, with darker ends
LOW, HIGH = 0.5, 99.5  # percentiles, appendix F.1
SMALL = 6.5  # points
# Rec. 601: the brightness of red, green and blue.
LUMA = (0.299, 0.587, 0.114)
PALE = 0.35  # share of white in the grey image below a map
STRONGEST, WEAKEST = 0.95, 0.05  # colours of a map over an image, as shares of the colour map
BAR = 257  # colours of the bar of an overlay, odd for one at zero


def capped_map(attribution: Tensor | ArrayLike) -> Map:
    """Sum a map over channels and clip outliers (appendix F.1).

    Values below the 0.5th percentile are set to it, values above the 99.5th likewise. RectGrad's
    maps can be so sparse that a percentile is zero and clipping would remove the whole map. In
    that case the percentile is taken over the values of that sign only.

    Args:
        attribution: `(C, H, W)` or `(H, W)`, finite.

    Returns:
        `(H, W)`.

    Raises:
        ValueError: the shape is different, or a value is NaN or infinite.
    """
    if isinstance(attribution, Tensor):
        attribution = attribution.detach().double().cpu().numpy()
    values = np.asarray(attribution, dtype=np.float64)
    if values.ndim not in {2, 3} or values.size == 0:
        raise ValueError(
            f"got an attribution map of shape {values.shape}, expected (C, H, W) or (H, W); pass "
            "one sample of a batch"
        )
    if not np.isfinite(values).all():
        raise ValueError("the attribution map has NaN or infinite values; expected finite values")
    if values.ndim == 3:  # noqa: PLR2004
        values = values.sum(axis=0)
    low, high = np.percentile(values, [LOW, HIGH])
    if high <= 0 < values.max():
        high = np.percentile(values[values > 0], HIGH)
    if low >= 0 > values.min():
        low = np.percentile(values[values < 0], LOW)
    return np.clip(values, low, high)


def plot_map(
    attribution: Tensor | ArrayLike,
    axes: Axes,
    *,
    over: ArrayLike | None = None,
    colorbar: bool = False,
) -> None:
    """Plot one attribution map: red for the class, blue against it, white for zero.

    The colour scale is linear and symmetric about zero, up to the largest absolute clipped value,
    so maps with and without negative values are comparable. Each pixel of the map is a whole number
    of figure pixels, if the axes have as many pixels as the map (`whole_pixels.draw_pixels`).

    Args:
        attribution: `(C, H, W)` or `(H, W)`, as for `capped_map`.
        axes: axes to plot on; their ticks are removed.
        over: an image, `(H, W, 3)` or `(H, W)` in [0, 1], drawn in grey below the map; None: no
            image. The opacity of a pixel of the map is the square root of its absolute value, as a
            share of the largest.
        colorbar: draw the colour scale below the map. With `over` it has the colours of the map
            over an image of medium grey.

    Raises:
        ValueError: as `capped_map`; or the image has another size than the map.
    """
    values = capped_map(attribution)
    limit = abs(values).max()
    scale = limit or 1.0
    norm = Normalize(-scale, scale)
    if over is None:
        colours = ScalarMappable(norm, COLOURS)
        draw_pixels(axes, values, cmap=colours.cmap, norm=norm)
    else:
        draw_pixels(axes, blend(values / scale, np.asarray(over, dtype=np.float64)))
        bar = blend(np.linspace(-1, 1, BAR)[None], np.full((1, BAR), 0.5))
        colours = ScalarMappable(norm, ListedColormap(bar[0]))
    plain(axes)
    if not limit:
        write(axes, "all zero")
    if colorbar:
        _draw_colorbar(axes, colours)


def plain(axes: Axes) -> None:
    """Remove the ticks of axes, and draw a grey frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("0.75")


def write(axes: Axes, words: str) -> None:
    """Write a few words in the middle of axes."""
    axes.text(
        0.5,
        0.5,
        textwrap.fill(words, 24),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=SMALL,
        color="0.35",
    )


def blend(values: Map, image: Map) -> Map:
    """Draw a map over an image in grey.

    One array, not two images: Matplotlib resamples images that lie on each other in PDF and SVG.

    Args:
        values: `(H, W)`, in [-1, 1].
        image: `(H, W, 3)` or `(H, W)`, in [0, 1].

    Returns:
        `(H, W, 3)`, in [0, 1].

    Raises:
        ValueError: the image has another size than the map.
    """
    if image.shape[:2] != values.shape:
        raise ValueError(
            f"got an image of {image.shape[:2]} pixels below a map of {values.shape}; expected the "
            "same height and width"
        )
    grey = image if image.ndim == 2 else image @ LUMA  # noqa: PLR2004
    grey = PALE + (1 - PALE) * np.clip(grey, 0, 1)
    colours: Map = colormaps[COLOURS](np.where(values > 0, STRONGEST, WEAKEST))[..., :3]
    opacity = np.sqrt(abs(values))[..., None]
    return (1 - opacity) * grey[..., None] + opacity * colours


def _draw_colorbar(axes: Axes, colours: ScalarMappable) -> None:
    """A bar below the axes, with its two ends and zero."""
    bar = axes.inset_axes((0, -0.07, 1, 0.04))
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101 (for the type checker)
    figure.colorbar(colours, cax=bar, orientation="horizontal")
    low, high = colours.get_clim()
    bar.set_xticks([low, 0, high], [f"{low:.1e}", "0", f"{high:.1e}"], fontsize=SMALL)
    left, _, right = bar.get_xticklabels()
    left.set_horizontalalignment("left")
    right.set_horizontalalignment("right")
    bar.tick_params(length=0, pad=2)
