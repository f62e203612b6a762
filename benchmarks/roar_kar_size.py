"""`python -m benchmarks.roar_kar_size --data FOLDER`: accuracies by size of table 1's trainings.

For each number of training images and epochs: networks on whole images, and on images without a
random fraction of their pixels. A size may decide something about methods if networks on whole
images are near the accuracy at the largest size, and the removal of random pixels costs more than
the spread of networks.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

import rectgrad_zoo
from captum_rectgrad.studies.compute.precision import precision_of
from captum_rectgrad.studies.compute.progress import Progress
from captum_rectgrad.studies.report.provenance import name_of
from captum_rectgrad.studies.roar_kar.cell_inputs import CellInputs, measure_cell
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.config import OWN
from captum_rectgrad.studies.roar_kar.masking import mean_colour
from captum_rectgrad.studies.roar_kar.ranks import Ranks, pixel_ranks, tie_order
from captum_rectgrad.studies.roar_kar.scores import trapezoid_weights
from captum_rectgrad.studies.roar_kar.training import training_of
from rectgrad_zoo.data.cifar10 import Split, read_cifar10
from rectgrad_zoo.data.images import CIFAR10_CLASSES, LabelledImages

FRACTIONS = (0.1, 0.5, 0.9)
NETWORKS = 2
NETWORK = "cifar10_cnn_paper"  # whose recipe is used


@dataclass(frozen=True)
class Size:
    """Accuracies at one size.

    Attributes:
        images: number of training images.
        epochs: passes over them.
        test_images: number of test images.
        device: name of the device.
        whole: accuracy on whole images, of each network.
        random: area under the accuracies at `FRACTIONS` of random pixels removed, of each network.
    """

    images: int
    epochs: int
    test_images: int
    device: str
    whole: Sequence[float]
    random: Sequence[float]


def random_ranks(images: int, pixels: int, split: Split) -> Ranks:
    """Ranks of pixels in random order, `(N, P)`, as those of maps that are the same everywhere."""
    order = tie_order(slice(0, images), pixels, 0, split)
    return pixel_ranks(torch.zeros(images, pixels), order).numpy().astype(np.uint16)


def measured(train: LabelledImages, test: LabelledImages, epochs: int, progress: Progress) -> Size:
    """Train `NETWORKS` networks on whole images and at each fraction.

    Args:
        train: images to train on.
        test: images to measure on.
        epochs: of each training.
        progress: counts the networks.

    Returns:
        The accuracies.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = rectgrad_zoo.load(NETWORK)
    work = CellInputs(
        train=train,
        test=test,
        colour=mean_colour(train.images),
        model=model,
        training=training_of(
            rectgrad_zoo.recipe(NETWORK), len(CIFAR10_CLASSES), epochs, precision_of(device)
        ),
        device=device,
        seed=0,
        batch_size=500,
    )
    pixels = train.images[0, 0].numel()
    ranks = (
        random_ranks(len(train), pixels, "train"),
        random_ranks(len(test), pixels, "test"),
    )
    whole, random = [], []
    for number in range(NETWORKS):
        whole.append(float(measure_cell(Cell("whole", "", OWN, 0, number), work, None).mean()))
        progress.update()
        curve = []
        for fraction in FRACTIONS:
            cell = Cell("roar", "random", OWN, fraction, number)
            curve.append(float(measure_cell(cell, work, ranks).mean()))
            progress.update()
        random.append(float(np.dot(trapezoid_weights(FRACTIONS), curve)))
    return Size(len(train), epochs, len(test), name_of(device), whole, random)


def page(sizes: Sequence[Size]) -> str:
    """The record as Markdown."""
    fractions = ", ".join(f"{fraction:g}" for fraction in FRACTIONS)
    about = (
        f"`python -m benchmarks.roar_kar_size`: {NETWORKS} networks for each number, with the "
        f"recipe of {NETWORK} and the last of the epochs. Random: area under the accuracies with "
        f"{fractions} of random pixels removed. Spread: the larger of the two differences between "
        "networks."
    )
    columns = (
        *("training images", "epochs", "whole images", "random", "whole - random", "spread"),
        *("test images", "device"),
    )
    lines = ["# Size of the trainings of table 1", "", about, "", f"| {' | '.join(columns)} |"]
    lines.append("|---:" * len(columns) + "|")
    for size in sizes:
        whole, random = np.mean(size.whole), np.mean(size.random)
        spread = max(np.ptp(size.whole), np.ptp(size.random))
        lines.append(
            f"| {size.images} | {size.epochs} | {whole:.3f} | {random:.3f} | {whole - random:.3f} "
            f"| {spread:.3f} | {size.test_images} | {size.device} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the command.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roar_kar_size", description=__doc__)
    parser.add_argument("--data", required=True, help="folder with CIFAR-10")
    parser.add_argument("--sizes", nargs="+", default=["4000x4", "20000x4"], help="IMAGESxEPOCHS")
    parser.add_argument("--test-images", type=int, help="(default: all)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("roar-kar-size.json"),
        help="the record; sizes are added to it (default: %(default)s)",
    )
    arguments = parser.parse_args()
    train, test = (read_cifar10(arguments.data, split) for split in ("train", "test"))
    test = _first(test, arguments.test_images)
    out: Path = arguments.out
    done = [Size(**each) for each in json.loads(out.read_text())["sizes"]] if out.exists() else []
    wanted = [tuple(map(int, size.split("x"))) for size in arguments.sizes]
    with Progress(len(wanted) * NETWORKS * (1 + len(FRACTIONS)), "network") as progress:
        for images, epochs in wanted:
            done.append(measured(_first(train, images), test, epochs, progress))
            record = {"sizes": [asdict(size) for size in done]}
            out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
            out.with_suffix(".md").write_text(page(done), encoding="utf-8")
    return 0


def _first(data: LabelledImages, count: int | None) -> LabelledImages:
    return LabelledImages(data.images[:count], data.labels[:count])


if __name__ == "__main__":
    sys.exit(main())
