"""The commands `rectgrad zoo` list, show, train and verify; `hub.py` has fetch and publish."""
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
    """Print the table, five lines per checkpoint.

    Returns:
        The exit status: 0.
    """
    name, architecture = (
        max(len(getattr(row, column)) for row in registry.CHECKPOINTS)
        for column in ("name", "architecture")
    )
    print(f"{'name':<{name}}  {'architecture':<{architecture}}  loadable  test accuracy")
    for row in registry.CHECKPOINTS:
        folder, accuracy = registry.local_folder(row), "-"
        if folder is not None:
            accuracy = f"{read_metrics(folder / METRICS_FILE).test.value:.2%}"
        loadable = "yes" if registry.is_loadable(row) else "no"
        print(f"{row.name:<{name}}  {row.architecture:<{architecture}}  {loadable:<8}  {accuracy}")
        print(f"  purpose: {row.purpose}")
        print(f"  training data: {row.data}")
        print(f"  {row.place}")
        print(f"  SHA-256 {row.sha256 or 'not pinned'}")
    return 0


def show(args: argparse.Namespace) -> int:
    """Print the provenance, the hash and the card of a checkpoint.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0.

    Raises:
        ZooError: the checkpoint is damaged or cannot be downloaded.
        ValueError: the name is unknown.
    """
    print(describe(args.name), end="")
    return 0


def train(args: argparse.Namespace) -> int:
    """Train a checkpoint and print its accuracy and hash.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0.

    Raises:
        ZooError: the data or the folder cannot be used.
        ValueError: the recipe or the device is not valid.
        KeyboardInterrupt: the training was interrupted; the same command resumes it.
    """
    try:
        metrics = make_checkpoint(args.recipe, args.data, args.out, parse_device(args.device))
    except KeyboardInterrupt:
        if (args.out / STATE_FILE).exists():
            print(
                f"{args.out} contains the finished epochs; run the same command to resume",
                file=sys.stderr,
            )
        raise
    print(f"{args.out}: test accuracy {metrics.test}, weights of epoch {metrics.kept_epoch}")
    print(f"SHA-256 {metrics.sha256}")
    return 0


def verify(args: argparse.Namespace) -> int:
    """Measure a checkpoint again and print the differences from its card.

    Args:
        args: of the parser in `captum_rectgrad.cli.zoo`.

    Returns:
        The exit status: 0, or 1 if the checkpoint differs from its card.

    Raises:
        ZooError: the checkpoint or the data cannot be read.
        ValueError: the name is unknown or the device is not available.
    """
    folder = checkpoint_folder(args.name)
    row = registry.find(args.name)
    found = verify_folder(folder, args.data, parse_device(args.device))
    problems = found.problems
    if row is not None and row.sha256 not in (None, found.sha256):
        problems.append(f"the SHA-256 of the weights is not the pinned {row.sha256}")
    print(f"SHA-256        {found.sha256}")
    print(f"test images    {found.fingerprint}")
    print(f"test accuracy  {found.measured}")
    if found.adversarial is not None:
        print(f"under attack   {found.adversarial}")
    if found.memorised is not None:
        print(f"training set   {found.memorised}")
    if found.attack_success is not None:
        print(f"backdoor       {found.attack_success}")
    for problem in problems:
        print(f"mismatch: {problem}")
    print("verified" if not problems else f"{args.name} differs from its card")
    return 1 if problems else 0
