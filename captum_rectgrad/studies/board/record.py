"""The files of a finished board: JSON, CSV, figures, report."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.figure import board_figure
from captum_rectgrad.studies.board.finished import FinishedGroup
from captum_rectgrad.studies.board.page import board_page, definitions, opening
from captum_rectgrad.studies.board.table import GroupTable
from rectgrad_zoo.package_versions import package_versions
from rectgrad_zoo.written_whole import write_text, written_whole

RECORD, TABLE, REPORT = "board.json", "board.csv", "report.md"
_PACKAGES = ("captum-rectgrad", "captum", "torch", "timm", "grad-cam", "zennit", "scikit-learn")
_FIELDS = (
    "networks", "column", "better", "method", "mean", "low", "high", "rank", "rank_low",
    "rank_high", "images", "undefined", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class BoardPart:
    """The board of one group of networks.

    Attributes:
        group: the networks and the rows.
        table: the table.
    """

    group: FinishedGroup
    table: GroupTable


def figure_name(group: str) -> str:
    """Name of the figure of a group."""
    return f"board-{group}.png"


def write_board(
    folder: Path,
    parts: Sequence[BoardPart],
    columns: Sequence[Column],
    settings: Mapping[str, Any],
    device: str,
) -> Path:
    """Write a board.

    Args:
        folder: its folder.
        parts: a part for each group of networks.
        columns: the columns.
        settings: settings of the cells.
        device: name of the device.

    Returns:
        Path of the report.
    """
    rows = [row for part in parts for row in _rows(part, columns)]
    content = {
        "settings": dict(settings),
        "device": device,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "versions": package_versions(_PACKAGES),
        "networks": {
            part.group.name: {
                "data": part.group.data,
                "networks": {name: dict(each) for name, each in part.group.identities.items()},
            }
            for part in parts
        },
        "rows": rows,
        "mean_ranks": {part.group.name: _mean_ranks(part.table) for part in parts},
        "agreement": {
            part.group.name: [asdict(each) for each in part.table.agreement] for part in parts
        },
    }
    for part in parts:
        with written_whole(folder / figure_name(part.group.name)) as unfinished:
            figure = board_figure(part.group.name, part.table, part.group.rows, columns)
            figure.savefig(unfinished, dpi="figure")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / TABLE, stream.getvalue())
    write_text(folder / RECORD, json.dumps(content, indent=2, allow_nan=False) + "\n")
    sections = [
        board_page(part.group, part.table, columns, figure_name(part.group.name)) for part in parts
    ]
    keys = {row.key for part in parts for row in part.group.rows}
    report = [opening(content), *sections, definitions(columns, keys)]
    write_text(folder / REPORT, "\n\n".join(report) + "\n")
    return folder / REPORT


def _rows(part: BoardPart, columns: Sequence[Column]) -> list[dict[str, Any]]:
    found = []
    for column in columns:
        for method in part.group.rows:
            entry = part.table.entries[column.key, method.key]
            found.append(
                {
                    "networks": part.group.name,
                    "column": column.key,
                    "better": column.better,
                    "method": method.key,
                    "mean": _plain(entry.mean.value),
                    "low": _plain(entry.mean.low),
                    "high": _plain(entry.mean.high),
                    "rank": _plain(entry.rank.value),
                    "rank_low": _plain(entry.rank.low),
                    "rank_high": _plain(entry.rank.high),
                    "images": entry.mean.count,
                    "undefined": entry.undefined,
                    "reason": entry.reason,
                }
            )
    return found


def _mean_ranks(table: GroupTable) -> dict[str, dict[str, float | None]]:
    return {
        method: {
            "mean": _plain(mean.estimate.value),
            "low": _plain(mean.estimate.low),
            "high": _plain(mean.estimate.high),
            "columns": mean.columns,
        }
        for method, mean in table.mean_ranks.items()
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
