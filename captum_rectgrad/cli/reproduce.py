"""The command `rectgrad reproduce`: what can be checked without PyTorch is checked first."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from captum_rectgrad.cli.known_names import check_data, check_folder, check_methods, check_model
from captum_rectgrad.cli.reproduce_arguments import ALL, GENERATED, MASKS, PHOTOGRAPHS
from captum_rectgrad.cli.suggestions import did_you_mean, did_you_mean_file
from captum_rectgrad.studies.framework.registry import MODULES
from captum_rectgrad.studies.options import BATCH_SIZE, FEW, GPU_BATCH_SIZE, Role

_WITH_CELLS = ("roar-kar", "roar-kar-held-out")


@dataclass(frozen=True)
class ReproduceRequest:
    """The checked arguments of the command.

    Attributes:
        args: parsed by `reproduce_arguments`.
        name: name of the study, or `ALL`.
        methods: keys of the methods; None: all.
        checkpoints: names of checkpoints by role.
        masks: folder of the masks; None: no masks.
        folder: output folder.
        batch_size: initial batch size.
    """

    args: argparse.Namespace
    name: str
    methods: list[str] | None
    checkpoints: tuple[tuple[Role, str], ...]
    masks: Path | None
    folder: Path
    batch_size: int


def reproduce(args: argparse.Namespace) -> int:
    """Check the arguments, import PyTorch and run the chosen studies.

    Args:
        args: parsed by `reproduce_arguments`.

    Returns:
        The exit status: 0 for success, 1 if a study failed, 75 if the time of --minutes was up.

    Raises:
        ValueError: an argument is invalid.
        RectGradError: the folder, the data or the cluster is not usable.
        ZooError: a network or the images are not available.
    """
    if args.list:
        from captum_rectgrad.cli.reproduce_list import print_studies  # noqa: PLC0415 (PyTorch)

        print_studies()
        return 0
    request = check_request(args)
    from captum_rectgrad.cli.reproduce_run import run_request  # noqa: PLC0415 (PyTorch)

    return run_request(request)


def check_request(args: argparse.Namespace) -> ReproduceRequest:
    """Check the arguments without PyTorch.

    Args:
        args: parsed by `reproduce_arguments`.

    Returns:
        The checked arguments.

    Raises:
        ValueError: an argument is invalid.
    """
    name = _name(args.name)
    methods = None if args.methods is None else [key.strip() for key in args.methods.split(",")]
    if methods is not None:
        check_methods(methods)
    checkpoints = tuple(_checkpoint(given) for given in args.checkpoint)
    masks = _masks(args)
    if args.model is not None:
        check_model(args.model)
    given = [
        option
        for option in ("pack", "unpack", "only_finished", "precision")
        if getattr(args, option)
    ]
    if given and name not in _WITH_CELLS:
        raise ValueError(
            f"--{given[0].replace('_', '-')} only applies to {' and '.join(_WITH_CELLS)}, which "
            "train networks"
        )
    idle = [option for option in ("pack", "precision", "stack", "minutes") if getattr(args, option)]
    if args.only_finished and (idle or args.engine == "ray"):
        raise ValueError(f"--only-finished trains nothing; remove --{(*idle, 'engine')[0]}")
    if args.unpack is not None and not args.unpack.is_file():
        hint = did_you_mean_file(args.unpack)
        raise ValueError(f"--unpack: there is no file {str(args.unpack)!r}{hint}")
    folder = args.out or Path("reproduced") / name
    check_folder(folder, "--out")
    return ReproduceRequest(args, name, methods, checkpoints, masks, folder, _batch_size(args))


def _name(given: Sequence[str]) -> str:
    if not given:
        raise ValueError(f"got no study; give a name or {ALL} (--list shows the names)")
    if len(given) > 1:
        raise ValueError(
            f"got {len(given)} names, {' and '.join(map(repr, given))}: give one study, or {ALL}"
        )
    (name,) = given
    if name not in (*MODULES, ALL):
        raise ValueError(
            f"{name!r} is not a study{did_you_mean(name, MODULES)}; choose from "
            f"{', '.join(MODULES)}, or {ALL}"
        )
    return name


def _batch_size(args: argparse.Namespace) -> int:
    """The batch size; the other arguments of the machine are checked, too."""
    if args.batch_size is not None and args.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {args.batch_size}")
    if args.minutes is not None and not args.minutes > 0:
        raise ValueError(f"--minutes must be more than 0, got {args.minutes:g}")
    if args.stack is not None and args.stack < 1:
        raise ValueError(f"--stack must be at least 1, got {args.stack}")
    if args.stack is not None and args.engine == "ray":
        raise ValueError("--stack only applies to --engine local: a Ray task trains one network")
    if args.ray_address is not None and args.engine != "ray":
        raise ValueError("--ray-address only applies to --engine ray")
    if args.batch_size is not None:
        return int(args.batch_size)
    many = GPU_BATCH_SIZE if args.device.startswith("cuda") else BATCH_SIZE
    return many if args.model is None else FEW


def _masks(args: argparse.Namespace) -> Path | None:
    """The folder of the masks; the images are checked, too."""
    if args.model is not None:
        if args.masks or args.checkpoint:
            raise ValueError("--masks and --checkpoint only apply to CIFAR-10, not to --model")
        if args.data not in {None, PHOTOGRAPHS} and not Path(args.data).is_dir():
            raise ValueError(
                f"with --model, --data must be {PHOTOGRAPHS} or a folder of pictures, got "
                f"{args.data!r}; for another network on CIFAR-10 give --checkpoint plain=NAME"
            )
        return None
    if args.data == PHOTOGRAPHS:
        raise ValueError(f"--data {PHOTOGRAPHS} needs --model NAME, the network to explain")
    if args.data in {None, GENERATED}:
        if args.masks or args.checkpoint:
            raise ValueError(f"--masks and --checkpoint only apply to CIFAR-10, not to {GENERATED}")
        return None
    check_data(args.data, [GENERATED])
    if args.masks is not None:
        if not args.masks.is_dir():
            hint = did_you_mean_file(args.masks)
            raise ValueError(f"--masks: there is no folder {str(args.masks)!r}{hint}")
        return Path(args.masks)
    beside = Path(f"{str(args.data).rstrip('/')}{MASKS}")
    return beside if beside.is_dir() else None


def _checkpoint(given: str) -> tuple[Role, str]:
    role, equals, name = given.partition("=")
    if role not in get_args(Role) or not equals or not name:
        raise ValueError(
            f"--checkpoint {given!r} must be ROLE=NAME with ROLE of {', '.join(get_args(Role))}"
        )
    check_model(name)
    return cast("Role", role), name
