"""`python -m benchmarks.attribution`: time attributions, print the tables, write the record."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.attribution.cases import BY_BATCH, BY_SIZE, Case, main_cases
from benchmarks.attribution.memory import peak
from benchmarks.attribution.methods import BASELINE, METHODS, RECTGRAD, Method
from benchmarks.attribution.parts import parts
from benchmarks.attribution.record import Measured, as_json, page
from benchmarks.attribution.timing import timed


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 2 if a peer is not installed.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attribution", description=__doc__)
    parser.add_argument("--device", default="cpu", help="(default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=30, help="time per case (default: %(default)s)"
    )
    parser.add_argument("--network", help="measure this network only")
    parser.add_argument("--brief", action="store_true", help="the main table without the peers")
    parser.add_argument("--out", type=Path, help="JSON file of the record; the page is NAME.md")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    methods = [method for method in METHODS if method.installed]
    if arguments.brief:
        methods = [BASELINE, RECTGRAD]
    elif len(methods) < len(METHODS):
        names = ", ".join(m.title for m in METHODS if not m.installed)
        parser.error(f"not installed: {names}; pip install 'captum-rectgrad[peers]', or --brief")
    groups: dict[str, tuple[Sequence[Case], Sequence[Method]]] = {
        "Networks": (main_cases(device), methods)
    }
    if not arguments.brief:
        groups |= {
            "By batch": (BY_BATCH, (BASELINE, RECTGRAD)),
            "By resolution": (BY_SIZE, (BASELINE, RECTGRAD)),
        }
    measured: dict[str, list[Measured]] = {title: [] for title in groups}
    for title, (cases, of) in groups.items():
        for case in tqdm(_chosen(cases, arguments.network), desc=title, unit="case", disable=None):
            measured[title].append(_measured(case, of, device, arguments.seconds))
            if arguments.out:  # after each case, so that an interrupted run keeps its results
                _write(arguments.out, measured, device)
    print(page(measured, device), end="")
    return 0


def _chosen(cases: Sequence[Case], network: str | None) -> list[Case]:
    return [case for case in cases if network in (None, case.network)]


def _measured(
    case: Case, methods: Sequence[Method], device: torch.device, seconds: float
) -> Measured:
    ratios = timed(case, methods, device, seconds)
    memory = {method.key: peak(case, method.key, device) for method in (BASELINE, RECTGRAD)}
    return Measured(case, ratios, memory, parts(case, device))


def _write(file: Path, measured: Mapping[str, list[Measured]], device: torch.device) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(as_json(measured, device), indent=2) + "\n", encoding="utf-8")
    file.with_suffix(".md").write_text(page(measured, device), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
