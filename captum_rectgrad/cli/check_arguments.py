"""The arguments of `rectgrad check`."""

import argparse
from pathlib import Path

from captum_rectgrad.cli.completion import CHECKED_TOO, COMPARED, complete_models
from captum_rectgrad.cli.lazy import lazy_command
from captum_rectgrad.sanity.defaults import BATCH_SIZE, BOUND, REPEATS, STEPS

GENERATED = "shapes"
IMAGES = 100


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `check`, with `run` set to a function from arguments to exit status.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.
    """
    parser = subparsers.add_parser(
        "check",
        help="whether maps depend on what the model has learnt",
        description="Sanity checks of one method on one model: layers made random again "
        "(Adebayo et al. 2018), other classes and the image itself (Nie et al. 2018), random "
        "signals sent backwards (Sixt et al. 2020). Exit status 0: something passed and nothing "
        "failed; 1: something failed; 2: wrong arguments, or the checks could not be run; 3: "
        "nothing was decided, as with few images.",
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="image files, instead of --data")
    model = parser.add_argument(
        "--model", required=True, metavar="NAME", help="as for `rectgrad explain`"
    )
    model.completer = complete_models  # type: ignore[attr-defined]
    parser.add_argument(
        "--method",
        default="rectgrad",
        metavar="NAME",
        help=f"of {', '.join([*COMPARED, *CHECKED_TOO])}, or MODULE:NAME to import, "
        "such as captum.attr:Deconvolution (default: %(default)s)",
    )
    parser.add_argument(
        "--percentile", type=float, metavar="Q", help="RectGrad's threshold, 0 to 100"
    )
    _add_images(parser)
    _add_checks(parser)
    parser.add_argument("--device", default="cpu", help="(default: %(default)s)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for report.md, figure.png and result.json (default: checked/MODEL-METHOD)",
    )
    parser.set_defaults(run=lazy_command("captum_rectgrad.cli.check:check_model"))


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="DATA",
        help=f"test images of CIFAR-10, as for `rectgrad zoo train`; or {GENERATED}: images drawn "
        f"by the package (default: {GENERATED} for models of 32 x 32 pixels, else three "
        "photographs, which are too few for a verdict)",
    )
    parser.add_argument(
        "--count", type=int, default=IMAGES, metavar="N", help="of --data (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=int, default=BATCH_SIZE, help="images at a time (default: %(default)s)"
    )


def _add_checks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--random-labels",
        metavar="NAME",
        help="the same network trained on random labels, for that check (default: the zoo's "
        "NAME_random_labels, if it is at hand)",
    )
    parser.add_argument(
        "--layers", metavar="A,B,...", help="which are made random (default: all with parameters)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=STEPS,
        metavar="N",
        help="at how many layers, evenly spaced, maps are made (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=REPEATS,
        metavar="N",
        help="how many times layers are made random, each with other parameters; intervals are "
        "over these and over the images (default: %(default)s)",
    )
    parser.add_argument(
        "--others",
        metavar="A,B,...",
        help="numbers of the classes that the predicted one is compared with (default: those with "
        "the next logits, and the one with the smallest)",
    )
    parser.add_argument(
        "--bound",
        type=float,
        default=BOUND,
        help="likeness above which maps count as the same (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
