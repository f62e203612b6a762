"""`python -m benchmarks.device_agreement --device cuda`: how far maps on two devices differ.

A rounding can move a unit over a threshold, and then the units behind it change too. The reference
is the CPU in float32. The other device computes deterministically in float32, and by PyTorch's
defaults, which on a GPU are TF32 in convolutions and algorithms that add in a changing order.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import rectgrad_zoo
from benchmarks.attribution.cases import LITE, Case
from benchmarks.attribution.record import machine
from captum_rectgrad import RectGrad, Saliency
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.studies.data.shapes import shapes
from rectgrad_zoo.data.images import to_model_range
from rectgrad_zoo.determinism import deterministic

METHODS: Mapping[str, Callable[[nn.Module], Any]] = {"RectGrad": RectGrad, "Saliency": Saliency}
NETWORKS = ("cifar10_cnn", LITE, "resnet50", "vgg16")
DIFFERENT = 1e-3  # of the largest absolute value of a map
IMAGES = 8


def main() -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device_agreement")
    parser.add_argument("--device", default="cuda", help="(default: %(default)s)")
    parser.add_argument("--network", help="measure this network only")
    parser.add_argument("--out", type=Path, help="JSON file of the record; the page is NAME.md")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    names = [name for name in NETWORKS if arguments.network in (None, name)]
    rows = [row for name in names for row in _rows(name, device)]
    record = {"machine": machine(device), "images": IMAGES, "different": DIFFERENT, "rows": rows}
    text = page(record)
    sys.stdout.write(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        arguments.out.with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


def _rows(name: str, device: torch.device) -> list[dict[str, Any]]:
    cpu, rows = torch.device("cpu"), []
    model = Case(name, IMAGES, 224).model(cpu)
    x = images(name, model)
    with torch.no_grad():
        target = model(x).argmax(dim=1)
    expected = {title: make(model).attribute(x, target=target) for title, make in METHODS.items()}
    model, x, target = model.to(device), x.to(device), target.to(device)
    for settings in ("deterministic", "defaults"):
        for title, make in METHODS.items():
            with deterministic(device) if settings == "deterministic" else nullcontext():
                one, other = (make(model).attribute(x, target=target).cpu() for _ in range(2))
            rows.append(
                {
                    "network": name,
                    "settings": settings,
                    "method": title,
                    "to the CPU": difference(one, expected[title]),
                    "between two runs": difference(one, other),
                }
            )
    return rows


def images(name: str, model: nn.Module) -> Tensor:
    """Images for a network: photographs, or generated shapes for CIFAR-10.

    Args:
        name: name of the network.
        model: the network.

    Returns:
        `(N, 3, H, W)`.
    """
    if name == "cifar10_cnn":
        return to_model_range(shapes(IMAGES, seed=0).images)
    transform = rectgrad_zoo.transform(model)
    return torch.stack([transform(image) for image in list(photographs().values())[:IMAGES]])


def difference(found: Tensor, expected: Tensor) -> dict[str, float]:
    """How far maps differ.

    Args:
        found: maps, `(N, C, H, W)`.
        expected: maps to compare with.

    Returns:
        The share of the elements that differ by more than `DIFFERENT` of the largest absolute value
        of their map, and the sum of the absolute differences over the sum of the absolute values.
    """
    found, expected = found.double().flatten(1), expected.double().flatten(1)
    gap, largest = (found - expected).abs(), expected.abs().amax(dim=1, keepdim=True)
    return {
        "elements": float((gap > DIFFERENT * largest).double().mean()),
        "attribution": float(gap.sum() / expected.abs().sum()),
    }


def page(record: Mapping[str, Any]) -> str:
    """The record as a table.

    Args:
        record: as it is written.

    Returns:
        Markdown.
    """
    about = record["machine"]
    about_it = (
        f"Maps of {record['images']} images on {about['device']} beside those of the CPU in "
        "float32, and beside those of a second run. Elements: the share of the elements of a map "
        f"that differ by more than {record['different']:g} of its largest absolute value. "
        "Attribution: the sum of the absolute differences over the sum of the absolute values. "
        f"ResNet-50 and VGG-16 have random weights. torch {about['versions']['torch']}. Made by "
        "`python -m benchmarks.device_agreement`."
    )
    heads = [
        f"{what}, {of}" for of in ("to the CPU", "two runs") for what in ("Elements", "Attribution")
    ]
    lines = ["# How far maps differ between devices", "", about_it, ""]
    lines += [f"| Network | Settings | Method | {' | '.join(heads)} |"]
    lines += ["| --- | --- | --- |" + " ---: |" * len(heads)]
    for row in record["rows"]:
        cells = [
            f"{row[of][what]:.2%}"
            for of in ("to the CPU", "between two runs")
            for what in ("elements", "attribution")
        ]
        head = f"| {row['network']} | {row['settings']} | {row['method']} | "
        lines.append(head + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
