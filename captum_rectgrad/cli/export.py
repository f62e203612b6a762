"""The command `rectgrad export`: what can be checked without PyTorch is checked first."""

import argparse

from captum_rectgrad.cli.explain import key_or_index, read_labels
from captum_rectgrad.cli.export_arguments import DIMENSIONS, FIXED
from captum_rectgrad.cli.known_names import check_model, check_percentile_option, check_weights
from captum_rectgrad.cli.output_files import check_output
from captum_rectgrad.export.onnx_map import imported_runtime


def export_map(args: argparse.Namespace) -> int:
    """Check the arguments, write the file and, if requested, compare it with PyTorch.

    Args:
        args: parsed by `export_arguments`.

    Returns:
        The exit status: 0; 1 if the file differs from PyTorch.

    Raises:
        ValueError: an argument is invalid.
        RectGradError: an operator of the model has no translation, or a package is not installed.
        ZooError: the model is not available.
    """
    check_model(args.model)
    check_percentile_option(args.percentile)
    if args.percentile is not None and "rectgrad" not in args.method:
        raise ValueError(f"--percentile only applies to RectGrad, got --method {args.method}")
    if args.weights is not None:
        check_weights(args.weights)
    labels = None if args.labels is None else read_labels(args.labels)
    if args.out.suffix != ".onnx":
        raise ValueError(f"--out must end in .onnx, got {str(args.out)!r}")
    check_output(args.out, set())
    dynamic = free_dimensions(args.dynamic)
    if args.check:
        imported_runtime()  # before the file is written
    from captum_rectgrad.cli.export_file import write_onnx  # noqa: PLC0415 (PyTorch)

    return write_onnx(args, labels, dynamic, key_or_index(args.output))


def free_dimensions(given: str | None) -> tuple[str, ...] | None:
    """The value of `--dynamic`; None for the dimensions that the network allows.

    Raises:
        ValueError: a name is unknown.
    """
    if given is None:
        return None
    names = tuple(name.strip() for name in given.split(","))
    if names == (FIXED,):
        return ()
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown:
        raise ValueError(
            f"--dynamic: got {unknown[0]!r}, expected {', '.join(DIMENSIONS)}, or {FIXED}"
        )
    return names
