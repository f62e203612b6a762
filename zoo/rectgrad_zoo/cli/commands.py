"""What `rectgrad zoo` list, show, train and verify do; fetch and publish: `hub_commands`."""
# ruff: noqa: T201 (a command prints)

import argparse
import sys

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import METRICS_FILE
from rectgrad_zoo.cli.show import describe
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.loading import checkpoint_folder
from rectgrad_zoo.training.build_checkpoint import STATE_FILE, make_checkpoint
from rectgrad_zoo.training.metrics import read_metrics
from rectgrad_zoo.training.verify import verify_folder


def list_checkpoints(_: argparse.Namespace) -> int:
    """Print the table, five lines for each: whole hashes side by side would fit no terminal.

    Returns:
        The exit status: 0.
    """
    name, architecture = (
        max(len(getattr(row, column)) for row in registry.CHECKPOINTS)
        for column in ("name", "architecture")
    )
    print(f"{'name':<{name}}  {'architecture':<{architecture}}  test accuracy")
    for row in registry.CHECKPOINTS:
        folder, accuracy = registry.local_folder(row), "-"
        if folder is not None:
            accuracy = f"{read_metrics(folder / METRICS_FILE).test.value:.2%}"
        print(f"{row.name:<{name}}  {row.architecture:<{architecture}}  {accuracy}")
        print(f"  {row.purpose}")
        print(f"  trained on {row.data}")
        print(f"  {row.place}")
        print(f"  SHA-256 {row.sha256 or 'not pinned'}")
    return 0


def show(args: argparse.Namespace) -> int:
    """Print what is known of a checkpoint.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0.

    Raises:
        ZooError: it is damaged, or cannot be fetched.
        ValueError: there is none of that name.
    """
    print(describe(args.name), end="")
    return 0


def train(args: argparse.Namespace) -> int:
    """Train a checkpoint, and print its accuracy and its hash.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0.

    Raises:
        ZooError: the data or the folder cannot be used.
        ValueError: the recipe or the device makes no sense.
        KeyboardInterrupt: it was interrupted; what is there goes on.
    """
    try:
        metrics = make_checkpoint(args.recipe, args.data, args.out, parse_device(args.device))
    except KeyboardInterrupt:
        if (args.out / STATE_FILE).exists():
            print(f"{args.out} has every whole epoch; the same command goes on", file=sys.stderr)
        raise
    print(f"{args.out}: test accuracy {metrics.test}, epoch {metrics.kept_epoch} kept")
    print(f"SHA-256 {metrics.sha256}")
    return 0


def verify(args: argparse.Namespace) -> int:
    """Measure a checkpoint again, and print where it is not what its card says.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0, or 1 where something differs.

    Raises:
        ZooError: the checkpoint or the data cannot be read.
        ValueError: there is none of that name, or no such device.
    """
    folder = checkpoint_folder(args.name)
    row = registry.find(args.name)
    found = verify_folder(folder, args.data, parse_device(args.device))
    problems = found.problems
    if row is not None and row.sha256 not in (None, found.sha256):
        problems.append(f"the weights' SHA-256 is not the zoo's {row.sha256}")
    print(f"SHA-256        {found.sha256}")
    print(f"test images    {found.fingerprint}")
    print(f"test accuracy  {found.measured}")
    if found.adversarial is not None:
        print(f"under attack   {found.adversarial}")
    if found.memorised is not None:
        print(f"random labels  {found.memorised}")
    for problem in problems:
        print(f"mismatch: {problem}")
    print("verified" if not problems else f"{args.name} is not what its card says")
    return 1 if problems else 0
