"""The command `rectgrad board`. This module imports PyTorch."""
# ruff: noqa: T201 (a command prints)

import argparse
import logging
import re
from functools import partial
from pathlib import Path

import torch

from captum_rectgrad.cli.known_names import check_folder, check_methods, check_model, is_own_model
from captum_rectgrad.cli.own_model import find_own_modules, load_own_model
from captum_rectgrad.cli.reproduce_arguments import MASKS
from captum_rectgrad.cli.suggestions import did_you_mean, did_you_mean_file
from captum_rectgrad.explain.preprocessing import find_transform
from captum_rectgrad.plotting.images import folder_images, photographs
from captum_rectgrad.studies.board.columns import COLUMNS, choose_columns
from captum_rectgrad.studies.board.groups import (
    GROUPS,
    SHAPES,
    known_group,
    photograph_group,
    predicted,
)
from captum_rectgrad.studies.board.networks import BoardGroup, BoardNetwork
from captum_rectgrad.studies.board.own_methods import fingerprints
from captum_rectgrad.studies.board.rows import KEYS, ORIGINS, choose_rows
from captum_rectgrad.studies.board.run_board import Board, run_board
from captum_rectgrad.studies.board.sizes import PRESET_SIZES
from captum_rectgrad.studies.compute.engines import Cluster
from rectgrad_zoo.devices import parse_device


def board(args: argparse.Namespace) -> int:
    """Compute a board, and print the path of the report.

    Args:
        args: parsed by `board_arguments`.

    Returns:
        The exit status, 0.

    Raises:
        ValueError: an argument is invalid.
        RectGradError: the folder, the data or the cluster is not usable.
        ZooError: a network or the images are not available.
    """
    if args.list:
        print(_listing())
        return 0
    columns = choose_columns(_split(args.columns))
    rows = _split(args.rows)
    _check(args, rows)
    find_own_modules()
    logging.basicConfig(format="rectgrad: %(message)s", level=logging.INFO)
    cluster = None
    device = parse_device(args.device) if args.engine == "local" else torch.device("cpu")
    if args.engine == "ray":
        cluster = Cluster(args.ray_address, torch.device(args.device.partition(":")[0]))
    sizes = PRESET_SIZES[args.preset]
    made = Board(
        groups=_groups(args, sizes.images),
        rows=partial(choose_rows, rows, args.method, sizes=sizes),
        columns=columns,
        preset=args.preset,
        seed=args.seed,
        device=device,
        cluster=cluster,
        fingerprints=fingerprints(args.method),
    )
    print(f"wrote {run_board(made, args.out)}")
    return 0


def _split(given: str | None) -> list[str] | None:
    return None if given is None else [key.strip() for key in given.split(",") if key.strip()]


def _check(args: argparse.Namespace, rows: list[str] | None) -> None:
    """Check what does not need the networks."""
    check_folder(args.out, "--out")
    for key in rows or ():
        if key not in KEYS:
            raise ValueError(
                f"--rows: {key!r} is not a row{did_you_mean(key, KEYS)}; choose from "
                f"{', '.join(KEYS)}, and give your own methods as --method MODULE:NAME"
            )
    if rows == [] and not args.method:
        raise ValueError("--rows: got no row; give keys, or a method of your own with --method")
    for key in args.method:
        if ":" not in key:
            raise ValueError(
                f"--method must be MODULE:NAME, got {key!r}; --rows chooses methods of the board"
            )
        check_methods([key])
    _check_networks(args)
    if args.ray_address is not None and args.engine != "ray":
        raise ValueError("--ray-address only applies to --engine ray")


def _check_networks(args: argparse.Namespace) -> None:
    for name in args.network:
        if name not in GROUPS:
            raise ValueError(
                f"--network: {name!r} is not a network of the board{did_you_mean(name, GROUPS)}; "
                f"choose from {', '.join(GROUPS)}, or give any other as --model"
            )
    if args.model is None:
        kinds = {GROUPS[name].kind for name in args.network or [SHAPES]}
        if args.data is not None and kinds <= {"shapes", "photographs"}:
            raise ValueError(
                "--data is for networks of CIFAR-10 or Fashion-MNIST, and for --model; "
                f"{', '.join(args.network or [SHAPES])} would not use it"
            )
        if args.masks is not None and "CIFAR-10" not in kinds:
            raise ValueError("--masks has the objects of CIFAR-10, which no chosen network sees")
        return
    if args.masks is not None:
        raise ValueError("--masks has the objects of CIFAR-10, and does not apply to --model")
    if args.network:
        raise ValueError("give --network, a network of the board, or --model, your own; not both")
    check_model(args.model)
    if args.data is not None and not Path(args.data).is_dir():
        raise ValueError(
            f"--data: there is no folder {args.data!r}{did_you_mean_file(args.data)}; with "
            "--model, it is a folder of pictures"
        )


def _groups(args: argparse.Namespace, images: int) -> list[BoardGroup]:
    folder = None if args.data is None else Path(args.data)
    if args.model is not None:
        if is_own_model(args.model):
            return [_own_group(args.model, folder, images)]
        return [photograph_group(_file_name(args.model), args.model, folder, images)]
    masks = args.masks
    if masks is None and args.data is not None:
        beside = Path(f"{args.data.rstrip('/')}{MASKS}")
        masks = beside if beside.is_dir() else None
    return [known_group(name, args.data, masks, images) for name in args.network or [SHAPES]]


def _own_group(place: str, folder: Path | None, images: int) -> BoardGroup:
    """The network of `MODULE:FUNCTION` with photographs."""
    model, given = load_own_model(place, None, "cpu")
    transform = find_transform(model, given)
    pictures = photographs() if folder is None else folder_images(folder)
    made = [transform(picture) for picture in list(pictures.values())[:images]]
    sizes = sorted({tuple(each.shape) for each in made})
    if len(sizes) > 1:
        raise ValueError(
            f"the transform of {place} returns images of different sizes ({sizes[0]} and "
            f"{sizes[-1]}); resize and crop them to one size"
        )
    inputs = torch.stack(made)
    name = _file_name(place)
    network = BoardNetwork(name, "", model, inputs, predicted(model, inputs), inputs)
    which = "photographs of scikit-image" if folder is None else "given pictures"
    return BoardGroup(name, which, (network,))


def _file_name(name: str) -> str:
    """A name that can be the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", Path(name).name if Path(name).is_dir() else name)


def _listing() -> str:
    networks = [f"{name}: {known.about}" for name, known in GROUPS.items()]
    rows = [f"{key}: {origin}" for key, origin in ORIGINS.items()]
    columns = [f"{column.key}: {column.title}, {column.family}" for column in COLUMNS]
    sections = {"networks": networks, "rows": rows, "columns": columns}
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {line}" for line in lines)])
        for title, lines in sections.items()
    )
