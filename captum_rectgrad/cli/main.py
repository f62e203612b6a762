"""The command `rectgrad`. Slow imports happen when a subcommand runs."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argcomplete

from captum_rectgrad import __version__
from captum_rectgrad.cli import app_arguments, check_arguments, completion, reproduce_arguments, zoo
from captum_rectgrad.errors import RectGradError

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT_MODEL = "tf_efficientnet_lite0"
BAD_REQUEST = 2
INTERRUPTED = 130

# RecursionError and OverflowError come from files with extreme nesting or numbers.
_REFUSALS = (
    ValueError,
    TypeError,
    AssertionError,
    OSError,
    OverflowError,
    RecursionError,
    RectGradError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: command-line arguments; None: those of the process.

    Returns:
        The exit status: 0 for success, 2 for an error, 130 for an interrupt; `check` and
        `reproduce` have further values.
    """
    parser = _parser()
    argcomplete.autocomplete(parser)
    args = parser.parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status: int = args.run(args)
    except BrokenPipeError:  # the reader, such as `head`, closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("rectgrad: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (*_REFUSALS, _zoo_error()) as error:
        print(f"rectgrad: error: {error}", file=sys.stderr)
        return BAD_REQUEST
    return status


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"rectgrad: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    """The parser; subcommands are imported when they run."""
    parser = argparse.ArgumentParser(
        prog="rectgrad", description="Attribution maps with Rectified Gradient (RectGrad)."
    )
    parser.add_argument("--version", action="version", version=f"rectgrad {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_explain(commands)
    zoo.add_parser(commands)
    reproduce_arguments.add_parser(commands)
    check_arguments.add_parser(commands)
    app_arguments.add_parser(commands)
    return parser


def _add_explain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    explain = commands.add_parser(
        "explain",
        help="plot RectGrad's maps beside those of Captum's methods",
        description="Plot attribution maps of RectGrad and Captum's methods for photographs: one "
        "row per image, with the predicted class and its probability above it.",
    )
    explain.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="image files (default: three photographs from scikit-image)",
    )
    model = explain.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a name from `rectgrad zoo list`, a checkpoint folder, or a timm model name "
        "(default: %(default)s)",
    )
    explain.add_argument(
        "--weights",
        metavar="FILE",
        help="local state dict, .safetensors or .pth, instead of the published weights",
    )
    explain.add_argument(
        "--target",
        metavar="CLASS",
        help="name or index of the class to explain (default: the predicted class of each image)",
    )
    explain.add_argument(
        "--percentile",
        type=float,
        metavar="Q",
        help="RectGrad's percentile, 0 to 100 (default: 98, the paper's)",
    )
    methods = explain.add_argument(
        "--methods",
        metavar="A,B,...",
        help=f"comma-separated methods from {', '.join(completion.COMPARED)}, or MODULE:NAME to "
        "import (default: all that apply, except random)",
    )
    explain.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: %(default)s)")
    explain.add_argument(
        "--out",
        type=Path,
        default=Path("rectgrad.png"),
        metavar="FILE",
        help="figure to write; the ending determines the format (default: %(default)s)",
    )
    explain.add_argument(
        "--save-maps", type=Path, metavar="FILE", help="write the maps to this .npz file, too"
    )
    explain.set_defaults(run=_explain)
    model.completer = completion.complete_models  # type: ignore[attr-defined]
    methods.completer = completion.complete_methods  # type: ignore[attr-defined]


def _explain(args: argparse.Namespace) -> int:
    import rectgrad_zoo
    from captum_rectgrad.evaluation.methods import choose_methods
    from captum_rectgrad.explain.classes import class_index
    from captum_rectgrad.explain.explanation import explain, save_maps
    from captum_rectgrad.plotting.images import read_image, sample_images
    from captum_rectgrad.plotting.maps import check_format, plot_comparison

    for path in filter(None, (args.out, args.save_maps)):
        _check_writable(path)
    check_format(args.out)
    if args.save_maps is not None and args.save_maps.suffix != ".npz":
        raise ValueError(f"--save-maps must end in .npz, got {str(args.save_maps)!r}")
    methods = choose_methods(
        None if args.methods is None else args.methods.split(","), args.percentile
    )
    images = _by_name(args.images, read_image) if args.images else sample_images()
    model = rectgrad_zoo.load(args.model, weights=args.weights, device=args.device)
    target = None if args.target is None else class_index(model, args.target)
    explanations = explain(model, images, methods, target)
    plot_comparison([explanation.row() for explanation in explanations]).savefig(args.out)
    print(f"wrote {args.out}")
    if args.save_maps is not None:
        save_maps(explanations, args.save_maps)
        print(f"wrote {args.save_maps}")
    return 0


def _by_name(paths: Sequence[str], read: Callable[[str], "Image"]) -> dict[str, "Image"]:
    """Images by the stem of their file name, or by the path if two files have the same stem."""
    twice = [path for path in paths if paths.count(path) > 1]
    if twice:
        raise ValueError(f"the image {twice[0]!r} is given twice; give each image once")
    stems = [Path(path).stem for path in paths]
    return {
        stem if stems.count(stem) == 1 else path: read(path)
        for stem, path in zip(stems, paths, strict=True)
    }


def _check_writable(path: Path) -> None:
    """Raise before the computation if a file cannot be written."""
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write {str(path)!r}; choose an existing folder with write permission"
        ) from error
    if not existed:
        path.unlink()


def _zoo_error() -> type[Exception]:
    """`rectgrad_zoo.ZooError` if the zoo has been imported, else `RectGradError`."""
    zoo = sys.modules.get("rectgrad_zoo")
    error: type[Exception] = getattr(zoo, "ZooError", RectGradError)
    return error
