"""The report of a board in Markdown."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from captum_rectgrad.studies.board.cells import NOT_MEASURED
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.figure import written
from captum_rectgrad.studies.board.finished import FinishedGroup, Row
from captum_rectgrad.studies.board.rows import ORIGINS
from captum_rectgrad.studies.board.table import Agreement, Entry, GroupTable, MeanRank
from captum_rectgrad.studies.report.markdown import folded, stacked, table

_RANKS = (
    "Rank 1 is the best method of a column, with a 95 % interval: images are resampled, and what "
    "networks add is drawn from Student's distribution, since a bootstrap of three networks is too "
    "narrow. Methods whose means are equal to six decimals share the mean of their ranks: all "
    "methods of a column with one value have the middle rank. All methods are resampled alike, so "
    "a rank may be certain where the interval of a mean is wide; a method without a value for some "
    "images is compared on its other images. The last column is the mean of "
    "the ranks without that of the cost, with equal weight of columns that may contradict each "
    "other. The number of columns is in brackets; methods with different columns are not "
    "comparable by it."
)
_OFTEN = 0.05  # share of images without a value from which the report says so


def opening(content: Mapping[str, Any]) -> str:
    """The head of the report.

    Args:
        content: content of the JSON file.

    Returns:
        Markdown.
    """
    preset, settings = content["settings"]["board"], content["settings"]
    warning = (
        "\n\nThis is a trial run with few images: it shows that everything runs, and no conclusion "
        "should be drawn from it."
        if preset == "smoke"
        else ""
    )
    return (
        f"# The board, preset `{preset}`\n\n"
        f"Rows are attribution methods, columns are measures. A cell is the mean over at most "
        f"{settings['images']} images and over networks that differ by the seed of their training, "
        "with its 95 % interval below. With one network an interval is over images, and does not "
        "hold for other trainings; over few networks it is wide, and may contain values that the "
        "measure cannot have. Images without a value on one of the networks, such as those with "
        "constant maps, are left out of a mean; their share is below if it exceeds 5 %. The "
        "explained class is the predicted one. Maps are summed over channels with their sign, and "
        "pixels are ranked by this sum.\n\n"
        f"Budgets: {settings['samples']} noisy or interpolated copies of an image in SmoothGrad, "
        "VarGrad, integrated and expected gradients; "
        f"{settings['masked_copies']} masked copies in LIME and KernelSHAP; "
        f"occlusion's window moves by 1/{settings['windows']} of an image's side, rounded down to "
        "whole pixels.\n\n"
        "All numbers are in `board.csv` and `board.json`. "
        f"Device of the last command: {content['device']}; date: {content['date']}; "
        f"seed {settings['seed']}.{warning}"
    )


def board_page(
    group: FinishedGroup,
    found: GroupTable,
    columns: Sequence[Column],
    figure: str,
) -> str:
    """The section of a group of networks.

    Args:
        group: the networks and the rows.
        found: their table.
        columns: the columns.
        figure: name of the figure's file.

    Returns:
        Markdown.
    """
    methods = [Row(row.key, _escaped(row.title)) for row in group.rows]
    available = found.with_values(columns)
    names = ", ".join(group.identities)
    images = max(entry.mean.count for entry in found.entries.values())
    parts = [
        f"## {group.name}",
        f"Networks: {names}. Data: {group.data}, {images} images. {group.note}".rstrip(),
        f"![Methods by measures; the colour is the rank]({figure})",
    ]
    for family in dict.fromkeys(column.family for column in available):
        own = [column for column in available if column.family == family]
        parts.append(f"### {group.name}: {family}")
        parts.append(_means(found, methods, own))
    parts += [
        f"### {group.name}: ranks",
        _RANKS,
        _ranks(found, methods, [column for column in available if column.better]),
        f"### {group.name}: agreement of columns",
        _agreement(found.agreement, available),
    ]
    if missing := _missing(found, methods, columns):
        parts.append(folded("Not available, with reasons", missing))
    return "\n\n".join(part for part in parts if part)


def definitions(columns: Sequence[Column], methods: Collection[str]) -> str:
    """Definitions of columns and origins of rows.

    Args:
        columns: the columns.
        methods: keys of the rows.

    Returns:
        Markdown.
    """
    better = {"higher": "higher values are better", "lower": "lower values are better"}
    lines = [
        f"- **{column.title}** (`{column.key}`; "
        f"{better.get(column.better or '', 'no value is better')}): {column.meaning} "
        f"Source: {column.source}."
        for column in columns
    ]
    own = [f"- `{key}`: {origin}" for key, origin in ORIGINS.items() if key in methods]
    own += [f"- `{key}`: a method of the user" for key in sorted(set(methods) - set(ORIGINS))]
    return "\n".join(["## Columns", "", *lines, "", "## Rows", "", *own])


def _means(found: GroupTable, methods: Sequence[Row], columns: Sequence[Column]) -> str:
    rows = [
        [
            method.title,
            *(_cell(found.entries[column.key, method.key]) for column in columns),
        ]
        for method in methods
    ]
    return table(["method", *(column.title for column in columns)], rows, right=len(columns))


def _cell(entry: Entry) -> str:
    if entry.reason:
        return NOT_MEASURED if entry.reason == NOT_MEASURED else "not available"
    mean = entry.mean
    below = "" if math.isnan(mean.low) else f"{written(mean.low)} to {written(mean.high)}"
    if entry.undefined > _OFTEN:
        below += f"; {100 * entry.undefined:.0f} % undefined"
    return stacked(written(mean.value), below.removeprefix("; "))


def _ranks(found: GroupTable, methods: Sequence[Row], columns: Sequence[Column]) -> str:
    rows = []
    for method in methods:
        entries = [found.entries[column.key, method.key] for column in columns]
        mean = found.mean_ranks.get(method.key)
        rows.append([method.title, *map(_rank, entries), "" if mean is None else _mean_rank(mean)])
    header = ["method", *(column.title for column in columns), "mean (columns)"]
    return table(header, rows, right=len(columns) + 1)


def _rank(entry: Entry) -> str:
    if entry.reason:
        return ""
    rank = entry.rank
    below = "" if math.isnan(rank.low) else f"{rank.low:g} to {rank.high:g}"
    return stacked(f"{rank.value:g}", below)


def _mean_rank(mean: MeanRank) -> str:
    rank = mean.estimate
    below = "" if math.isnan(rank.low) else f"{rank.low:.1f} to {rank.high:.1f}"
    return stacked(f"{rank.value:.1f} ({mean.columns})", below)


def _agreement(agreement: Sequence[Agreement], columns: Sequence[Column]) -> str:
    if not agreement:
        return "Too few methods or columns have ranks for a correlation of columns."
    titles = {column.key: column.title for column in columns}
    pairs = {(each.first, each.second): each.spearman for each in agreement}
    keys = [key for key in titles if any(key in pair for pair in pairs)]
    rows = []
    for key in keys:
        row = [titles[key]]
        for other in keys:
            value = pairs.get((key, other), pairs.get((other, key)))
            row.append("" if value is None else f"{value:.2f}")
        rows.append(row)
    said = "Spearman's correlation of the ranks of methods; Kendall's tau is in `board.json`."
    if len(agreement) > 1:
        low, high = (choose(agreement, key=_spearman) for choose in (min, max))
        said += (
            f" The columns that agree most are {titles[high.first]} and {titles[high.second]} "
            f"({high.spearman:.2f}); {titles[low.first]} and {titles[low.second]} agree least "
            f"({low.spearman:.2f})."
        )
    return f"{said}\n\n{table(['', *(titles[key] for key in keys)], rows, right=len(keys))}"


def _spearman(agreement: Agreement) -> float:
    return agreement.spearman


def _missing(found: GroupTable, methods: Sequence[Row], columns: Sequence[Column]) -> str:
    lines, others = [], []
    for column in columns:
        reasons = {m.title: found.entries[column.key, m.key].reason for m in methods}
        if all(reasons.values()) and len(set(reasons.values())) == 1:
            lines.append(f"- {column.title}: {_escaped(next(iter(reasons.values())))}.")
        else:
            others.append(column)
    for method in methods:
        by_reason: dict[str, list[str]] = {}
        for column in others:
            if reason := found.entries[column.key, method.key].reason:
                by_reason.setdefault(reason, []).append(column.title)
        for reason, titles in by_reason.items():
            which = "all columns" if len(titles) == len(others) else ", ".join(titles)
            lines.append(f"- {method.title}, {which}: {_escaped(reason)}.")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """A title or a reason of the user's code, in a table of Markdown."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
