"""The command `rectgrad explain`: what can be checked without PyTorch is checked first."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from captum_rectgrad.cli.image_sources import Images, find_images
from captum_rectgrad.cli.known_names import (
    ALL,
    check_methods,
    check_model,
    check_percentile_option,
    check_weights,
)
from captum_rectgrad.cli.output_files import check_figure_format, check_output, figure_files
from captum_rectgrad.plotting.images import sample_images

MOST_ROWS = 100  # of one figure: matplotlib draws at most 65,536 pixels
MOST_LABEL_BYTES = 2**24


@dataclass(frozen=True)
class ExplainRequest:
    """The checked arguments of the command.

    Attributes:
        args: parsed by `explain_arguments`.
        images: the images by name; None: those of scikit-image.
        methods: keys of the methods; None: all.
        labels: names of the classes; None: those of the model.
        figures: the file of each image's own figure; None: one figure, `args.out`.
        output: key or index of the logits in what the model returns; None: the default.
    """

    args: argparse.Namespace
    images: Images | None
    methods: list[str] | None
    labels: list[str] | None
    figures: dict[str, Path] | None
    output: str | int | None


def explain_images(args: argparse.Namespace) -> int:
    """Check the arguments, import PyTorch, compute the maps and write the figures.

    Args:
        args: parsed by `explain_arguments`.

    Returns:
        The exit status: 0.

    Raises:
        ValueError: an argument is invalid.
        RectGradError: a method refuses the model.
        ZooError: the model is not available.
    """
    request = check_request(args)
    from captum_rectgrad.cli.explain_maps import write_explanations  # noqa: PLC0415 (PyTorch)

    write_explanations(request)
    return 0


def check_request(args: argparse.Namespace) -> ExplainRequest:
    """Check the arguments without PyTorch, cheap checks first.

    Args:
        args: parsed by `explain_arguments`.

    Returns:
        The checked arguments; images on the web are downloaded.

    Raises:
        ValueError: an argument is invalid.
    """
    methods = _methods(args.methods)
    check_model(args.model)
    check_percentile_option(args.percentile)
    if args.weights is not None:
        check_weights(args.weights)
    labels = None if args.labels is None else read_labels(args.labels)
    if args.save_maps is not None and args.save_maps.suffix != ".npz":
        raise ValueError(f"--save-maps must end in .npz, got {str(args.save_maps)!r}")
    images = find_images(args.images) if args.images else None
    names = list(sample_images()) if images is None else list(images)
    figures = figure_files(args.out, names)
    _check_files(args, images, figures, len(names))
    if images is not None:
        images.check()
    return ExplainRequest(args, images, methods, labels, figures, key_or_index(args.output))


def key_or_index(output: str | None) -> str | int | None:
    """The value of `--output`: digits are an index."""
    if output is None or not output.removeprefix("-").isdigit():
        return output
    return int(output)


def _methods(given: str) -> list[str] | None:
    keys = [key.strip() for key in given.split(",")]
    if keys == [ALL]:
        return None
    check_methods(keys)
    return keys


def _check_files(
    args: argparse.Namespace, images: Images | None, figures: dict[str, Path] | None, count: int
) -> None:
    if figures is None and count > MOST_ROWS:
        raise ValueError(
            f"got {count} images for one figure, expected at most {MOST_ROWS}; for one figure per "
            "image give a folder, such as --out maps/"
        )
    read = set() if images is None else images.files()
    written = [Path(args.out)] if figures is None else list(figures.values())
    for file in written:
        check_figure_format(file)
        check_output(file, read, create=figures is not None)
        if images is not None and images.found_again(file):
            raise ValueError(
                f"the figure {str(file)!r} would be beside the photos, and the next run would "
                "explain its own figures; choose another folder with --out"
            )
    if args.save_maps is not None:
        check_output(args.save_maps, read)


def read_labels(file: Path) -> list[str]:
    """Read the names of the classes.

    Args:
        file: text file, one name per line; empty lines at the end are ignored.

    Returns:
        The names, in order.

    Raises:
        ValueError: the file cannot be read, is not a regular file or too large, or has an empty
            line, or a name twice.
    """
    # Pipes and devices never end; rectgrad_zoo.input_files would import PyTorch.
    if file.exists() and not (file.is_file() and file.stat().st_size <= MOST_LABEL_BYTES):
        raise ValueError(
            f"cannot read the labels in {str(file)!r}: expected a regular file of at most "
            f"{MOST_LABEL_BYTES:,} bytes"
        )
    try:
        lines = file.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"cannot read the labels in {str(file)!r}: {reason}") from error
    labels = [line.strip() for line in lines]
    if not labels or not all(labels):
        raise ValueError(
            f"the labels in {str(file)!r} have no name in line {labels.index('') + 1}"
            if labels
            else f"the labels file {str(file)!r} is empty; give one name per line"
        )
    lines_of: dict[str, int] = {}
    for number, label in enumerate(labels, start=1):
        first = lines_of.setdefault(label, number)
        if first < number:
            raise ValueError(
                f"the labels in {str(file)!r} have the name {label!r} twice, in lines {first} and "
                f"{number}"
            )
    return labels
