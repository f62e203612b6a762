"""The file of `rectgrad export`, and its check. This module imports PyTorch."""
# ruff: noqa: T201 (a command prints)

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from PIL import ImageOps
from torch import Tensor, nn

from captum_rectgrad import (
    Deconvolution,
    GuidedBackprop,
    NoBiasRectGrad,
    RectGrad,
    RectGradPRR,
    Saliency,
    export_onnx,
)
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.cli.own_model import load_model
from captum_rectgrad.explain.preprocessing import model_input
from captum_rectgrad.export.check import TOLERANCE, OnnxCheck, check_onnx
from captum_rectgrad.export.onnx_export import OnnxExport
from captum_rectgrad.plotting.images import photographs

# The classes and arguments of the methods, by key. Gradients are signed, as in `rectgrad explain`.
METHODS: dict[str, tuple[type[ModifiedGradient], dict[str, Any]]] = {
    "rectgrad": (RectGrad, {}),
    "rectgrad-prr": (RectGradPRR, {}),
    "nobias-rectgrad": (NoBiasRectGrad, {}),
    "saliency": (Saliency, {"abs": False}),
    "guided-bp": (GuidedBackprop, {}),
    "deconvnet": (Deconvolution, {}),
}
PICTURES = 20
SECOND_PERCENTILE = 90.0


def write_onnx(
    args: argparse.Namespace,
    labels: Sequence[str] | None,
    dynamic: tuple[Any, ...] | None,
    output: str | int | None,
) -> int:
    """Write the file of a network, and compare it with PyTorch if requested.

    Args:
        args: parsed by `export_arguments`.
        labels: names of the classes; None for those of the network.
        dynamic: dimensions that must be free; None for those that the network allows.
        output: key or index of the logits in what the network returns; None for the default.

    Returns:
        The exit status: 0; 1 if the file differs from PyTorch.

    Raises:
        RectGradError: as in `export_onnx`.
        ValueError: the preprocessing of the network is not known.
        ZooError: the model is not available.
    """
    model, transform = load_model(args.model, args.weights, "cpu")
    method, options = METHODS[args.method]
    options = {**options, "output": output}
    if args.percentile is not None:
        options["percentile"] = args.percentile
    example = check_images(model, transform, 1)
    written = export_onnx(
        model,
        example,
        args.out,
        method,
        dynamic=dynamic,
        labels=labels,
        half=args.half,
        **options,
    )
    print(f"wrote {args.out}: {_described(written)}")
    if not args.check:
        return 0
    images = check_images(model, transform, PICTURES)
    default = 98.0 if args.percentile is None else args.percentile
    percentiles = sorted({default, SECOND_PERCENTILE}, reverse=True)
    options.pop("percentile", None)
    found = check_onnx(args.out, model, images, method, percentiles=percentiles, **options)
    for line in check_lines(found):
        print(line)
    return 0 if found.failure is None else 1


def check_images(model: nn.Module, transform: Any, count: int) -> Tensor:
    """Photographs of scikit-image, and mirror images of some, as inputs `(N, C, H, W)`."""
    pictures = list(photographs().values())
    pictures += [ImageOps.mirror(picture) for picture in pictures]
    return torch.cat([model_input(model, picture, transform) for picture in pictures[:count]])


def check_lines(found: OnnxCheck) -> list[str]:
    """The outcome of a check as text."""
    far = found.deviating
    lines = [
        f"logits: largest difference {found.logits:.1e} of the largest logit",
        f"maps: {(~far).sum()} of {len(far)} within {TOLERANCE:g} of the largest value",
        f"units within rounding of a threshold: {found.ties.sum()} in {len(far)} maps",
    ]
    if far.any():
        lines.append(
            f"maps with other units: difference at most {found.errors.max():.1e} of the largest "
            f"value, and {found.gaps.max():.2%} of the sum"
        )
    return [*lines, "check failed: " + found.failure if found.failure else "check passed"]


def _described(written: OnnxExport) -> str:
    free = " and ".join({"batch": "number", "size": "size"}[name] for name in written.dynamic)
    images = f"any {free} of images" if free else "images of one number and size"
    return (
        f"{written.bytes / 1e6:.1f} MB, {written.nodes} nodes, {len(written.layers)} layers, "
        f"{images}"
    )
