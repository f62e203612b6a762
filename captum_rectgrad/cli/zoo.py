"""Arguments of `rectgrad zoo`: list, show, fetch, train, verify, publish."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from captum_rectgrad.cli.known_names import check_model
from captum_rectgrad.cli.lazy import lazy_command

if TYPE_CHECKING:
    import argparse

_DATA_HELP = (
    "data set of the recipe: a folder (parquet files as on the Hub, pictures of CIFAR-10, idx "
    "files of Fashion-MNIST), or a Hub data set"
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `zoo`; each subcommand sets `run` to a function from arguments to status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    zoo = subparsers.add_parser("zoo", help="pretrained checkpoints: list, show, fetch, ...")
    commands = zoo.add_subparsers(title="commands", metavar="COMMAND", required=True)

    listing = commands.add_parser("list", help="list the checkpoints")
    listing.set_defaults(run=lazy_command("rectgrad_zoo.cli.commands:list_checkpoints"))

    show = commands.add_parser("show", help="show a checkpoint's provenance, hash and card")
    show.add_argument(
        "name",
        metavar="NAME",
        help="zoo name, path of a checkpoint folder, or OWNER/NAME on the Hub",
    )
    show.set_defaults(run=partial(_run, "rectgrad_zoo.cli.commands:show"))

    _add_fetch(commands)

    train = commands.add_parser("train", help="train a checkpoint from a recipe")
    train.add_argument("recipe", metavar="RECIPE", type=Path, help="recipe (TOML file)")
    train.add_argument("--data", metavar="DATA", required=True, help=_DATA_HELP)
    train.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="checkpoint folder to write; an interrupted training is resumed from it",
    )
    train.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: %(default)s)")
    train.set_defaults(run=lazy_command("rectgrad_zoo.cli.commands:train"))

    verify = commands.add_parser("verify", help="recompute a checkpoint's hash and test accuracy")
    verify.add_argument(
        "name",
        metavar="NAME",
        help="zoo name, path of a checkpoint folder, or OWNER/NAME on the Hub",
    )
    verify.add_argument("--data", metavar="DATA", required=True, help=_DATA_HELP)
    verify.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: %(default)s)")
    verify.set_defaults(run=partial(_run, "rectgrad_zoo.cli.commands:verify"))

    _add_publish(commands)


def _run(place: str, args: "argparse.Namespace") -> int:
    """Check the name without PyTorch, then run the command."""
    check_model(args.name)
    return lazy_command(place)(args)


def _fetch(args: "argparse.Namespace") -> int:
    """As `_run`, for one name; of several, a wrong one does not stop the downloads of others."""
    if len(args.names) == 1:
        check_model(*args.names)
    return lazy_command("rectgrad_zoo.cli.hub:fetch")(args)


def _add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fetch = commands.add_parser(
        "fetch",
        help="download checkpoints for later use without a network",
        description="Download checkpoints, or their newer commits, into the Hub client's cache "
        "(HF_HOME), and check that they load.",
    )
    fetch.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="zoo name, timm name, or OWNER/NAME or OWNER/NAME@REVISION on the Hub",
    )
    fetch.set_defaults(run=_fetch)


def _add_publish(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "publish",
        help="upload a checkpoint folder to the Hub",
        description="Upload a checkpoint folder to the Hub in one commit, with the account of "
        "HF_TOKEN, and print the revision and the hash to pin.",
    )
    command.add_argument("folder", metavar="DIR", type=Path, help="checkpoint folder")
    command.add_argument("--repo", metavar="OWNER/NAME", required=True, help="target repository")
    command.add_argument(
        "--private",
        action="store_true",
        help="if the repository is created: make it private (default: the owner's setting)",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="check the folder and print what would be uploaded"
    )
    command.set_defaults(run=lazy_command("rectgrad_zoo.cli.hub:publish_folder"))
