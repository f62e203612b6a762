"""The arguments of `rectgrad zoo`: list, show, fetch, train, verify, publish."""

from pathlib import Path
from typing import TYPE_CHECKING

from captum_rectgrad.cli.lazy import lazy_command

if TYPE_CHECKING:
    import argparse

_DATA_HELP = "CIFAR-10: a folder (parquet files as uoft-cs/cifar10, or pictures), or a Hub data set"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `zoo`; each of its commands sets `run`, a function from arguments to status.

    Args:
        subparsers: What `ArgumentParser.add_subparsers` returned.
    """
    zoo = subparsers.add_parser("zoo", help="pretrained checkpoints: list, show, fetch, ...")
    commands = zoo.add_subparsers(title="commands", metavar="COMMAND", required=True)

    listing = commands.add_parser("list", help="the checkpoints, as a table")
    listing.set_defaults(run=lazy_command("rectgrad_zoo.cli.commands:list_checkpoints"))

    show = commands.add_parser("show", help="a checkpoint's provenance, hash and card")
    show.add_argument(
        "name",
        metavar="NAME",
        help="name of the zoo, path of a checkpoint folder, or OWNER/NAME on the Hub",
    )
    show.set_defaults(run=lazy_command("rectgrad_zoo.cli.commands:show"))

    _add_fetch(commands)

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
    train.set_defaults(run=lazy_command("rectgrad_zoo.cli.commands:train"))

    verify = commands.add_parser("verify", help="recompute a checkpoint's hash and test accuracy")
    verify.add_argument(
        "name",
        metavar="NAME",
        help="name of the zoo, path of a checkpoint folder, or OWNER/NAME on the Hub",
    )
    verify.add_argument("--data", metavar="DATA", required=True, help=_DATA_HELP)
    verify.add_argument("--device", default="cpu", help="where to measure (default: %(default)s)")
    verify.set_defaults(run=lazy_command("rectgrad_zoo.cli.commands:verify"))

    _add_publish(commands)


def _add_fetch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fetch = commands.add_parser(
        "fetch",
        help="download checkpoints, for a machine without network later",
        description="Download checkpoints into the cache of the Hub's client (HF_HOME), or the "
        "newer commit of one that is there, and check that they load.",
    )
    fetch.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="name of the zoo, of timm, or OWNER/NAME or OWNER/NAME@REVISION on the Hub",
    )
    fetch.set_defaults(run=lazy_command("rectgrad_zoo.cli.hub:fetch"))


def _add_publish(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser(
        "publish",
        help="upload a checkpoint's folder to the Hub",
        description="Upload a checkpoint's folder to the Hub in one commit, as the account of "
        "HF_TOKEN, and print the revision and the hash to pin.",
    )
    command.add_argument("folder", metavar="DIR", type=Path, help="checkpoint folder")
    command.add_argument("--repo", metavar="OWNER/NAME", required=True, help="where it goes")
    command.add_argument(
        "--private",
        action="store_true",
        help="for the owner alone, if it is created now (default: what the owner's new ones are)",
    )
    command.add_argument(
        "--dry-run", action="store_true", help="check the folder and say what would be sent"
    )
    command.set_defaults(run=lazy_command("rectgrad_zoo.cli.hub:publish_folder"))
