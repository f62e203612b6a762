"""The studies of `rectgrad reproduce`. This module imports PyTorch."""
# ruff: noqa: T201 (a command prints)

import argparse
import logging
from pathlib import Path

import torch

from captum_rectgrad.cli.printable import one_line
from captum_rectgrad.cli.reproduce import ReproduceRequest
from captum_rectgrad.cli.reproduce_arguments import ALL, GENERATED, PHOTOGRAPHS
from captum_rectgrad.evaluation.methods import choose_methods, methods
from captum_rectgrad.studies.compute.engines import Cluster
from captum_rectgrad.studies.compute.time_limit import TimeLimit, TimeUpError
from captum_rectgrad.studies.data.cifar10 import Cifar10
from captum_rectgrad.studies.data.generated import Shapes
from captum_rectgrad.studies.data.photographs import Photographs
from captum_rectgrad.studies.data.study_data import StudyData
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.options import FINAL_PERCENTILE
from captum_rectgrad.studies.report.run_studies import run_all, run_study
from rectgrad_zoo.devices import parse_device

NOT_FINISHED = 75  # exit status: EX_TEMPFAIL of sysexits.h, "try again"


def run_request(request: ReproduceRequest) -> int:
    """Run the chosen studies, and print the path of the report.

    Args:
        request: the checked arguments.

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
    args = request.args
    study = None if request.name == ALL else find(request.name)
    if study is not None:
        _check_study(study, request)
    keys = [method.key for method in methods()] if request.methods is None else request.methods
    device, cluster = _machine(args)
    context = StudyContext(
        study_data=_study_data(request),
        methods=choose_methods(keys),
        folder=request.folder,
        device=device,
        batch_size=request.batch_size,
        seed=args.seed,
        cluster=cluster,
        stack=args.stack,
        precision=args.precision,
        only_finished=args.only_finished,
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
    """Formats each log record as one line; names in it may contain line ends."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def _check_study(study: AnyStudy, request: ReproduceRequest) -> None:
    if request.methods is not None and not study.compares:
        raise ValueError(f"{study.name} has fixed methods; remove --methods")
    roles = [role for role, _ in request.checkpoints]
    if study.one_network and len(roles) > len(set(roles)):
        raise ValueError(f"{study.name} explains one network; give one --checkpoint for each role")
    for role, given in request.checkpoints:
        if role not in study.roles:
            used = f"the networks {', '.join(study.roles)}" if study.roles else "random networks"
            raise ValueError(f"got --checkpoint {role}={given}, but {study.name} only uses {used}")


def _machine(args: argparse.Namespace) -> tuple[torch.device, Cluster | None]:
    """The device of this process, and the cluster; with a cluster, `--device` is its workers'."""
    if args.engine == "local":
        return parse_device(args.device), None
    kind = args.device.partition(":")[0]
    here = args.device if kind != "cuda" or torch.cuda.is_available() else "cpu"
    return parse_device(here), Cluster(args.ray_address, torch.device(kind))


def _study_data(request: ReproduceRequest) -> StudyData:
    args = request.args
    if args.model is not None:
        own = args.data not in {None, PHOTOGRAPHS}
        return Photographs(args.model, Path(args.data) if own else None)
    if args.data in {None, GENERATED}:
        return Shapes(Path(torch.hub.get_dir()) / "captum-rectgrad")
    return Cifar10(args.data, request.masks, request.checkpoints)
