"""Legends of the studies' figures."""

from matplotlib.artist import Artist
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

MAPS = "red: positive, blue: negative, each map on its own scale"
OUTLINE = "light blue line: the object"
BOXES = "box: quartiles; line in it: median; whiskers: 5th to 95th percentile of the images"
_SMALL = 6.5  # points


def band() -> Artist:
    """Legend entry of the bands of `draw_curve`.

    Returns:
        The handle.
    """
    return Patch(color="0.5", alpha=0.3, linewidth=0, label="band: 95 % interval")


def dotted(meaning: str) -> Artist:
    """Legend entry of a dotted reference line.

    Args:
        meaning: the text.

    Returns:
        The handle.
    """
    return Line2D([], [], color="0.5", linestyle=":", linewidth=1, label=meaning)


def draw_legend(where: FigureBase, *meanings: str) -> None:
    """Write a legend below a figure or a part of one.

    Args:
        where: figure or subfigure; its layout reserves the space.
        *meanings: text, one line for each.
    """
    where.supxlabel("\n".join(meanings), fontsize=_SMALL, color="0.35")
