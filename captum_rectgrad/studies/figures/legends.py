"""What the marks of a figure mean, on the figure itself."""

from matplotlib.artist import Artist
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

MAPS = "red: positive, blue: negative, each map on its own scale"
OUTLINE = "light blue line: the object"
BOXES = "box: quartiles; line in it: median; whiskers: 5th to 95th percentile of the images"
_SMALL = 6.5  # points


def band() -> Artist:
    """For a legend: the bands of `draw_curve`.

    Returns:
        The handle.
    """
    return Patch(color="0.5", alpha=0.3, linewidth=0, label="band: 95 % interval")


def dotted(meaning: str) -> Artist:
    """For a legend: a dotted line for reference.

    Args:
        meaning: in words.

    Returns:
        The handle.
    """
    return Line2D([], [], color="0.5", linestyle=":", linewidth=1, label=meaning)


def explain(where: FigureBase, *meanings: str) -> None:
    """Say below a figure, or a part of one, what its marks mean.

    Args:
        where: the layout keeps room there.
        *meanings: in words, a line for each.
    """
    where.supxlabel("\n".join(meanings), fontsize=_SMALL, color="0.35")
