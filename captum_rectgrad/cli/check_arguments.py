"""Arguments of `rectgrad check`."""

import argparse
from pathlib import Path

from captum_rectgrad.cli.completion import CHECKED_TOO, COMPARED, complete_models
from captum_rectgrad.cli.lazy import lazy_command
from captum_rectgrad.sanity.defaults import BATCH_SIZE, BOUND, REPEATS, STEPS

GENERATED = "shapes"
IMAGES = 100


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `check`; it sets `run` to a function from arguments to exit status.

    Args:
        subparsers: the result of `ArgumentParser.add_subparsers`.
    """
    parser = subparsers.add_parser(
        "check",
        help="check whether maps depend on what the model has learnt",
        description="Run sanity checks of one method on one model: randomised layers (Adebayo et "
        "al. 2018), other classes and similarity to the image (Nie et al. 2018), random backward "
        "signals (Sixt et al. 2020). Exit status 0: a check passed and none failed; 1: a check "
        "failed; 2: invalid arguments, or an error; 3: no check passed or failed, for example "
        "with few images.",
    )
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="images instead of --data, as for `rectgrad explain`",
    )
    model = parser.add_argument(
        "--model", required=True, metavar="NAME", help="model name, as for `rectgrad explain`"
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--output", metavar="KEY", help="the network's logits, as for `rectgrad explain`"
    )
    parser.add_argument(
        "--method",
        default="rectgrad",
        metavar="NAME",
        help=f"one of {', '.join([*COMPARED, *CHECKED_TOO])}, or MODULE:NAME to import, "
        "such as captum.attr:Deconvolution (default: %(default)s)",
    )
    parser.add_argument(
        "--percentile", type=float, metavar="Q", help="RectGrad's percentile, 0 to 100"
    )
    _add_images(parser)
    _add_checks(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps (default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="output folder of report.md, figure.png, result.json (default: checked/MODEL-METHOD)",
    )
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.check:check_maps"))


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DATA",
        help=f"CIFAR-10 test images, as for `rectgrad zoo train`; or {GENERATED}: generated images "
        f"(default: {GENERATED} for models of 32 x 32 pixels, else three photographs, which are "
        "too few for a verdict)",
    )
    parser.add_argument(
        "--count",
        type=int,
        default=IMAGES,
        metavar="N",
        help="number of images from --data (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size", type=int, default=BATCH_SIZE, help="batch size (default: %(default)s)"
    )


def _add_checks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--random-labels",
        metavar="NAME",
        help="the same architecture trained on random labels, for that check (default: the zoo's "
        "NAME_random_labels, if it needs no download)",
    )
    parser.add_argument(
        "--layers",
        metavar="A,B,...",
        help="names of the layers to randomise (default: all with parameters)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=STEPS,
        metavar="N",
        help="number of evenly spaced layers at which maps are computed (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=REPEATS,
        metavar="N",
        help="number of randomisations, each with different parameters; intervals are over these "
        "and over the images (default: %(default)s)",
    )
    parser.add_argument(
        "--others",
        metavar="A,B,...",
        help="indices of the classes to compare with the predicted one (default: those with the "
        "next highest logits, and the one with the smallest)",
    )
    parser.add_argument(
        "--bound",
        type=float,
        default=BOUND,
        help="similarity above which maps count as the same (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
