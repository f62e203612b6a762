"""The arguments of `rectgrad reproduce`."""

import argparse
from pathlib import Path
from typing import Literal, get_args

from captum_rectgrad.cli.completion import COMPARED, complete_models
from captum_rectgrad.cli.lazy import lazy_command
from captum_rectgrad.studies.framework.registry import MODULES
from captum_rectgrad.studies.options import BATCH_SIZE, FEW, FINAL_PERCENTILE, PRESETS, Role

EngineName = Literal["local", "ray"]
GENERATED, PHOTOGRAPHS = "shapes", "photographs"
ALL = "all"
MASKS = "-masks"  # of the folder beside that of the images


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `reproduce`, with `run` set to a function from arguments to exit status.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "reproduce",
        help="re-run the experiments of Kim et al. 2019",
        description="Re-run an experiment of Kim et al. 2019 and write numbers, a figure, and a "
        "report of which claims hold.",
    )
    # More than one is refused by what it says, which the parser could not.
    name = parser.add_argument("name", nargs="*", metavar="NAME", help=f"a study, or {ALL}")
    name.completer = _complete_study  # type: ignore[attr-defined]
    parser.add_argument("--list", action="store_true", help="list the studies")
    parser.add_argument("--preset", choices=PRESETS, default="quick", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write (default: reproduced/NAME)"
    )
    _add_data(parser)
    _add_methods(parser)
    _add_machine(parser)
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.reproduce:reproduce"))


def _add_data(parser: argparse.ArgumentParser) -> None:
    """What the studies work on."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="CIFAR-10: a folder or a Hub data set, as for `rectgrad zoo train`; or "
        f"{GENERATED}: generated images and small networks, which need no download (default); with "
        f"--model {PHOTOGRAPHS}: those that come with scikit-image (default), or a folder of "
        "pictures",
    )
    model = parser.add_argument(
        "--model",
        metavar="NAME",
        help="a network to explain photographs of, as for `rectgrad explain`; for the studies that "
        "need no more, as --list says",
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="folder with masks of CIFAR-10 objects, test-*.parquet with img, mask, label "
        f"(default: the folder DATA{MASKS} if there is one)",
    )
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help=f"another checkpoint for a role, of {', '.join(get_args(Role))}; may be repeated",
    )


def _add_methods(parser: argparse.ArgumentParser) -> None:
    """What is compared, and how."""
    parser.add_argument(
        "--methods",
        metavar="A,B,...",
        help=f"what is compared, of {', '.join(COMPARED)} (default), or "
        "MODULE:NAME to import, such as captum.attr:Deconvolution",
    )
    parser.add_argument(
        "--no-final-threshold",
        action="store_true",
        help=f"leave the baselines' maps whole; else nothing below their {FINAL_PERCENTILE:g}th "
        "percentile is left, as in the paper's comparisons",
    )


def _add_machine(parser: argparse.ArgumentParser) -> None:
    """Where it is computed."""
    parser.add_argument(
        "--device",
        default="cpu",
        help="of this machine, or with --engine ray of the cluster's (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help=f"images at a time (default: {BATCH_SIZE}; with --model {FEW})",
    )
    parser.add_argument(
        "--stack",
        type=int,
        metavar="N",
        help="networks of roar-kar that this process trains at once (default: several on a GPU, 1 "
        "elsewhere); 1 also leaves CUDA graphs alone",
    )
    parser.add_argument(
        "--engine",
        choices=get_args(EngineName),
        default="local",
        help="where maps are computed and the networks of roar-kar trained: in this process, or on "
        "a Ray cluster (default: %(default)s)",
    )
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="of a Ray cluster, such as auto or ray://HOST:10001 (default: one on this machine)",
    )


def _complete_study(prefix: str, **_: object) -> list[str]:
    return [name for name in (*MODULES, ALL) if name.startswith(prefix)]
