"""Arguments of `rectgrad explain`."""

import argparse
from pathlib import Path

from captum_rectgrad.cli.completion import COMPARED, complete_methods, complete_models
from captum_rectgrad.cli.download import LIMIT_BYTES, LIMIT_SECONDS
from captum_rectgrad.cli.lazy import lazy_command

DEFAULT_MODEL = "tf_efficientnet_lite0"
DEFAULT_METHODS = "saliency,rectgrad"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `explain`; it sets `run` to a function from arguments to exit status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    parser = subparsers.add_parser(
        "explain",
        help="plot RectGrad's maps beside those of Captum's methods",
        description="Plot attribution maps of RectGrad and of Captum's methods for photographs: "
        "one row per image, with the predicted class and its probability above it.",
    )
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="image files, folders, glob patterns, URLs (http and https, at most "
        f"{LIMIT_BYTES // 10**6} MB and {LIMIT_SECONDS:g} seconds), or - for standard input "
        "(default: three photographs from scikit-image). A file of a folder, or of a pattern in "
        "quotes, that cannot be read is skipped with a warning; one that is named is an error",
    )
    _add_model(parser)
    methods = parser.add_argument(
        "--methods",
        metavar="A,B,...",
        default=DEFAULT_METHODS,
        help=f"comma-separated methods from {', '.join(COMPARED)}, or MODULE:NAME to import; or "
        "all: every method except random (default: %(default)s)",
    )
    methods.completer = complete_methods  # type: ignore[attr-defined]
    parser.add_argument(
        "--percentile",
        type=float,
        metavar="Q",
        help="RectGrad's percentile, 0 to 100 (default: 98, the paper's)",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: %(default)s)")
    _add_output(parser)
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.explain:explain_images"))


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the model and its classes."""
    model = parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a name from `rectgrad zoo list`; a timm model name, such as resnet50; the folder of "
        "a checkpoint, or of save_pretrained of transformers; OWNER/NAME or hf:OWNER/NAME on the "
        "Hugging Face Hub; or MODULE:FUNCTION, a function without "
        "arguments, in a Python file of the working directory or an installed package, that "
        "returns a network with timm's pretrained_cfg, or a pair of a network and its transform: "
        "a function, weights of torchvision or a processor of transformers (default: %(default)s)",
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="local state dict, .safetensors or .pth, instead of the published weights",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="text file with the name of each class, one per line, in the order of the model's "
        "outputs",
    )
    parser.add_argument(
        "--output",
        metavar="KEY",
        help="key or index of the logits in what the network returns, if it is a dict or a tuple "
        "(default: logits, out, or the only tensor)",
    )
    parser.add_argument(
        "--target",
        metavar="CLASS",
        help="name or index of the class to explain (default: the predicted class of each image)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the written files."""
    parser.add_argument(
        "--out",
        default="rectgrad.png",
        metavar="FILE",
        help="figure to write; the ending determines the format. A folder (DIR/), or a name with "
        "{name}, such as maps/{name}.pdf: one figure per image (default: %(default)s)",
    )
    parser.add_argument(
        "--overlay", action="store_true", help="draw the maps over the photograph in grey"
    )
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="compute the same bytes in every run on a GPU: deterministic algorithms without TF32",
    )
    parser.add_argument(
        "--save-maps", type=Path, metavar="FILE", help="write the maps to this .npz file, too"
    )
