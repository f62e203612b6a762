"""The command `rectgrad`. Nothing heavy is imported before it is needed."""

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import argcomplete

from captum_rectgrad import __version__
from captum_rectgrad.cli import check_arguments, completion, reproduce_arguments, zoo
from captum_rectgrad.errors import RectGradError

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT_MODEL = "tf_efficientnet_lite0"
BAD_REQUEST = 2
INTERRUPTED = 130

# RecursionError and OverflowError: of files that are nested or hold numbers beyond all sense.
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
        argv: its arguments; None: the process's.

    Returns:
        The exit status: 0, 2 where something was wrong with what was asked for, 130 where it was
        interrupted.
    """
    parser = _parser()
    argcomplete.autocomplete(parser)
    args = parser.parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status: int = args.run(args)
    except BrokenPipeError:  # whoever read, as `head` does, has read enough
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
    """The parser: what a command does is imported when it is run."""
    parser = argparse.ArgumentParser(
        prog="rectgrad", description="Attribution maps by Rectified Gradient."
    )
    parser.add_argument("--version", action="version", version=f"rectgrad {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_explain(commands)
    zoo.add_parser(commands)
    reproduce_arguments.add_parser(commands)
    check_arguments.add_parser(commands)
    return parser


def _add_explain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    explain = commands.add_parser(
        "explain",
        help="draw RectGrad beside Captum's methods",
        description="Draw what RectGrad and Captum's methods say about photographs: one row for "
        "each, the predicted class and its probability above it.",
    )
    explain.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="image files; without, three photographs that come with scikit-image",
    )
    model = explain.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME",
        help="a name of `rectgrad zoo list`, a checkpoint folder, or any name timm can build "
        "(default: %(default)s)",
    )
    explain.add_argument(
        "--weights",
        metavar="FILE",
        help="a state dict on this machine, .safetensors or .pth, instead of the published weights",
    )
    explain.add_argument(
        "--target",
        metavar="CLASS",
        help="name or number of the class to explain (default: the predicted one of each image)",
    )
    explain.add_argument(
        "--percentile",
        type=float,
        metavar="Q",
        help="RectGrad's threshold, 0 to 100 (default: 98, the paper's)",
    )
    methods = explain.add_argument(
        "--methods",
        metavar="A,B,...",
        help=f"columns of the figure, of {', '.join(completion.COMPARED)}, or MODULE:NAME to "
        "import (default: all that apply, but for random)",
    )
    explain.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: %(default)s)")
    explain.add_argument(
        "--out",
        type=Path,
        default=Path("rectgrad.png"),
        metavar="FILE",
        help="figure to write; its ending says the format (default: %(default)s)",
    )
    explain.add_argument(
        "--save-maps", type=Path, metavar="FILE", help="also write the raw maps, as .npz"
    )
    explain.set_defaults(run=_explain)
    model.completer = completion.complete_models  # type: ignore[attr-defined]
    methods.completer = completion.complete_methods  # type: ignore[attr-defined]


def _explain(args: argparse.Namespace) -> int:
    import rectgrad_zoo
    from captum_rectgrad.cli.explain import class_index, explain, save_maps
    from captum_rectgrad.evaluation.methods import choose_methods
    from captum_rectgrad.plotting.images import read_image, sample_images
    from captum_rectgrad.plotting.maps import check_format, plot_comparison

    for path in filter(None, (args.out, args.save_maps)):
        _check_writable(path)
    check_format(args.out)
    if args.save_maps is not None and args.save_maps.suffix != ".npz":
        raise ValueError(f"{str(args.save_maps)!r} must end in .npz")
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
    """Images by the stem of their file, by their whole path where two share a stem."""
    twice = [path for path in paths if paths.count(path) > 1]
    if twice:
        raise ValueError(f"the image {twice[0]!r} is named twice; name each once")
    stems = [Path(path).stem for path in paths]
    return {
        stem if stems.count(stem) == 1 else path: read(path)
        for stem, path in zip(stems, paths, strict=True)
    }


def _check_writable(path: Path) -> None:
    """Fail now rather than after the computation."""
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write {str(path)!r}: name a file in a folder that exists and may be written to"
        ) from error
    if not existed:
        path.unlink()


def _zoo_error() -> type[Exception]:
    """`rectgrad_zoo.ZooError` where anything has imported it; else it cannot have been raised."""
    zoo = sys.modules.get("rectgrad_zoo")
    error: type[Exception] = getattr(zoo, "ZooError", RectGradError)
    return error
