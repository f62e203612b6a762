"""What was measured, as JSON and as a page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import BASELINE, METHODS, PERCENTILE, RECTGRAD
from benchmarks.attribution.timing import Ratio
from captum_rectgrad.studies.report.provenance import name_of
from rectgrad_zoo.package_versions import package_versions

# With `--brief`, the peers need not be installed.
_PACKAGES = ("torch", "captum", "timm", "numpy", "zennit", "grad-cam")


@dataclass(frozen=True)
class Measured:
    """Everything about one case.

    Attributes:
        case: network and batch.
        ratios: multiples of the baseline's time, by the method's key, or why there is none.
        memory: peak memory in bytes, by the method's key.
        parts: times of RectGrad's own parts, as multiples of the baseline's; see `parts`.
    """

    case: Case
    ratios: Mapping[str, Ratio | str]
    memory: Mapping[str, int | None]
    parts: Mapping[str, float] = field(default_factory=dict)


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
        "versions": package_versions(_PACKAGES),
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
                    "parts": dict(measured.parts),
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
        if group:
            lines += ["", f"## {title}", "", *_table(group)]
    return "\n".join(lines) + "\n"


def _table(group: list[Measured]) -> list[str]:
    titles = {method.key: method.title for method in METHODS}
    keys = [key for key in titles if any(key in measured.ratios for measured in group)]
    parts = list(group[0].parts)
    heads = [*(titles[key] for key in keys), "Memory", *parts]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for measured in group:
        cells = [_cell(measured.ratios.get(key)) for key in keys]
        cells += [_memory(measured), *(f"{measured.parts[name]:.2f}" for name in parts)]
        lines.append(f"| {measured.case.title} | " + " | ".join(cells) + " |")
    notes = "Memory: the peak of RectGrad's process over that of the baseline's."
    if parts:
        notes += (
            f" {', '.join(parts)}: what RectGrad spends on these, by a profile, as multiples of "
            "the baseline's time; the selection stands in for a ReLU's own backward, and comes on "
            "top of any other activation's."
        )
    return [*lines, "", notes]


def _cell(ratio: Ratio | str | None) -> str:
    if ratio is None:
        return ""
    if isinstance(ratio, str):
        return "cannot"
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _memory(measured: Measured) -> str:
    ours, theirs = (measured.memory.get(method.key) for method in (RECTGRAD, BASELINE))
    return f"{ours / theirs:.2f}" if ours and theirs else ""
