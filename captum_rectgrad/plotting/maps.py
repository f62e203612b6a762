"""Figures of attribution maps (Kim et al. 2019, appendix F.1, figures 1 and 5a)."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Map = NDArray[np.float64]

TITLE_SIZE = 8.5  # points
LOW, HIGH = 0.5, 99.5  # percentiles, appendix F.1
COLOURS = "seismic"  # blue to white at zero to red, as in the paper, with darker ends
# All in inches, multiples of 1/224 of the panel, so that sizes are whole pixels.
PIXELS = 224
PANEL = 1.6
GAP = 8 / PIXELS * PANEL
TITLE_LINE = 20 / PIXELS * PANEL
TITLE_ROOM = 14 / PIXELS * PANEL
TITLE_WIDTH = 24  # characters


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


def plot_map(attribution: Tensor | ArrayLike, axes: Axes) -> None:
    """Plot one attribution map: red for the class, blue against it, white for zero.

    The colour scale is linear and symmetric about zero, up to the largest absolute clipped value,
    so maps with and without negative values are comparable.

    Args:
        attribution: `(C, H, W)` or `(H, W)`, as for `capped_map`.
        axes: axes to plot on; their ticks are removed.

    Raises:
        ValueError: as `capped_map`.
    """
    values = capped_map(attribution)
    limit = abs(values).max()
    scale = limit or 1.0
    axes.imshow(values, cmap=COLOURS, vmin=-scale, vmax=scale, interpolation="nearest")
    _plain(axes)
    if not limit:
        _write(axes, "all zero")


@dataclass(frozen=True)
class Row:
    """One image and its attribution maps.

    Attributes:
        image: `(H, W, 3)` in [0, 1], at the model's input size.
        caption: text above the image.
        panels: by column title, an attribution map (`(C, H, W)` or `(H, W)`), or the reason why
            there is none.
    """

    image: ArrayLike
    caption: str
    panels: Mapping[str, Tensor | str] = field(default_factory=dict)


def plot_comparison(rows: Sequence[Row], figure: Figure | None = None) -> Figure:
    """Plot images in rows and attribution methods in columns (figures 1 and 5a).

    Each pixel of a map is a whole number of figure pixels, so isolated pixels are visible.

    Args:
        rows: at least one; the columns are the titles of their panels, in order of appearance.
        figure: an empty figure, such as `plt.figure()` for a window or a notebook; its size and
            resolution are set. None: a new figure without a window.

    Returns:
        The figure; `figure.savefig(...)` writes it.

    Raises:
        ValueError: there are no rows, or a map cannot be plotted.
    """
    if not rows:
        raise ValueError("got no rows to plot; give at least one row")
    titles = list(dict.fromkeys(title for row in rows for title in row.panels))
    captions = [textwrap.fill(row.caption, TITLE_WIDTH) for row in rows]
    columns = 1 + len(titles)
    above = TITLE_LINE * (1 + max(caption.count("\n") for caption in captions)) + TITLE_ROOM
    width, height = columns * PANEL + (columns + 1) * GAP, (PANEL + above) * len(rows) + GAP
    size = max(np.shape(row.image)[1] for row in rows)
    if figure is None:
        figure = Figure()
        FigureCanvasAgg(figure)
    figure.set_dpi(size * math.ceil(PIXELS / size) / PANEL)
    figure.set_size_inches(width, height)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for row, caption, line in zip(rows, captions, grid, strict=True):
        line[0].imshow(np.clip(np.asarray(row.image, dtype=np.float64), 0, 1))
        _plain(line[0])
        line[0].set_title(caption, fontsize=TITLE_SIZE, pad=4)
        for title, axes in zip(titles, line[1:], strict=True):
            panel = row.panels.get(title, "not computed")
            if isinstance(panel, str):
                _say(axes, panel)
            else:
                plot_map(panel, axes)
    for title, axes in zip(titles, grid[0][1:], strict=True):
        axes.set_title(title, fontsize=TITLE_SIZE, pad=4)
    figure.subplots_adjust(
        left=GAP / width,
        right=1 - GAP / width,
        top=1 - above / height,
        bottom=GAP / height,
        wspace=GAP / PANEL,
        hspace=above / PANEL,
    )
    return figure


def check_format(path: Path) -> None:
    """Check that a file name ends in a supported figure format.

    Args:
        path: file name of the figure.

    Raises:
        ValueError: the ending is missing or not supported.
    """
    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    if path.suffix[1:].lower() not in known:
        raise ValueError(f"{str(path)!r} must end in one of: {', '.join('.' + k for k in known)}")


def _plain(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("0.75")


def _say(axes: Axes, words: str) -> None:
    _plain(axes)
    axes.set_aspect("equal")
    axes.set_facecolor("0.96")
    _write(axes, words)


def _write(axes: Axes, words: str) -> None:
    axes.text(
        0.5,
        0.5,
        textwrap.fill(words, 24),
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=6.5,
        color="0.35",
    )
