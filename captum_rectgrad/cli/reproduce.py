"""The command `rectgrad reproduce`."""
# ruff: noqa: T201 (a command prints)

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import torch

from captum_rectgrad.cli.printable import one_line
from captum_rectgrad.cli.reproduce_arguments import ALL, GENERATED, MASKS, PHOTOGRAPHS
from captum_rectgrad.cli.reproduce_list import print_studies
from captum_rectgrad.evaluation.methods import choose_methods, methods
from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.compute.time_limit import TimeLimit, TimeUpError
from captum_rectgrad.studies.data.cifar10 import Cifar10
from captum_rectgrad.studies.data.generated import Shapes
from captum_rectgrad.studies.data.photographs import Photographs
from captum_rectgrad.studies.data.study_data import StudyData
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.options import (
    BATCH_SIZE,
    FEW,
    FINAL_PERCENTILE,
    GPU_BATCH_SIZE,
    Role,
)
from captum_rectgrad.studies.report.run_studies import run_all, run_study
from rectgrad_zoo.devices import parse_device

NOT_FINISHED = 75  # exit status: EX_TEMPFAIL of sysexits.h, "try again"


def reproduce(args: argparse.Namespace) -> int:
    """Run the chosen studies, and print the path of the report.

    Args:
        args: parsed by `reproduce_arguments`.

    Returns:
        The exit status: 0 for success, 1 if a study failed, 75 if the time of --minutes was up.

    Raises:
        ValueError: an argument is invalid.
        RectGradError: the folder, the data or the cluster is not usable.
        ZooError: a network or the images are not available.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("rectgrad: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    if args.list:
        print_studies()
        return 0
    name = _name(args.name)
    if args.batch_size is None:
        many = GPU_BATCH_SIZE if args.device.startswith("cuda") else BATCH_SIZE
        args.batch_size = many if args.model is None else FEW
    _check_machine(args)
    study = None if name == ALL else find(name)
    if study is not None and args.methods is not None and not study.compares:
        raise ValueError(f"{study.name} has fixed methods; remove --methods")
    checkpoints = tuple(_checkpoint(given) for given in args.checkpoint)
    study_data = _study_data(args, checkpoints)
    if (args.pack or args.unpack) and name != "roar-kar":
        raise ValueError("--pack and --unpack only apply to roar-kar, which has cells")
    for role, given in checkpoints:
        if study is not None and role not in study.roles:
            raise ValueError(
                f"got --checkpoint {role}={given}, but {study.name} only uses the networks "
                f"{', '.join(study.roles)}"
            )
    keys = [method.key for method in methods()] if args.methods is None else args.methods.split(",")
    device, cluster = _machine(args)
    context = StudyContext(
        study_data=study_data,
        methods=choose_methods(keys),
        folder=_folder(args.out or Path("reproduced") / name),
        device=device,
        batch_size=args.batch_size,
        seed=args.seed,
        cluster=cluster,
        stack=args.stack,
        time_limit=TimeLimit(None if args.minutes is None else 60 * args.minutes),
        pack=args.pack,
        unpack=args.unpack,
        final_percentile=None if args.no_final_threshold else FINAL_PERCENTILE,
    )
    try:
        if study is None:
            suited = [study for study in studies() if args.model is None or study.any_network]
            done, report = run_all(suited, args.preset, context)
        else:
            done, report = True, run_study(study, args.preset, context)
    except TimeUpError as error:
        print(f"not finished: {error}")
        return NOT_FINISHED
    print(f"wrote {report}")
    return 0 if done else 1


class _OneLine(logging.Formatter):
    """Log records in one line each, whatever the names in them are."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def _name(given: Sequence[str]) -> str:
    if not given:
        raise ValueError(f"got no study; give a name or {ALL} (--list shows the names)")
    if len(given) > 1:
        raise ValueError(
            f"got {len(given)} names, {' and '.join(map(repr, given))}: give one study, or {ALL}"
        )
    return given[0]


def _folder(given: Path) -> Path:
    """The folder; it exists or can be created."""
    for place in (given, *given.parents):
        if place.exists():
            if not place.is_dir():
                raise ValueError(f"--out must be a folder, but {place} is a file")
            break
    return given


def _check_machine(args: argparse.Namespace) -> None:
    if args.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {args.batch_size}")
    if args.minutes is not None and not args.minutes > 0:
        raise ValueError(f"--minutes must be more than 0, got {args.minutes:g}")
    if args.stack is not None and args.stack < 1:
        raise ValueError(f"--stack must be at least 1, got {args.stack}")
    if args.stack is not None and args.engine == "ray":
        raise ValueError("--stack only applies to --engine local: a Ray task trains one network")
    if args.ray_address is not None and args.engine != "ray":
        raise ValueError("--ray-address only applies to --engine ray")


def _machine(args: argparse.Namespace) -> tuple[torch.device, Cluster | None]:
    """The device of this process, and the cluster; with a cluster, `--device` is its workers'."""
    if args.engine == "local":
        return parse_device(args.device), None
    kind = args.device.partition(":")[0]
    here = args.device if kind != "cuda" or torch.cuda.is_available() else "cpu"
    return parse_device(here), Cluster(args.ray_address, torch.device(kind))


def _study_data(args: argparse.Namespace, checkpoints: tuple[tuple[Role, str], ...]) -> StudyData:
    if args.model is not None:
        return _photographs(args)
    if args.data == PHOTOGRAPHS:
        raise ValueError(f"--data {PHOTOGRAPHS} needs --model NAME, the network to explain")
    if args.data in {None, GENERATED}:
        if args.masks or args.checkpoint:
            raise ValueError(f"--masks and --checkpoint only apply to CIFAR-10, not to {GENERATED}")
        return Shapes(Path(torch.hub.get_dir()) / "captum-rectgrad")
    beside = Path(f"{str(args.data).rstrip('/')}{MASKS}")
    masks = args.masks or (beside if beside.is_dir() else None)
    return Cifar10(args.data, masks, checkpoints)


def _photographs(args: argparse.Namespace) -> Photographs:
    if args.masks or args.checkpoint:
        raise ValueError("--masks and --checkpoint only apply to CIFAR-10, not to --model")
    if args.data in {None, PHOTOGRAPHS}:
        return Photographs(args.model)
    if args.data == GENERATED or not Path(args.data).is_dir():
        raise ValueError(
            f"with --model, --data must be {PHOTOGRAPHS} or a folder of pictures, got "
            f"{args.data!r}; for another network on CIFAR-10 give --checkpoint plain=NAME"
        )
    return Photographs(args.model, Path(args.data))


def _checkpoint(given: str) -> tuple[Role, str]:
    role, equals, name = given.partition("=")
    if role not in get_args(Role) or not equals or not name:
        raise ValueError(
            f"--checkpoint {given!r} must be ROLE=NAME with ROLE of {', '.join(get_args(Role))}"
        )
    return cast("Role", role), name
