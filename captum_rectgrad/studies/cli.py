"""The command `rectgrad reproduce`."""
# ruff: noqa: T201 (a command prints)

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import torch

import rectgrad_zoo
from captum_rectgrad.methods import choose_methods, methods
from captum_rectgrad.studies.cifar10 import Cifar10
from captum_rectgrad.studies.engines import Cluster
from captum_rectgrad.studies.generated import Shapes
from captum_rectgrad.studies.lab import BATCH_SIZE, Lab
from captum_rectgrad.studies.maps import FINAL_PERCENTILE
from captum_rectgrad.studies.material import Material, Role
from captum_rectgrad.studies.photographs import BATCH_SIZE as FEW
from captum_rectgrad.studies.photographs import Photographs
from captum_rectgrad.studies.registry import STUDIES, find
from captum_rectgrad.studies.running import run_all, run_study
from captum_rectgrad.studies.study import PRESETS
from rectgrad_zoo.devices import parse_device

EngineName = Literal["local", "ray"]
GENERATED, PHOTOGRAPHS = "shapes", "photographs"
ALL = "all"
_MASKS = "-masks"  # of the folder beside that of the images


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
    name.completer = _complete  # type: ignore[attr-defined]
    parser.add_argument("--list", action="store_true", help="list the studies")
    parser.add_argument("--preset", choices=PRESETS, default="quick", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write (default: reproduced/NAME)"
    )
    _add_material(parser)
    _add_methods(parser)
    _add_machine(parser)
    parser.set_defaults(run=_reproduce)


def _add_material(parser: argparse.ArgumentParser) -> None:
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
        help="a network to explain photographs of, as for `rectgrad explain`; for "
        f"{', '.join(study.name for study in STUDIES if study.any_network)}",
    )
    model.completer = _complete_model  # type: ignore[attr-defined]
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="folder with masks of CIFAR-10 objects, test-*.parquet with img, mask, label "
        f"(default: the folder DATA{_MASKS} if there is one)",
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
        help=f"what is compared, of {', '.join(method.key for method in methods())} (default), or "
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


def _reproduce(args: argparse.Namespace) -> int:
    logging.basicConfig(format="rectgrad: %(message)s", level=logging.INFO)
    if args.list:
        _list()
        return 0
    name = _name(args.name)
    if args.batch_size is None:
        args.batch_size = BATCH_SIZE if args.model is None else FEW
    if args.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {args.batch_size}")
    if args.stack is not None and args.stack < 1:
        raise ValueError(f"--stack must be at least 1, got {args.stack}")
    if args.stack is not None and args.engine == "ray":
        raise ValueError("--stack is for --engine local: a task of Ray trains one network")
    if args.ray_address is not None and args.engine != "ray":
        raise ValueError("--ray-address is for --engine ray")
    study = None if name == ALL else find(name)
    checkpoints = tuple(_checkpoint(given) for given in args.checkpoint)
    material = _material(args, checkpoints)
    for role, given in checkpoints:
        if study is not None and role not in study.roles:
            raise ValueError(
                f"--checkpoint {role}={given}: {study.name} looks at no such network, but at "
                f"{', '.join(study.roles)}"
            )
    keys = [method.key for method in methods()] if args.methods is None else args.methods.split(",")
    device, cluster = _machine(args)
    lab = Lab(
        material=material,
        methods=choose_methods(keys),
        folder=_folder(args.out or Path("reproduced") / name),
        device=device,
        batch_size=args.batch_size,
        seed=args.seed,
        cluster=cluster,
        stack=args.stack,
        final_percentile=None if args.no_final_threshold else FINAL_PERCENTILE,
    )
    if study is None:
        suited = [study for study in STUDIES if args.model is None or study.any_network]
        done, report = run_all(suited, args.preset, lab)
    else:
        done, report = True, run_study(study, args.preset, lab)
    print(f"wrote {report}")
    return 0 if done else 1


def _name(given: Sequence[str]) -> str:
    if not given:
        raise ValueError(f"name a study, or {ALL}; --list lists them")
    if len(given) > 1:
        raise ValueError(
            f"got {len(given)} names, {' and '.join(map(repr, given))}: name one study, or {ALL}"
        )
    return given[0]


def _folder(given: Path) -> Path:
    """A folder, or what can become one."""
    for place in (given, *given.parents):
        if place.exists():
            if not place.is_dir():
                raise ValueError(f"--out must be a folder: {place} is a file")
            break
    return given


def _machine(args: argparse.Namespace) -> tuple[torch.device, Cluster | None]:
    """The device of this process, and the cluster, on whose machines only its own counts."""
    if args.engine == "local":
        return parse_device(args.device), None
    kind = args.device.partition(":")[0]
    here = args.device if kind != "cuda" or torch.cuda.is_available() else "cpu"
    return parse_device(here), Cluster(args.ray_address, torch.device(kind))


def _complete(prefix: str, **_: object) -> list[str]:
    names = [*(study.name for study in STUDIES), ALL]
    return [name for name in names if name.startswith(prefix)]


def _complete_model(prefix: str, **_: object) -> list[str]:
    return rectgrad_zoo.complete(prefix)


def _list() -> None:
    rows = [("name", "shows", "asks", "needs", "minutes: " + ", ".join(PRESETS))]
    for study in STUDIES:
        times = ", ".join(_time(study.minutes[preset]) for preset in PRESETS)
        rows.append((study.name, study.shows, study.asks, study.needs, times))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for cells in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(line.rstrip())


def _time(minutes: float | None) -> str:
    if minutes is None:
        return "?"
    return f"{minutes:g}" if minutes else "< 0.1"


def _material(args: argparse.Namespace, checkpoints: tuple[tuple[Role, str], ...]) -> Material:
    if args.model is not None:
        return _photographs(args)
    if args.data == PHOTOGRAPHS:
        raise ValueError(f"--data {PHOTOGRAPHS} needs --model NAME, the network to explain")
    if args.data in {None, GENERATED}:
        if args.masks or args.checkpoint:
            raise ValueError(f"--masks and --checkpoint are for CIFAR-10, not for {GENERATED}")
        return Shapes(Path(torch.hub.get_dir()) / "captum-rectgrad")
    beside = Path(f"{str(args.data).rstrip('/')}{_MASKS}")
    masks = args.masks or (beside if beside.is_dir() else None)
    return Cifar10(args.data, masks, checkpoints)


def _photographs(args: argparse.Namespace) -> Photographs:
    if args.masks or args.checkpoint:
        raise ValueError("--masks and --checkpoint are for CIFAR-10, not for --model")
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
