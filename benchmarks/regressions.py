"""`python -m benchmarks.regressions`: does an attribution cost more than it was recorded to?

Operations of PyTorch and nodes of the autograd graph are counted, which is exact, and held to the
record; the time is a ratio to Captum's Saliency, on one thread and of the processor, and has a wide
bound, since it depends on the machine.
"""
# ruff: noqa: T201 (a command prints)

import argparse
import json
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.attribution.cases import CPU, Case
from benchmarks.attribution.methods import BASELINE, RECTGRAD, Method
from benchmarks.attribution.record import machine
from benchmarks.attribution.timing import timed

RECORD = Path(__file__).parent / "results" / "regressions.json"
NETWORKS = ("cifar10_cnn", "tf_efficientnet_lite0")
CASES = tuple(case for case in CPU if case.network in NETWORKS)
# Counts by other versions of PyTorch differ a little.
MOST_OF_A_COUNT = 1.05
# The 95 % interval of the ratio has to be above it.
MOST_OF_THE_RATIO = 1.25
_OPERATION = "aten::"
_NODE = "autograd::engine::evaluate_function: "

Costs = Mapping[str, float]


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 1 where something costs more than was recorded.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regressions", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the record, compare nothing")
    parser.add_argument(
        "--seconds", type=float, default=20, help="of timing a network (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {case.title: costs(case, arguments.seconds) for case in CASES}
    if arguments.record:
        record = {"machine": machine(torch.device("cpu")), "costs": found}
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    recorded: Mapping[str, Costs] = json.loads(RECORD.read_text(encoding="utf-8"))["costs"]
    for title, measured in found.items():
        for name, value in measured.items():
            print(f"{title}: {name} {value:.5g}, recorded {recorded[title][name]:.5g}")
    regressions = [line for title in found for line in worse(title, found[title], recorded[title])]
    print("\n".join(regressions) or "nothing costs more than was recorded")
    return int(bool(regressions))


def costs(case: Case, seconds: float) -> dict[str, float]:
    """What RectGrad costs on a network.

    Args:
        case: network and batch.
        seconds: of timing.

    Returns:
        By name: the operations and the nodes of one attribution; the same of the baseline; the
        ratio of their times and the lower end of its 95 % interval.

    Raises:
        RuntimeError: RectGrad cannot serve the network.
    """
    ratio = timed(case, (BASELINE, RECTGRAD), torch.device("cpu"), seconds, time.process_time)
    found = ratio[RECTGRAD.key]
    if isinstance(found, str):
        raise RuntimeError(found)  # noqa: TRY004 (it is what the network said)
    operations, nodes = counted(case, RECTGRAD)
    of_baseline, its_nodes = counted(case, BASELINE)
    return {
        "operations": operations,
        "nodes": nodes,
        "baseline operations": of_baseline,
        "baseline nodes": its_nodes,
        "ratio": found.median,
        "ratio at least": found.low,
    }


def counted(case: Case, method: Method) -> tuple[int, int]:
    """What one attribution makes PyTorch do, after one that is not counted.

    Args:
        case: network and batch.
        method: what attributes.

    Returns:
        Operations, those that others consist of among them, and nodes of the autograd graph.
    """
    device = torch.device("cpu")
    model, images = case.model(device), case.images(device)
    with torch.no_grad():
        target = model(images).argmax(dim=1)
    attribute = method.made(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attribute(images, target)
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            attribute(images, target)
    names: list[Any] = [event.name for event in profiled.events() or ()]
    return (
        sum(name.startswith(_OPERATION) for name in names),
        sum(name.startswith(_NODE) for name in names),
    )


def worse(title: str, found: Costs, recorded: Costs) -> list[str]:
    """What costs more than it may.

    Args:
        title: of the case.
        found: as `costs` gives.
        recorded: the same, of the record.

    Returns:
        A line for each.
    """
    lines = []
    for name in ("operations", "nodes"):
        most = MOST_OF_A_COUNT * recorded[name]
        if found[name] > most:
            lines.append(f"{title}: {found[name]:g} {name}; recorded {recorded[name]:g}")
    most = MOST_OF_THE_RATIO * recorded["ratio"]
    if found["ratio at least"] > most:
        lines.append(
            f"{title}: {found['ratio']:.2f} times {BASELINE.title}, at least "
            f"{found['ratio at least']:.2f}; recorded {recorded['ratio']:.2f}, allowed {most:.2f}"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
