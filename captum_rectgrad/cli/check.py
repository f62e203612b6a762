"""The command `rectgrad check`: what can be checked without PyTorch is checked first."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from captum_rectgrad.cli.check_arguments import GENERATED
from captum_rectgrad.cli.completion import CHECKED_TOO, COMPARED
from captum_rectgrad.cli.explain import key_or_index
from captum_rectgrad.cli.image_sources import Images, find_images
from captum_rectgrad.cli.known_names import (
    check_data,
    check_folder,
    check_methods,
    check_model,
    check_percentile_option,
)
from captum_rectgrad.cli.output_files import check_output

FILES = FIGURE, REPORT, RESULT = "figure.png", "report.md", "result.json"
_LEAST = ("count", "batch_size", "steps", "repeats")  # arguments of at least 1


@dataclass(frozen=True)
class CheckRequest:
    """The checked arguments of the command.

    Attributes:
        args: parsed by `check_arguments`.
        images: the given images by name; None: those of `args.data`, or the default.
        layers: names of the layers to randomise; None: all.
        others: classes to compare with the predicted one; None: the default.
        output: key or index of the logits in what the model returns; None: the default.
        folder: output folder.
    """

    args: argparse.Namespace
    images: Images | None
    layers: list[str] | None
    others: list[int] | None
    output: str | int | None
    folder: Path


def check_maps(args: argparse.Namespace) -> int:
    """Check the arguments, import PyTorch, run the checks and write the report.

    Args:
        args: parsed by `check_arguments`.

    Returns:
        The exit status: 0 if a check passed and none failed, 1 if a check failed, 3 if none passed
        or failed.

    Raises:
        ValueError: an argument is invalid, or the method cannot be checked on the model.
        OSError: a file cannot be read or written.
        RectGradError: the model or the method raised an error.
        ZooError: a network or the images are not available.
    """
    request = check_request(args)
    from captum_rectgrad.cli.check_run import run_checks  # noqa: PLC0415 (PyTorch)
    from rectgrad_zoo.output_lock import output_lock  # noqa: PLC0415 (PyTorch)

    with output_lock(request.folder):
        return run_checks(request)


def check_request(args: argparse.Namespace) -> CheckRequest:
    """Check the arguments without PyTorch, cheap checks first.

    Args:
        args: parsed by `check_arguments`.

    Returns:
        The checked arguments; images on the web are downloaded.

    Raises:
        ValueError: an argument is invalid.
    """
    for name in _LEAST:
        value, option = getattr(args, name), f"--{name.replace('_', '-')}"
        if value < 1:
            raise ValueError(f"{option} must be at least 1, got {value}")
    if not 0 < args.bound < 1:
        raise ValueError(f"--bound must be between 0 and 1, got {args.bound:g}")
    check_methods([args.method], (*COMPARED, *CHECKED_TOO))
    _check_percentile(args)
    check_model(args.model)
    if args.random_labels is not None:
        check_model(args.random_labels)
    layers = None if args.layers is None else args.layers.split(",")
    others = None if args.others is None else _indices(args.others)
    folder = args.out or Path("checked") / _folder_name(args)
    check_folder(folder, "--out")
    if args.images and args.data is not None:
        raise ValueError("got image files and --data; give one of them")
    if args.data is not None:
        check_data(args.data, [GENERATED])
    images = find_images(args.images) if args.images else None
    if images is not None:
        images.check()
    read = set() if images is None else images.files()
    for file in FILES:
        check_output(folder / file, read, create=True)
    return CheckRequest(args, images, layers, others, key_or_index(args.output), folder)


def _check_percentile(args: argparse.Namespace) -> None:
    if args.percentile is None:
        return
    check_percentile_option(args.percentile)
    # Imported methods are checked after their import.
    if ":" not in args.method and "rectgrad" not in args.method:
        raise ValueError(f"--percentile only applies to RectGrad, got --method {args.method}")


def _indices(given: str) -> list[int]:
    try:
        return [int(number) for number in given.split(",")]
    except ValueError as error:
        raise ValueError(f"--others must be class indices, such as 3,5; got {given!r}") from error


def _folder_name(args: argparse.Namespace) -> str:
    threshold = "" if args.percentile is None else f"-{args.percentile:g}"
    model = Path(args.model).name.replace(":", ".")
    return f"{model}-{args.method.replace(':', '.')}{threshold}"
