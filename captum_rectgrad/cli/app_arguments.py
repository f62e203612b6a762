"""Arguments of `rectgrad app`."""

from pathlib import Path
from typing import TYPE_CHECKING

from captum_rectgrad.cli.completion import complete_models
from captum_rectgrad.cli.lazy import lazy_command

if TYPE_CHECKING:
    import argparse

MODELS = ("tf_efficientnet_lite0", "cifar10_cnn", "cifar10_cnn_occluded")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `app`; it sets `run` to a function from arguments to exit status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    parser = subparsers.add_parser(
        "app",
        help="explain photographs in the browser",
        description="Serve a page on this machine that explains uploaded photographs, beside the "
        "maps of another class and of the network with random weights. Needs the extra `app`. "
        "Photographs stay on this machine and are deleted after half an hour.",
    )
    model = parser.add_argument(
        "--model",
        nargs="+",
        default=list(MODELS),
        metavar="NAME",
        help="offered models, as for `rectgrad explain`, MODULE:FUNCTION among them; the first is "
        "the default "
        f"(default: {' '.join(MODELS)})",
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="local state dict, .safetensors or .pth, for the one model of --model",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="text file with the name of each class of the one model of --model, one per line",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; on other addresses than this machine's own, users can choose "
        "the models of --model alone, since names can be paths; let a public proxy forward to such "
        "an address (default: %(default)s)",
    )
    parser.add_argument("--port", type=int, default=7860, help="port (default: %(default)s)")
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.app:run_app"))
