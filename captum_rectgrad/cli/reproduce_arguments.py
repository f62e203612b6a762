"""Arguments of `rectgrad reproduce`."""

import argparse
from pathlib import Path
from typing import Literal, get_args

from captum_rectgrad.cli.completion import COMPARED, complete_models
from captum_rectgrad.cli.lazy import lazy_command
from captum_rectgrad.studies.framework.registry import MODULES
from captum_rectgrad.studies.options import (
    BATCH_SIZE,
    FEW,
    FINAL_PERCENTILE,
    GPU_BATCH_SIZE,
    PAPER,
    PRESETS,
    Role,
)

EngineName = Literal["local", "ray"]
GENERATED, PHOTOGRAPHS = "shapes", "photographs"
ALL = "all"
MASKS = "-masks"  # suffix of the masks' folder, next to the images' folder


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `reproduce`; it sets `run` to a function from arguments to exit status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    parser = subparsers.add_parser(
        "reproduce",
        help="reproduce the experiments of Kim et al. 2019 and of later papers",
        description="Reproduce an experiment. Writes the numbers, a figure, and a report with a "
        "verdict on each claim of the paper.",
    )
    # Any number of names is parsed, so that the command can raise a better error.
    name = parser.add_argument("name", nargs="*", metavar="NAME", help=f"a study, or {ALL}")
    name.completer = _complete_study  # type: ignore[attr-defined]
    parser.add_argument("--list", action="store_true", help="list the studies")
    parser.add_argument(
        "--preset",
        choices=(*PRESETS, PAPER),
        default="quick",
        help=f"size of the run (default: %(default)s); for roar-kar {PAPER}: exactly table 1",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="output folder (default: reproduced/NAME)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="N",
        help="stop before N minutes are over, with exit status 75 if the run is not finished; the "
        "same command continues it",
    )
    parser.add_argument(
        "--pack",
        type=Path,
        metavar="FILE",
        help="at the end, also if the time is up, write the finished cells of roar-kar to one "
        "file, to continue on another machine",
    )
    parser.add_argument(
        "--unpack", type=Path, metavar="FILE", help="begin with the cells of such a file"
    )
    parser.add_argument(
        "--only-finished",
        action="store_true",
        help="train nothing: make the table of roar-kar from the networks that are finished for "
        "all its cells, on any machine",
    )
    _add_data(parser)
    _add_methods(parser)
    _add_machine(parser)
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.reproduce:reproduce"))


def _add_data(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for images and networks."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="CIFAR-10: a folder or a Hub data set, as for `rectgrad zoo train`; or "
        f"{GENERATED}: generated images and small networks without a download (default); with "
        f"--model {PHOTOGRAPHS}: photographs from scikit-image (default), or a folder of "
        "pictures",
    )
    model = parser.add_argument(
        "--model",
        metavar="NAME",
        help="explain photographs with this network, as for `rectgrad explain`; only for studies "
        "that --list marks with (--model)",
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="folder with masks of CIFAR-10 objects, test-*.parquet with img, mask, label "
        f"(default: the folder DATA{MASKS} if it exists)",
    )
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help=f"checkpoint for a role, one of {', '.join(get_args(Role))}; may be repeated. "
        "Intervals are over all networks of a role (default: the zoo's checkpoints of the role)",
    )


def _add_methods(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the compared methods."""
    parser.add_argument(
        "--methods",
        metavar="A,B,...",
        help=f"comma-separated methods from {', '.join(COMPARED)} (default: all), or "
        "MODULE:NAME to import, such as captum.attr:Deconvolution",
    )
    parser.add_argument(
        "--no-final-threshold",
        action="store_true",
        help="do not threshold the baselines' maps; by default pixels below their "
        f"{FINAL_PERCENTILE:g}th percentile are set to zero, as in the paper's comparisons, and "
        "verdicts without the threshold stand beside",
    )


def _add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the device and the cluster."""
    parser.add_argument(
        "--device",
        default="cpu",
        help="device of this machine, or of the workers with --engine ray (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help=f"batch size (default: {BATCH_SIZE}, on a GPU {GPU_BATCH_SIZE}; with --model {FEW})",
    )
    parser.add_argument(
        "--stack",
        type=int,
        metavar="N",
        help="number of roar-kar networks trained at once in this process (default: several on a "
        "GPU, 1 elsewhere)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="precision of the trainings of roar-kar (default: bfloat16 on CPUs with instructions "
        "for it, else float32)",
    )
    parser.add_argument(
        "--engine",
        choices=get_args(EngineName),
        default="local",
        help="compute maps and train the networks of roar-kar in this process, or on a Ray cluster "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="address of a Ray cluster, such as auto or ray://HOST:10001 (default: a local one)",
    )


def _complete_study(prefix: str, **_: object) -> list[str]:
    return [name for name in (*MODULES, ALL) if name.startswith(prefix)]
