"""The checks of `rectgrad check`, and its report. This module imports PyTorch."""
# ruff: noqa: T201 (a command prints)

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import to_pil_image

import captum_rectgrad
import rectgrad_zoo
from captum_rectgrad.cli.check import FIGURE, REPORT, RESULT, CheckRequest
from captum_rectgrad.cli.check_arguments import GENERATED
from captum_rectgrad.cli.check_method import caution_of, method_of, rule_of
from captum_rectgrad.cli.check_plan import plan
from captum_rectgrad.cli.known_names import is_own_model
from captum_rectgrad.cli.own_model import load_model
from captum_rectgrad.cli.printable import say
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.methods import MethodUnreliableError
from captum_rectgrad.explain.explanation import returning_logits
from captum_rectgrad.explain.preprocessing import find_transform, picture
from captum_rectgrad.plotting.images import sample_images
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
from rectgrad_zoo.written_whole import write_text, written_whole

FAILED, UNDECIDED = 1, 3  # exit statuses


def run_checks(request: CheckRequest) -> int:
    """Run the checks, write the report and print the findings.

    Args:
        request: the checked arguments.

    Returns:
        The exit status: 0 if a check passed and none failed, 1 if a check failed, 3 if none passed
        or failed.

    Raises:
        ValueError: an argument is invalid, or the method cannot be checked on the model.
        OSError: a file cannot be read or written.
        RectGradError: an image cannot be read, or the model or the method raised an error of
            another type, which is chained. It is converted because Python's exit status 1 would
            look like a failed check.
        ZooError: a network or the images are not available.
    """
    try:
        return _run(request)
    except (ValueError, OSError, RectGradError, rectgrad_zoo.ZooError):
        raise
    except Exception as error:
        args, said = request.args, " ".join(f"{type(error).__name__}: {error}".split())
        raise RectGradError(
            f"the checks of {args.method} on {args.model} raised an error: {said}"
        ) from error


def _run(request: CheckRequest) -> int:
    args = request.args
    options = CheckOptions(
        bound=args.bound,
        layers=request.layers,
        steps=args.steps,
        repeats=args.repeats,
        others=request.others,
        seed=args.seed,
    )
    method = method_of(args.method, args.percentile)
    device = parse_device(args.device)
    loaded, transform = load_model(args.model, None, args.device)
    of_random_labels = args.random_labels or _control(args.model)
    twin = load_model(of_random_labels, None, args.device)[0] if of_random_labels else None
    kind, images = _images(request, loaded, transform)
    one = images[:1].to(device)
    model = returning_logits(loaded, one, request.output)
    control = None if twin is None else returning_logits(twin, one, request.output)
    rule = rule_of(args.method, model, args.percentile)
    with deterministic(device):
        predicted = logits(model, images, args.batch_size).argmax(dim=1)
        task = AttributionTask(method, images, predicted, args.batch_size, args.seed)
        for line in plan(
            task,
            model,
            options,
            images=kind,
            has_signal=rule is not None,
            has_control=control is not None,
        ):
            say(f"{args.model}: {line}")
        try:
            checked = check(task, model, options, rule=rule, of_random_labels=control)
        except MethodUnreliableError as error:
            raise ValueError(
                f"{method.title} cannot be checked on {args.model}: {error}"
            ) from error
        caution = caution_of(args.method, model, images, predicted)
    facts = {
        **({} if caution is None else {"caution": caution}),
        "images": f"{len(images)} {kind}",
        "class explained": "the predicted class",
        **{name: value for name, value in asdict(options).items() if value is not None},
        **({} if args.percentile is None else {"percentile": args.percentile}),
        **_weights("random labels", of_random_labels, twin),
        "date": datetime.now(timezone.utc).date().isoformat(),
        **_weights("SHA-256 of the weights", args.model, loaded),
        "device": name_of(device),
        "versions": f"captum-rectgrad {captum_rectgrad.__version__}, torch {torch.__version__}",
    }
    threshold = "" if args.percentile is None else f", q = {args.percentile:g},"
    title = f"{method.title}{threshold} on {args.model}"
    seen = picture(loaded, images[0], transform).astype(np.float64)
    _write(request, checked, seen, title, options, facts)
    if caution is not None:
        print(caution)
    if checked.failed:
        return FAILED
    return 0 if checked.decided else UNDECIDED


def _control(model: str) -> str | None:
    """The zoo's network of random labels for a model of the zoo, if it needs no download."""
    row = registry.find(f"{model}_random_labels")
    return row.name if row and registry.local_folder(row) else None


def _weights(fact: str, name: str | None, model: nn.Module | None) -> dict[str, str]:
    """The SHA-256 of the weights; nothing for no network, or one of the user's own code."""
    if name is None or model is None or is_own_model(name):
        return {}
    return {fact: rectgrad_zoo.provenance(model).sha256}


def _images(request: CheckRequest, model: nn.Module, transform: Any) -> tuple[str, Tensor]:
    """Their name in the report, and `(N, C, H, W)`, as the model takes them."""
    args, preprocess = request.args, find_transform(model, transform)
    data = args.data
    if request.images is not None:
        name, pictures = "images given", list(request.images.values())
    elif data is None and not _takes_shapes(preprocess):
        name, pictures = "photographs of scikit-image", list(sample_images().values())
    else:
        shapes = data in {None, GENERATED}
        found = drawn("test") if shapes else read_cifar10(data, "test")
        name = "generated shapes" if shapes else "test images of CIFAR-10"
        pictures = [to_pil_image(image) for image in found.images[: args.count]]
    return name, torch.stack([preprocess(each) for each in pictures])


def _takes_shapes(preprocess: Callable[[Image.Image], Tensor]) -> bool:
    """Whether the model's images have the size of the generated shapes."""
    photograph = next(iter(sample_images().values()))
    return preprocess(photograph).shape[1:] == drawn("test").images.shape[2:]


def _write(
    request: CheckRequest,
    checked: CheckReport,
    seen: NDArray[np.float64],
    title: str,
    options: CheckOptions,
    facts: Mapping[str, object],
) -> None:
    folder = request.folder
    with written_whole(folder / FIGURE) as unfinished:
        draw(checked, seen, title, options).savefig(unfinished)
    text = markdown(checked, title, facts)
    write_text(folder / REPORT, text)
    found = [_plain(finding) for finding in checked.findings]
    facts = {**facts, "notes": notes(checked)}
    content = json.dumps({"title": title, **facts, "findings": found}, indent=2, allow_nan=False)
    write_text(folder / RESULT, content + "\n")
    for finding in checked.findings:
        print(f"{finding.check}: {finding.verdict}. {finding.sentence}")
    for note in notes(checked):
        print(note)
    print(f"wrote {folder / 'report.md'}")


def _plain(finding: Finding) -> dict[str, object]:
    """A finding for JSON, which has no NaN."""
    numbers = {
        name: {key: None if math.isnan(value) else value for key, value in asdict(number).items()}
        for name, number in finding.numbers
    }
    return {**asdict(finding), "numbers": numbers}
