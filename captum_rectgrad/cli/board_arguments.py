"""Arguments of `rectgrad board`."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from captum_rectgrad.cli.completion import complete_models
from captum_rectgrad.cli.lazy import lazy_command
from captum_rectgrad.cli.reproduce_arguments import MASKS, EngineName
from captum_rectgrad.studies.options import PRESETS

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `board`; it sets `run` to a function from arguments to exit status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    parser = subparsers.add_parser(
        "board",
        help="compare attribution methods by many measures",
        description="Compute a board: attribution methods by measures, with intervals and ranks. "
        "Writes a report, a figure and all numbers. An interrupted run continues with the same "
        "command.",
    )
    parser.add_argument(
        "--list", action="store_true", help="list the networks, the rows and the columns"
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default="quick",
        help="size of the run (default: %(default)s); smoke shows that everything runs",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("board"), metavar="DIR", help="output folder "
        "(default: %(default)s)"
    )  # fmt: skip
    parser.add_argument(
        "--method",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="a method of your own, a subclass of captum.attr.Attribution or a Method; may be "
        "repeated",
    )
    parser.add_argument(
        "--rows", metavar="A,B,...", help="methods of the board, by key (default: all)"
    )
    parser.add_argument("--columns", metavar="A,B,...", help="measures, by key (default: all)")
    _add_networks(parser)
    _add_engine(parser)
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.board:board"))


def _add_networks(parser: "argparse.ArgumentParser") -> None:
    """Arguments for the networks and their images."""
    parser.add_argument(
        "--network",
        nargs="+",
        default=[],
        metavar="NAME",
        help="networks of the board (default: shapes, which needs no data)",
    )
    model = parser.add_argument(
        "--model",
        metavar="NAME",
        help="a network of your own, with photographs: as for `rectgrad explain`, MODULE:FUNCTION "
        "among others",
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="data set of --network: a folder or a Hub data set; or, with --model, a folder of "
        "pictures (default: photographs from scikit-image)",
    )
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help=f"folder with masks of CIFAR-10 objects (default: the folder DATA{MASKS}, if any)",
    )


def _add_engine(parser: "argparse.ArgumentParser") -> None:
    """Arguments for the place of the computation."""
    parser.add_argument(
        "--device",
        default="cpu",
        help="device of this machine, or of the workers with --engine ray (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=get_args(EngineName),
        default="local",
        help="compute in this process, or on a Ray cluster (default: %(default)s)",
    )
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="address of a Ray cluster, such as auto or ray://HOST:10001 (default: a local one)",
    )
