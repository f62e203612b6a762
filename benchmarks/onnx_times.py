"""`python -m benchmarks.onnx_times`: the size of an exported map, and its time in onnxruntime.

One image, with one and with two threads. In each round the forward pass and the map run once in
PyTorch and in onnxruntime, in random order, each after unmeasured runs of its own. Medians of the
ratios of the rounds with 95 % intervals from order statistics.
"""
# ruff: noqa: T201 (a command prints)

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx.utils
import torch
from torch import nn

from benchmarks.attribution.cases import LITE, Case
from benchmarks.attribution.timing import FEWEST, Ratio, ratio_of
from captum_rectgrad import RectGrad, export_onnx
from captum_rectgrad.export.onnx_map import OnnxMap
from captum_rectgrad.studies.report.provenance import name_of

CASES = Case("cifar10_cnn", 1, 32), Case(LITE, 1, 224)
THREADS = 1, 2
# Seconds before a measurement. The threads of the other program wait for work in a loop at first.
WARM_UP = 0.1
PERCENTILE = 98.0
# What the time of a map in onnxruntime is divided by.
RATIOS = {
    "forward, onnxruntime": "its forward pass in onnxruntime",
    "forward, PyTorch": "its forward pass in PyTorch",
    "map, PyTorch": "RectGrad in PyTorch",
}
MAP = "map, onnxruntime"
PACKAGES = "torch", "onnx", "onnxruntime"


@dataclass(frozen=True)
class Sizes:
    """Numbers of bytes.

    Attributes:
        forward: a file with the forward pass alone, in float32.
        map: the exported file.
        half: the exported file with weights in float16.
    """

    forward: int
    map: int
    half: int


def export(model: nn.Module, case: Case, folder: Path) -> Sizes:
    """Write `map.onnx` and `forward.onnx`.

    Args:
        model: the network.
        case: the network's name and the shape of its input.
        folder: where the files are written.

    Returns:
        The sizes of the files.
    """
    image = case.images(torch.device("cpu"))
    whole, forward, half = (folder / f"{name}.onnx" for name in ("map", "forward", "half"))
    export_onnx(model, image, whole)
    export_onnx(model, image, half, half=True)
    onnx.utils.extract_model(str(whole), str(forward), ["image"], ["logits"])
    return Sizes(*(file.stat().st_size for file in (forward, whole, half)))


def contenders(
    model: nn.Module, case: Case, folder: Path, threads: int
) -> dict[str, Callable[[], Any]]:
    """What runs in a round.

    Args:
        model: the network.
        case: the shape of its input.
        folder: where `export` wrote the files.
        threads: number of threads of onnxruntime.

    Returns:
        A function for each key of `RATIOS`, and for `MAP`.
    """
    import onnxruntime  # noqa: PLC0415 (an extra without types)

    image = case.images(torch.device("cpu"))
    pixels = image.numpy()
    target = int(model(image).argmax())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    forward = onnxruntime.InferenceSession(
        str(folder / "forward.onnx"), options, ["CPUExecutionProvider"]
    )
    exported, method = OnnxMap(folder / "map.onnx", threads), RectGrad(model, PERCENTILE)
    return {
        "forward, PyTorch": torch.no_grad()(lambda: model(image)),
        "map, PyTorch": lambda: method.attribute(image, target=target),
        "forward, onnxruntime": lambda: forward.run(None, {"image": pixels}),
        MAP: lambda: exported(pixels, target, PERCENTILE),
    }


def timed(
    runs: Mapping[str, Callable[[], Any]],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Ratio]:
    """Time the functions side by side.

    Args:
        runs: the result of `contenders`.
        seconds: rounds begin for this time; there are at least `FEWEST`.
        clock: what the functions are timed by, in seconds.

    Returns:
        The ratios, by the keys of `RATIOS`.
    """
    rounds: list[dict[str, float]] = []
    draw, until = np.random.default_rng(0), time.perf_counter() + seconds
    while len(rounds) < FEWEST or time.perf_counter() < until:
        keys = [str(key) for key in draw.permutation(list(runs))]
        rounds.append({key: _seconds(runs[key], clock) for key in keys})
    return {key: ratio_of([one[MAP] / one[key] for one in rounds]) for key in RATIOS}


def _seconds(run: Callable[[], Any], clock: Callable[[], float]) -> float:
    until = clock() + WARM_UP
    while clock() < until:
        run()
    start = clock()
    run()
    return clock() - start


def measure(case: Case, seconds: float) -> dict[str, Any]:
    """Measure a network.

    Args:
        case: the network and the shape of its input.
        seconds: time for each number of threads.

    Returns:
        Values for JSON: the case, `bytes`, and `ratios` by the number of threads.
    """
    model = case.model(torch.device("cpu"))
    ratios = {}
    with tempfile.TemporaryDirectory() as name:
        sizes = export(model, case, Path(name))
        for threads in THREADS:
            torch.set_num_threads(threads)
            found = timed(contenders(model, case, Path(name), threads), seconds)
            ratios[str(threads)] = {key: asdict(ratio) for key, ratio in found.items()}
    return {**asdict(case), "bytes": asdict(sizes), "ratios": ratios}


def page(record: Mapping[str, Any]) -> str:
    """The record as Markdown, the same for the same record."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    about = (
        f"RectGrad at percentile {record['percentile']:g} as an ONNX file, for one image. On "
        f"{record['device']}, with {versions}. Made by `python -m benchmarks.onnx_times`."
    )
    lines = [
        "# What an exported map costs",
        "",
        about,
        "",
        "Sizes in megabytes:",
        "",
        "| | forward pass alone | map | map, weights in float16 |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in record["networks"]:
        cells = (f"{row['bytes'][key] / 1e6:.2f}" for key in ("forward", "map", "half"))
        lines.append(f"| {row['network']} | {' | '.join(cells)} |")
    lines += [
        "",
        "Time of a map in onnxruntime as a multiple of the time of:",
        "",
        f"| | threads | {' | '.join(RATIOS.values())} |",
        f"| --- | ---: |{' ---: |' * len(RATIOS)}",
    ]
    for row in record["networks"]:
        for threads, ratios in row["ratios"].items():
            each = (ratios[key] for key in RATIOS)
            cells = (f"{r['median']:.2f} ({r['low']:.2f} to {r['high']:.2f})" for r in each)
            lines.append(f"| {row['network']} | {threads} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.onnx_times", description=__doc__)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="NAME",
        help="write NAME.json and NAME.md; without, the page is printed",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=20,
        help="time for a network and a number of threads (default: %(default)s)",
    )
    arguments = parser.parse_args()
    record = {
        "device": name_of(torch.device("cpu")),
        "versions": {name: version(name) for name in PACKAGES},
        "percentile": PERCENTILE,
        "networks": [measure(case, arguments.seconds) for case in CASES],
    }
    if arguments.out is None:
        print(page(record), end="")
        return
    text = json.dumps(record, indent=1) + "\n"
    arguments.out.with_suffix(".json").write_text(text, encoding="utf-8")
    arguments.out.with_suffix(".md").write_text(page(record), encoding="utf-8")


if __name__ == "__main__":
    main()
