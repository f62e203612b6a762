"""Numbers of the recorded results, found by the source that a page gives for them.

A source is a text with parts between " | ":

- `patch | one patch; RectGrad | share in the corner`: the study's folder in `docs/results`, cells
  that identify one row of its `result.json`, a column;
- `patch | config | images`: a value of its configuration; a list counts as its length;
- `adversarial | count | does not hold`: the number of its claims with this verdict;
- `roar-kar | text | right 50.3% of the time`: a part of a claim or note in its `result.json`;
- `board | cifar10_cnn | rectgrad | object`: a mean of the recorded board, by networks, method and
  column; ` @ low`, ` @ high` or ` @ rank` for another of its numbers;
- `board | cifar10_cnn | agreement | insertion with deletion`: a rank correlation of two columns;
- `board | settings | images`: a setting of the board;
- `onnx-times | cifar10_cnn | 1 | map, PyTorch`: a median ratio in the record of exported
  maps, by network, threads and denominator;
- `onnx-times | cifar10_cnn | bytes | half`: a size in that record, in megabytes;
- `zoo | cifar10_cnn | kept_epoch`: a value of a checkpoint's `metrics.json`, keys joined by dots;
- `fact | CIFAR-10 images have 32 x 32 pixels`: not measured; the text has the number.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
CHECKPOINTS = ("zoo/rectgrad_zoo/checkpoints", "zoo/hub")

# Numbers that identify something and measure nothing.
_NAMES = re.compile(
    r"(?:figures?|tables?|sections?|appendix|theorems?|propositions?|lemma|claims?|footnotes?|"
    r"listings?|equations?) [A-Z]?\.?\d+[a-z]?(?:\.\d+)*(?:(?:, | and | to )[A-Z]?\.?\d+[a-z]?)*"
    r"|\bepsilon \d+\.\d+|\b20\d\d\b|\bq = \d+(?:\.\d+)?|\btau = 0"
    r"|\b95 % interval|\b95th percentile",
    re.IGNORECASE,
)
# The first number of a range, "0.5 to 5.5 percentage points", has the unit of the second.
_RANGE = re.compile(r"(\d) to (-?\d+(?:\.\d+)?)( ?%| percentage points)")
_NUMBER = re.compile(r"(?<![\w.,/])(?<!\w-)-?\d[\d,]*(?:\.\d+)?(?: ?%| percentage points?)?(?!\w)")


@cache
def record(name: str) -> dict[str, Any]:
    """The `result.json` of a run in `docs/results`."""
    content: dict[str, Any] = json.loads((RESULTS / name / "result.json").read_text("utf-8"))
    return content


def blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items, table rows and headings of a Markdown text, each on one line."""
    text = re.sub(r"<!--.*?-->|```.*?```", "", text, flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n", text):
        for part in re.split(r"\n(?=\s*(?:- |\d+\. |\||#))", paragraph):
            if line := " ".join(part.split()):
                yield line


def numbers(block: str) -> list[str]:
    """The numbers in a block of a page that must have a source, in order."""
    plain = re.sub(r"`[^`]*`|!?\[([^\]]*)\]\([^)]*\)", r"\1", block)
    plain = _RANGE.sub(r"\1\3 to \2\3", plain)
    return [found.strip() for found in _NUMBER.findall(_NAMES.sub("", plain))]


def agrees(written: str, source: str) -> bool:
    """Whether a number of a page is the rounded number of its source."""
    kind, *rest = source.split(" | ")
    if kind == "fact":
        return written in numbers(rest[0])
    if kind in _OTHER_RECORDS:
        return written == _like(written, _OTHER_RECORDS[kind](*rest))
    content = record(kind)
    if rest[0] == "config":
        value = content["config"][rest[1]]
        return written == _like(written, len(value) if isinstance(value, list) else value)
    if rest[0] == "count":
        return written == str(sum(claim["verdict"] == rest[1] for claim in content["claims"]))
    if rest[0] == "text":
        texts = [*content["notes"], *(claim["because"] for claim in content["claims"])]
        assert any(rest[1] in text for text in texts), f"no text of {kind} has {rest[1]!r}"
        return written in {form for number in numbers(rest[1]) for form in _forms(written, number)}
    return written == _like(written, _cell(content, *rest))


def _cell(content: dict[str, Any], cells: str, column: str) -> float:
    wanted = cells.split("; ")
    column, _, end = column.partition(" @ ")  # "low" or "high" end of the interval
    rows = [row for row in content["rows"] if set(wanted) <= set(map(str, row.values()))]
    assert len(rows) == 1, f"{len(rows)} rows of {content['study']} have the cells {cells!r}"
    value = rows[0][column]
    return float(value[end or "value"] if isinstance(value, dict) else value)


@cache
def recorded_board() -> dict[str, Any]:
    """The `board.json` in `docs/results`."""
    content: dict[str, Any] = json.loads((RESULTS / "board" / "board.json").read_text("utf-8"))
    return content


def _of_board(networks: str, method: str, column: str = "") -> float:
    content = recorded_board()
    if networks == "settings":
        return float(content["settings"][method])
    if method == "agreement":
        wanted = sorted(column.split(" with "))
        (pair,) = (
            pair
            for pair in content["agreement"][networks]
            if sorted((pair["first"], pair["second"])) == wanted
        )
        return float(pair["spearman"])
    column, _, number = column.partition(" @ ")
    (row,) = (
        row
        for row in content["rows"]
        if (row["networks"], row["method"], row["column"]) == (networks, method, column)
    )
    return float(row[number or "mean"])


def _of_onnx_times(network: str, kind: str, name: str) -> float:
    text = (ROOT / "benchmarks" / "results" / "onnx-times.json").read_text("utf-8")
    (row,) = (row for row in json.loads(text)["networks"] if row["network"] == network)
    if kind == "bytes":
        return float(row["bytes"][name]) / 1e6
    return float(row["ratios"][kind][name]["median"])


def _metric(name: str, keys: str) -> float:
    files = (ROOT / place / name / "metrics.json" for place in CHECKPOINTS)
    (file,) = (file for file in files if file.is_file())
    value = json.loads(file.read_text("utf-8"))
    for key in keys.split("."):
        value = value[key]
    return float(len(value) if isinstance(value, list) else value)


_OTHER_RECORDS: dict[str, Callable[..., float]] = {
    "zoo": _metric,
    "board": _of_board,
    "onnx-times": _of_onnx_times,
}


def _forms(written: str, number: str) -> Iterator[str]:
    """A number of a text, rounded as on the page; a share of 1 also as a percentage."""
    value = float(number.rstrip(" %").replace(",", ""))
    yield _like(written, value / 100 if number.endswith("%") else value)


def _like(written: str, value: float) -> str:
    """A value in the form of a written number: its decimals, its percent sign."""
    digits = written.rstrip(" %percntagois")  # of "percentage points"
    percent = written[len(digits) :]
    _, _, decimals = digits.partition(".")
    separator = "," if "," in digits else ""
    return f"{value * 100 if percent else value:{separator}.{len(decimals)}f}{percent}"
