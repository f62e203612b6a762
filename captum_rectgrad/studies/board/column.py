"""A column of the board: one measure of maps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from captum_rectgrad.studies.board.explained import Explained
from captum_rectgrad.studies.board.networks import BoardNetwork

Values = NDArray[np.float64]


def _nothing(_: BoardNetwork) -> str | None:
    return None


@dataclass(frozen=True)
class Column:
    """A measure of maps.

    Attributes:
        key: name on the command line and in files.
        title: heading in tables and figures, at most 14 characters.
        family: what it measures: localisation, faithfulness, sanity, form or cost.
        better: which values are better; None: it describes a map, and methods are not ranked.
        meaning: definition in one or two sentences, for the report.
        source: paper or library.
        measure: from one method on one network to a value for each image, `(N,)`, NaN where the
            measure is not defined. The number of images may differ between columns.
        lacks: why a network cannot have the column, or None.
    """

    key: str
    title: str
    family: str
    better: Literal["higher", "lower"] | None
    meaning: str
    source: str
    measure: Callable[[Explained], Values]
    lacks: Callable[[BoardNetwork], str | None] = _nothing
