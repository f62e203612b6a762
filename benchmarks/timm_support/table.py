"""The table of a measurement of timm's families."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import timm
import torch

from benchmarks.timm_support.families import Member


@dataclass(frozen=True)
class Row:
    """The result of a family.

    Attributes:
        member: the measured model.
        cells: the cells of the row after the model; the last is the result in words, up to a colon
            one of a few kinds.
    """

    member: Member
    cells: tuple[str, ...]

    @property
    def result(self) -> str:
        """The last cell."""
        return self.cells[-1]

    def __str__(self) -> str:
        """The row in Markdown."""
        size = f", {self.member.size}" if self.member.size else ""
        cells = self.member.family, f"`{self.member.model}`{size}", *self.cells
        return f"| {' | '.join(cells)} |"


def table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """The table with the number of families of each kind below it, the same for the same rows.

    Args:
        columns: titles of the cells after the model.
        rows: by family.
    """
    titles = "family", "model and input", *columns
    counts = Counter(row.result.partition(":")[0] for row in rows)
    totals = "; ".join(f"{count} {kind}" for kind, count in counts.most_common())
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", *map(str, rows)]
    return "\n".join([*lines, "", f"Of {len(rows)} families: {totals}.", ""])


def versions() -> str:
    """Of what the results depend on."""
    return f"timm {timm.__version__} and PyTorch {torch.__version__.partition('+')[0]}"
