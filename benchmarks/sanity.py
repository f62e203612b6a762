"""`python -m benchmarks.sanity`: how long the sanity checks and the simulated theorems take.

Parameter randomisation of `cifar10_cnn` at all layers, cascading, under all methods of the one
table; and `nie-theory`. Both on generated shapes, on the CPU.
"""

import argparse
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from tqdm import tqdm

import rectgrad_zoo
from captum_rectgrad.evaluation.methods import methods
from captum_rectgrad.sanity.defaults import REPEATS
from captum_rectgrad.sanity.explaining import Explaining
from captum_rectgrad.sanity.randomisation import randomisation
from captum_rectgrad.studies.compute.maps import model_inputs
from captum_rectgrad.studies.data.generated import Shapes, drawn
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.nie2018.theory import STUDY, theory

MODEL, IMAGES = "cifar10_cnn", 100
RANDOMISATION, THEORY = 300, 120  # seconds that they may take on two cores


def randomisation_seconds(images: int, repeats: int) -> dict[str, float]:
    """Time the randomisation.

    Args:
        images: how many.
        repeats: re-initialisations of every layer.

    Returns:
        Seconds by method's title.
    """
    model = rectgrad_zoo.load(MODEL)
    inputs = model_inputs(drawn("test").images[:images])
    targets = model(inputs).argmax(dim=1)
    seconds = {}
    for method in tqdm(methods(), unit="method", disable=None):
        begun = time.monotonic()
        randomisation(Explaining(method, inputs, targets), model, repeats=repeats)
        seconds[method.title] = time.monotonic() - begun
    return seconds


def theory_seconds(networks: int) -> float:
    """Time `nie-theory` at the sizes of its preset quick.

    Args:
        networks: random networks of each size.

    Returns:
        Seconds.
    """
    with TemporaryDirectory() as folder:
        lab = Lab(material=Shapes(Path(folder)), methods=(), folder=Path(folder))
        begun = time.monotonic()
        theory(replace(STUDY.presets["quick"], networks=networks), lab)
        return time.monotonic() - begun


def page(arguments: argparse.Namespace) -> str:
    """Measure, and say on what.

    Args:
        arguments: of the command.

    Returns:
        A table in Markdown.
    """
    by_method = randomisation_seconds(arguments.images, arguments.repeats)
    rows = [(f"randomisation, {title}", seconds, "") for title, seconds in by_method.items()]
    what = f"{len(by_method)} methods, {arguments.images} images, {arguments.repeats} repeats"
    rows.append((f"randomisation, {what}", sum(by_method.values()), f"{RANDOMISATION}"))
    if arguments.networks:
        seconds = theory_seconds(arguments.networks)
        rows.append((f"nie-theory, quick, {arguments.networks} networks", seconds, f"{THEORY}"))
    lines = [f"| {name} | {seconds:.1f} | {allowed} |" for name, seconds, allowed in rows]
    on = (
        f"{MODEL}, all layers, cascading, generated shapes; {platform.machine()}, "
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    heading = "# How long the sanity checks take"
    made = "Made by `python -m benchmarks.sanity`."
    return "\n".join(
        [heading, "", f"{on}. {made}", "", "| what | seconds | allowed |", "|---|---|---|", *lines]
    )


def main() -> int:
    """Do what the arguments say.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sanity", description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="(default: %(default)s)")
    parser.add_argument(
        "--networks",
        type=int,
        default=STUDY.presets["quick"].networks,
        help="of each size in nie-theory; 0: leave it out (default: %(default)s)",
    )
    sys.stdout.write(page(parser.parse_args()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
