"""What was measured, as JSON and as a page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import BASELINE, METHODS, PERCENTILE, RECTGRAD
from benchmarks.attribution.timing import Ratio
from captum_rectgrad.studies.provenance import name_of

_PACKAGES = ("torch", "captum", "timm", "numpy", "zennit", "grad-cam")


def is_installed(package: str) -> bool:
    """Whether a distribution is: with `--brief` the peers need not be.

    Args:
        package: its name.
    """
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


@dataclass(frozen=True)
class Measured:
    """Everything about one case.

    Attributes:
        case: network and batch.
        ratios: multiples of the baseline's time, by the method's key, or why there is none.
        memory: peak memory in bytes, by the method's key.
    """

    case: Case
    ratios: Mapping[str, Ratio | str]
    memory: Mapping[str, int | None]


def machine(device: torch.device) -> dict[str, Any]:
    """What it was measured on.

    Args:
        device: where.
    """
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return {
        "device": name_of(device),
        "cpu": capabilities.get("cpu_name"),
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in _PACKAGES if is_installed(name)},
    }


def as_json(groups: Mapping[str, list[Measured]], device: torch.device) -> dict[str, Any]:
    """The record.

    Args:
        groups: what was measured, by title.
        device: where.
    """
    return {
        "machine": machine(device),
        "percentile": PERCENTILE,
        "groups": {
            title: [
                {
                    **asdict(measured.case),
                    "ratios": {
                        key: ratio if isinstance(ratio, str) else asdict(ratio)
                        for key, ratio in measured.ratios.items()
                    },
                    "memory": dict(measured.memory),
                }
                for measured in group
            ]
            for title, group in groups.items()
        },
    }


def page(groups: Mapping[str, list[Measured]], device: torch.device) -> str:
    """Tables.

    Args:
        groups: what was measured, by title.
        device: where.

    Returns:
        Markdown.
    """
    about = machine(device)
    lines = [
        "# What an attribution costs",
        "",
        f"Multiples of the time of Captum's {BASELINE.title} on the same network and batch, "
        "medians of rounds in which every method runs once, with 95 % intervals from order "
        "statistics. "
        f"On {about['device']}, {about['threads']} threads, with "
        + ", ".join(f"{name} {number}" for name, number in about["versions"].items())
        + ". Made by `python -m benchmarks.attribution`.",
    ]
    for title, group in groups.items():
        lines += ["", f"## {title}", "", *_table(group)]
    return "\n".join(lines) + "\n"


def _table(group: list[Measured]) -> list[str]:
    titles = {method.key: method.title for method in METHODS}
    keys = [key for key in titles if any(key in measured.ratios for measured in group)]
    lines = [
        "| | " + " | ".join(titles[key] for key in keys) + " | Memory |",
        "| --- |" + " ---: |" * (len(keys) + 1),
    ]
    for measured in group:
        cells = [_cell(measured.ratios.get(key)) for key in keys]
        lines.append(f"| {measured.case.title} | " + " | ".join((*cells, _memory(measured))) + " |")
    return [*lines, "", "Memory: the peak of RectGrad's process over that of the baseline's."]


def _cell(ratio: Ratio | str | None) -> str:
    if ratio is None:
        return ""
    if isinstance(ratio, str):
        return "cannot"
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _memory(measured: Measured) -> str:
    ours, theirs = (measured.memory.get(method.key) for method in (RECTGRAD, BASELINE))
    return f"{ours / theirs:.2f}" if ours and theirs else ""
