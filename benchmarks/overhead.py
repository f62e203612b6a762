"""`python -m benchmarks.overhead`: what RectGrad costs the host beside a gradient, on small inputs.

One image of 32 x 32 pixels, or the smallest that a network takes: the operations take little time
there, so that what Python does is seen. CPU time of one thread, as a multiple of the time of
Captum's Saliency in rounds in which both run once: the median with its 95 % interval. The number of
Python functions of this package that one attribution of a small network calls is exact.
"""
# ruff: noqa: T201 (a command prints)

import argparse
import sys
import time
import warnings
from types import FrameType
from typing import Any

import torch
from torch import nn

import captum_rectgrad
from benchmarks.attribution.cases import LITE, Case
from benchmarks.attribution.methods import BASELINE, RECTGRAD
from benchmarks.attribution.timing import timed
from captum_rectgrad import RectGrad

# The most that a network may cost, as a multiple of Saliency.
GOALS = {
    Case("resnet50", 1, 32): 1.15,
    Case("vit_tiny_patch16_224", 1, 224): 1.15,
    Case(LITE, 1, 32): 1.35,
}


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 1 where the interval of a ratio lies above its goal.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=20, help="of timing a network (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    missed = False
    for case, goal in GOALS.items():
        device = torch.device("cpu")
        found = timed(case, (BASELINE, RECTGRAD), device, arguments.seconds, time.process_time)
        ratio = found[RECTGRAD.key]
        if isinstance(ratio, str):
            raise RuntimeError(ratio)  # noqa: TRY004 (it is what the network said)
        missed |= ratio.low > goal
        print(
            f"{case.title}: {ratio.median:.2f} times Saliency ({ratio.low:.2f} to "
            f"{ratio.high:.2f}, {ratio.rounds} rounds), goal {goal}"
        )
    calls, files = python_calls()
    print(f"three activations, one map: {calls} calls of Python functions in {files} files")
    return int(missed)


def python_calls() -> tuple[int, int]:
    """How many functions of this package one attribution of a small network calls.

    Returns:
        The number of calls, comprehensions among them, and that of the files they are in.
    """
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(8 * 13 * 13, 64), nn.ReLU(), nn.Linear(64, 10)),
    ).eval()
    method, image = RectGrad(model), torch.rand(1, 3, 32, 32)
    package = captum_rectgrad.__path__[0]
    files: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(package):
            files.append(frame.f_code.co_filename)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        method.attribute(image, target=0)
        sys.setprofile(note)
        try:
            method.attribute(image, target=0)
        finally:
            sys.setprofile(None)
    return len(files), len(set(files))


if __name__ == "__main__":
    sys.exit(main())
