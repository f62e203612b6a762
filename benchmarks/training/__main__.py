"""`python -m benchmarks.training`: time trainings, or compare accuracies, and write the record."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.attribution.record import machine
from benchmarks.training.accuracy import measured
from benchmarks.training.contenders import Data, contenders
from benchmarks.training.record import accuracy_page, as_json, page
from benchmarks.training.timing import operations, timed
from captum_rectgrad.studies.data.cifar10 import Cifar10
from captum_rectgrad.studies.data.generated import drawn
from rectgrad_zoo.data.images import LabelledImages

SHAPES = "shapes"


def main() -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--device", default="cpu", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, help="the record, .json; the page lies beside it, .md")
    parser.add_argument(
        "--seconds", type=float, default=60, help="of timing (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, help="in a round (default: 100 on a GPU, else 1)")
    parser.add_argument(
        "--accuracy", action="store_true", help="compare float32 and bfloat16 instead"
    )
    parser.add_argument(
        "--data",
        default=SHAPES,
        help="to compare on: a folder with CIFAR-10, or generated %(default)s (default)",
    )
    parser.add_argument("--networks", type=int, default=8, help="of each (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=4, help="of each (default: %(default)s)")
    parser.add_argument("--train-images", type=int, help="(default: all)")
    parser.add_argument("--test-images", type=int, help="(default: all)")
    arguments = parser.parse_args()
    record, text = _accuracy(arguments) if arguments.accuracy else _speed(arguments)
    print(text, end="")
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        arguments.out.with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


def _speed(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    device = torch.device(arguments.device)
    gpu = device.type == "cuda"
    data = Data.drawn(50_000 if gpu else 2_000, device)
    ways = contenders(device)
    speeds = timed(ways, data, arguments.steps or (100 if gpu else 1), arguments.seconds)
    record = as_json(ways, speeds, operations(data), device)
    return record, page(record)


def _accuracy(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    device = torch.device(arguments.device)
    train, test = (
        LabelledImages(data.images[:count], data.labels[:count])
        for data, count in zip(
            _data(arguments.data), (arguments.train_images, arguments.test_images), strict=True
        )
    )
    found = measured(train, test, arguments.networks, arguments.epochs, device)
    about = machine(device)
    name = SHAPES if arguments.data == SHAPES else Cifar10.name
    text = accuracy_page(
        found,
        f"`cifar10_cnn` trained for {arguments.epochs} epochs on {len(train)} images of {name}, "
        f"measured on {len(test)}. On {about['device']}. Made by "
        "`python -m benchmarks.training --accuracy`.",
    )
    sizes = {"train images": len(train), "test images": len(test), "epochs": arguments.epochs}
    return {"machine": about, "data": name, **sizes, **asdict(found)}, text


def _data(source: str) -> tuple[LabelledImages, LabelledImages]:
    if source == SHAPES:
        return drawn("train"), drawn("test")
    material = Cifar10(source)
    return material.images("train"), material.images("test")


if __name__ == "__main__":
    sys.exit(main())
