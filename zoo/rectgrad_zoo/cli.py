"""The command `rectgrad zoo`: list, show, fetch, verify, train, publish."""
# ruff: noqa: T201 (a command prints)

import argparse
import sys
from pathlib import Path

from rectgrad_zoo import registry
from rectgrad_zoo.checkpoint import METRICS_FILE
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.hub_commands import add_fetch, add_publish
from rectgrad_zoo.loading import checkpoint_folder
from rectgrad_zoo.making import STATE_FILE, make_checkpoint
from rectgrad_zoo.metrics import read_metrics
from rectgrad_zoo.showing import describe
from rectgrad_zoo.verifying import verify_folder

_DATA_HELP = "CIFAR-10: a folder (parquet files as uoft-cs/cifar10, or pictures), or a Hub data set"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `zoo`; each of its commands sets `run`, a function from arguments to status.

    Args:
        subparsers: What `ArgumentParser.add_subparsers` returned.
    """
    zoo = subparsers.add_parser("zoo", help="pretrained checkpoints: list, show, fetch, ...")
    commands = zoo.add_subparsers(title="commands", metavar="COMMAND", required=True)

    listing = commands.add_parser("list", help="the checkpoints, as a table")
    listing.set_defaults(run=_list)

    show = commands.add_parser("show", help="a checkpoint's provenance, hash and card")
    show.add_argument(
        "name",
        metavar="NAME",
        help="name of the zoo, path of a checkpoint folder, or OWNER/NAME on the Hub",
    )
    show.set_defaults(run=_show)

    add_fetch(commands)

    train = commands.add_parser("train", help="train a checkpoint from a recipe")
    train.add_argument("recipe", metavar="RECIPE", type=Path, help="recipe, a TOML file")
    train.add_argument("--data", metavar="DATA", required=True, help=_DATA_HELP)
    train.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="checkpoint folder to write; an interrupted training in it goes on",
    )
    train.add_argument("--device", default="cpu", help="where to train (default: %(default)s)")
    train.set_defaults(run=_train)

    verify = commands.add_parser("verify", help="recompute a checkpoint's hash and test accuracy")
    verify.add_argument(
        "name",
        metavar="NAME",
        help="name of the zoo, path of a checkpoint folder, or OWNER/NAME on the Hub",
    )
    verify.add_argument("--data", metavar="DATA", required=True, help=_DATA_HELP)
    verify.add_argument("--device", default="cpu", help="where to measure (default: %(default)s)")
    verify.set_defaults(run=_verify)

    add_publish(commands)


def _list(_: argparse.Namespace) -> int:
    """Five lines for each: whole hashes and purposes side by side would fit no terminal."""
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


def _show(args: argparse.Namespace) -> int:
    print(describe(args.name), end="")
    return 0


def _train(args: argparse.Namespace) -> int:
    try:
        metrics = make_checkpoint(args.recipe, args.data, args.out, parse_device(args.device))
    except KeyboardInterrupt:
        if (args.out / STATE_FILE).exists():
            print(f"{args.out} has every whole epoch; the same command goes on", file=sys.stderr)
        raise
    print(f"{args.out}: test accuracy {metrics.test}, epoch {metrics.kept_epoch} kept")
    print(f"SHA-256 {metrics.sha256}")
    return 0


def _verify(args: argparse.Namespace) -> int:
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
