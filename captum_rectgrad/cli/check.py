"""The command `rectgrad check`."""
# ruff: noqa: T201 (a command prints)

import argparse
import importlib
import json
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from inspect import signature
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn
from torchvision.transforms.functional import to_pil_image

import captum_rectgrad
import rectgrad_zoo
from captum_rectgrad import (
    Deconvolution,
    GuidedBackprop,
    NoBiasRectGrad,
    RectGrad,
    RectGradPRR,
)
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.cli.check_arguments import GENERATED
from captum_rectgrad.cli.output_files import check_output
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import (
    Method,
    MethodUnreliableError,
    choose_methods,
    methods,
    of_captum,
    same_maps,
)
from captum_rectgrad.plotting.images import read_image, sample_images
from captum_rectgrad.rules.threshold import check_percentile
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.caveats import notes
from captum_rectgrad.sanity.check import CheckOptions, CheckReport, check
from captum_rectgrad.sanity.findings import Finding
from captum_rectgrad.sanity.logits import logits
from captum_rectgrad.sanity.report_page import draw, markdown
from captum_rectgrad.studies.data.generated import drawn
from captum_rectgrad.studies.report.provenance import name_of
from rectgrad_zoo import registry
from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.determinism import deterministic
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.output_lock import output_lock
from rectgrad_zoo.written_whole import write_text, written_whole

FAILED, UNDECIDED = 1, 3  # exit statuses
# Gradient rules at activations, by method key. A Captum method of the same key is checked as it is,
# but its backward signals are those of this package's method.
RULES: dict[str, Callable[..., ModifiedGradient]] = {
    "saliency": signed_gradient,
    "gradient-input": signed_gradient,
    "guided-bp": GuidedBackprop,
    "deconvnet": Deconvolution,
    "rectgrad": RectGrad,
    "rectgrad-prr": RectGradPRR,
    "nobias-rectgrad": NoBiasRectGrad,
}
# Methods that the studies of Kim et al. do not compare.
_MORE = {"deconvnet": "DeconvNet", "nobias-rectgrad": "NoBias RectGrad"}


def check_model(args: argparse.Namespace) -> int:
    """Run the checks, write the report and print the findings.

    Args:
        args: parsed by `check_arguments`.

    Returns:
        The exit status: 0 if a check passed and none failed, 1 if a check failed, 3 if none passed
        or failed.

    Raises:
        ValueError: an argument is invalid, or the method cannot be checked on the model.
        OSError: a file cannot be read or written.
        RectGradError: an image cannot be read, or the model or the method raised an error of
            another type, which is chained. It is converted because Python's exit status 1 would
            look like a failed check.
        ZooError: another process uses the folder, or a network or the images are not available.
    """
    for file in ("figure.png", "report.md", "result.json"):
        check_output(
            _folder(args) / file, {Path(path).resolve() for path in args.images}, create=True
        )
    try:
        with output_lock(_folder(args)):
            return _run(args)
    except (ValueError, OSError, RectGradError, rectgrad_zoo.ZooError):
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise RectGradError(
            f"the checks of {args.method} on {args.model} raised an error: {said}"
        ) from error


def _run(args: argparse.Namespace) -> int:
    for name in ("count", "batch_size"):
        if getattr(args, name) < 1:
            raise ValueError(f"got --{name.replace('_', '-')} below 1, expected at least 1")
    options = _options(args)
    method = _method(args.method, args.percentile)
    device = parse_device(args.device)
    model = rectgrad_zoo.load(args.model, device=device)
    other = None
    of_random_labels = args.random_labels or _control(args.model)
    if of_random_labels is not None:
        other = rectgrad_zoo.load(of_random_labels, device=device)
    name, images = _images(args, model)
    rule = _rule(args.method, model, args.percentile)
    with deterministic(device):
        predicted = logits(model, images, args.batch_size).argmax(dim=1)
        task = AttributionTask(method, images, predicted, args.batch_size, args.seed)
        try:
            checked = check(task, model, options, rule=rule, of_random_labels=other)
        except MethodUnreliableError as error:
            raise ValueError(
                f"{method.title} cannot be checked on {args.model}: {error}"
            ) from error
        caution = _caution(args.method, model, images, predicted)
    facts = {
        **({} if caution is None else {"caution": caution}),
        "images": f"{len(images)} {name}",
        "class explained": "the predicted class",
        **{name: value for name, value in asdict(options).items() if value is not None},
        **({} if args.percentile is None else {"percentile": args.percentile}),
        **({} if other is None else {"random labels": rectgrad_zoo.provenance(other).sha256}),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "SHA-256 of the weights": rectgrad_zoo.provenance(model).sha256,
        "device": name_of(device),
        "versions": f"captum-rectgrad {captum_rectgrad.__version__}, torch {torch.__version__}",
    }
    threshold = "" if args.percentile is None else f", q = {args.percentile:g},"
    title = f"{method.title}{threshold} on {args.model}"
    _write(args, checked, _picture(model, images[0]), title, options, facts)
    if caution is not None:
        print(caution)
    if checked.failed:
        return FAILED
    return 0 if checked.decided else UNDECIDED


def _control(model: str) -> str | None:
    """The zoo's network of random labels for a model of the zoo, if it needs no download."""
    row = registry.find(f"{model}_random_labels")
    return row.name if row and registry.local_folder(row) else None


def _options(args: argparse.Namespace) -> CheckOptions:
    others = None
    if args.others is not None:
        try:
            others = [int(number) for number in args.others.split(",")]
        except ValueError as error:
            raise ValueError(
                f"--others must be class indices, such as 3,5; got {args.others!r}"
            ) from error
    return CheckOptions(
        bound=args.bound,
        layers=None if args.layers is None else args.layers.split(","),
        steps=args.steps,
        repeats=args.repeats,
        others=others,
        seed=args.seed,
    )


def _method(key: str, percentile: float | None) -> Method:
    compared = [method.key for method in methods()]
    if ":" not in key and key not in (*compared, *_MORE):
        known = ", ".join([*compared, *_MORE])
        raise ValueError(f"{key!r} is not a known method; choose from {known}, or MODULE:NAME")
    make = _rule_of(key)
    if percentile is not None:
        check_percentile(percentile)
        if make is None or "percentile" not in signature(make).parameters:
            raise ValueError(f"--percentile only applies to RectGrad, got --method {key}")
    if key in compared or make is None:
        (method,) = choose_methods([key], percentile)
        return method
    options = {} if percentile is None else {"percentile": percentile}
    return of_captum(key, _MORE.get(key, key.partition(":")[2]), partial(make, **options))


def _rule_of(key: str) -> Callable[..., ModifiedGradient] | None:
    """The constructor of the method if it is a gradient rule at activations."""
    if ":" not in key:
        return RULES.get(key)
    module, _, name = key.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None  # `choose_methods` raises a better error
    return found if isinstance(found, type) and issubclass(found, ModifiedGradient) else None


def _rule(key: str, model: nn.Module, percentile: float | None) -> ModifiedGradient | None:
    """The method with its model if it is a gradient rule at activations."""
    make = _rule_of(key)
    if make is None:
        return None
    return make(model) if percentile is None else make(model, percentile=percentile)


def _caution(key: str, model: nn.Module, images: Tensor, targets: Tensor) -> str | None:
    """A warning if a method imported from Captum is incorrect on this model."""
    own = {
        "captum.attr:GuidedBackprop": GuidedBackprop,
        "captum.attr:Deconvolution": Deconvolution,
    }
    if key not in own:
        return None
    device = next(model.parameters()).device
    x, y = images[:4].to(device), targets[:4].to(device)
    (method,) = choose_methods([key])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = own[key](model).attribute(x, target=y)
        found = method.attribute(model, x.clone().requires_grad_(), y)
    if same_maps(found, expected):
        return None
    return (
        f"Captum's {method.title} is incorrect on this model (it only hooks nn.ReLU modules, once "
        "each, and returns the plain gradient elsewhere). These findings are about that result; "
        f"use {own[key].__name__} of this package for the method."
    )


def _images(args: argparse.Namespace, model: nn.Module) -> tuple[str, Tensor]:
    """Their name in the report, and `(N, C, H, W)`, as the model takes them."""
    if args.images and args.data is not None:
        raise ValueError("got image files and --data; give one of them")
    transform = rectgrad_zoo.transform(model)
    size = tuple(resolve_model_data_config(model)["input_size"][1:])
    data = args.data or (GENERATED if size == tuple(drawn("test").images.shape[2:]) else None)
    if args.images:
        name, pictures = "images given", [read_image(path) for path in args.images]
    elif data is None:
        name, pictures = "photographs of scikit-image", list(sample_images().values())
    else:
        found = drawn("test") if data == GENERATED else read_cifar10(data, "test")
        name = "generated shapes" if data == GENERATED else "test images of CIFAR-10"
        pictures = [to_pil_image(image) for image in found.images[: args.count]]
    return name, torch.stack([transform(picture) for picture in pictures])


def _write(
    args: argparse.Namespace,
    checked: CheckReport,
    picture: NDArray[np.float64],
    title: str,
    options: CheckOptions,
    facts: Mapping[str, object],
) -> None:
    folder = _folder(args)
    with written_whole(folder / "figure.png") as unfinished:
        draw(checked, picture, title, options).savefig(unfinished)
    text = markdown(checked, title, facts)
    write_text(folder / "report.md", text)
    found = [_plain(finding) for finding in checked.findings]
    facts = {**facts, "notes": notes(checked)}
    content = json.dumps({"title": title, **facts, "findings": found}, indent=2, allow_nan=False)
    write_text(folder / "result.json", content + "\n")
    for finding in checked.findings:
        print(f"{finding.check}: {finding.verdict}. {finding.sentence}")
    for note in notes(checked):
        print(note)
    print(f"wrote {folder / 'report.md'}")


def _folder(args: argparse.Namespace) -> Path:
    threshold = "" if args.percentile is None else f"-{args.percentile:g}"
    name = f"{Path(args.model).name}-{args.method.replace(':', '.')}{threshold}"
    return args.out or Path("checked") / name


def _plain(finding: Finding) -> dict[str, object]:
    """A finding for JSON, which has no NaN."""
    numbers = {
        name: {key: None if math.isnan(value) else value for key, value in asdict(number).items()}
        for name, number in finding.numbers
    }
    return {**asdict(finding), "numbers": numbers}


def _picture(model: nn.Module, image: Tensor) -> NDArray[np.float64]:
    """Undo the normalisation: `(H, W, 3)`, in [0, 1] up to rounding."""
    config = resolve_model_data_config(model)
    mean, std = (np.array(config[key])[:, None, None] for key in ("mean", "std"))
    found: NDArray[np.float64] = (image.double().numpy() * std + mean).transpose(1, 2, 0)
    return found
