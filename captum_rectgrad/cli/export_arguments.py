"""Arguments of `rectgrad export`."""

from pathlib import Path
from typing import TYPE_CHECKING

from captum_rectgrad.cli.completion import complete_models
from captum_rectgrad.cli.lazy import lazy_command

if TYPE_CHECKING:
    import argparse

# The keys of `cli.export_file.METHODS`, in order.
EXPORTED = (
    "rectgrad",
    "rectgrad-prr",
    "nobias-rectgrad",
    "saliency",
    "guided-bp",
    "deconvnet",
)
DIMENSIONS = ("batch", "size")
FIXED = "none"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `export`; it sets `run` to a function from arguments to exit status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    parser = subparsers.add_parser(
        "export",
        help="write a network and its map as one ONNX file",
        description="Write a network and the map of a method as one ONNX file, which runs without "
        "PyTorch. Inputs of the file: image, class (-1: the predicted one) and percentile. "
        "Outputs: logits, map, and the share of units that passed each layer. Needs the extra "
        "`onnx`. Exit status 0: written; 1: --check found a difference; 2: invalid arguments, or "
        "an error.",
    )
    model = parser.add_argument(
        "model", metavar="MODEL", help="model name, as --model of `rectgrad explain`"
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="file to write, FILE.onnx"
    )
    parser.add_argument(
        "--method",
        default=EXPORTED[0],
        choices=EXPORTED,
        metavar="NAME",
        help=f"one of {', '.join(EXPORTED)} (default: %(default)s)",
    )
    parser.add_argument(
        "--percentile",
        type=float,
        metavar="Q",
        help="RectGrad's percentile in the metadata, 0 to 100 (default: 98, the paper's); it stays "
        "an input of the file",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="local state dict instead of the published weights"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="names of the classes, one per line"
    )
    parser.add_argument(
        "--output", metavar="KEY", help="the network's logits, as for `rectgrad explain`"
    )
    parser.add_argument(
        "--dynamic",
        metavar="A,B",
        help=f"dimensions of the images that must be free: {', '.join(DIMENSIONS)}, or {FIXED} "
        "(default: those that the network allows)",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="store the weights in float16, in half the space; the map is that of rounded weights",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare the file in onnxruntime with PyTorch, on twenty pictures",
    )
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.export:export_map"))
