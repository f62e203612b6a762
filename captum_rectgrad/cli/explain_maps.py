"""The maps of `rectgrad explain`, and its files. This module imports PyTorch."""
# ruff: noqa: T201 (a command prints)

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from captum_rectgrad.cli.explain import ExplainRequest
from captum_rectgrad.cli.own_model import load_model
from captum_rectgrad.cli.printable import one_line, say
from captum_rectgrad.evaluation.methods import Method, choose_methods
from captum_rectgrad.explain.explanation import Explanation, explain, save_maps
from captum_rectgrad.plotting.images import sample_images
from captum_rectgrad.plotting.maps import plot_comparison
from rectgrad_zoo.determinism import deterministic
from rectgrad_zoo.devices import parse_device
from rectgrad_zoo.written_whole import written_whole


def write_explanations(request: ExplainRequest) -> None:
    """Compute the maps of all images and write the figures.

    Args:
        request: the checked arguments.

    Raises:
        ValueError: a method cannot be imported, or the model has no such class or another number
            of classes than there are labels.
        TypeError: the function of `--model` returned something other than a network.
        ZooError: the model is not available.
    """
    args = request.args
    methods = choose_methods(request.methods, args.percentile)
    model, transform = load_model(args.model, args.weights, args.device)
    explanations = []
    for explanation in _explanations(request, model, methods, transform):
        if request.figures is not None:
            _write_figure([explanation], request.figures[explanation.name], request)
        if request.figures is None or args.save_maps is not None:
            explanations.append(explanation)
    if request.figures is None:
        _write_figure(explanations, Path(args.out), request)
    if args.save_maps is not None:
        save_maps(explanations, args.save_maps)
        print(f"wrote {args.save_maps}")


def _explanations(
    request: ExplainRequest, model: nn.Module, methods: Sequence[Method], transform: Any
) -> Iterator[Explanation]:
    """The explanations one by one; without a terminal, each with a line on standard error."""
    args = request.args
    images = sample_images() if request.images is None else request.images
    for number, (name, image) in enumerate(images.items(), start=1):
        begun = time.monotonic()
        reproducibly = deterministic(parse_device(args.device)) if args.deterministic else None
        with reproducibly or nullcontext():
            (explanation,) = explain(
                model,
                {name: image},
                methods,
                args.target,
                transform=transform,
                labels=request.labels,
                output=request.output,
            )
        if not sys.stderr.isatty():
            say(
                f"{name} ({number} of {len(images)}): {explanation.row().caption}, "
                f"{time.monotonic() - begun:.1f} s"
            )
        yield explanation


def _write_figure(explanations: Sequence[Explanation], file: Path, request: ExplainRequest) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    sources = {} if request.images is None else request.images.sources
    names = {name: one_line(source.file_name) for name, source in sources.items()}
    rows = [replace(each.row(), name=names.get(each.name, "")) for each in explanations]
    figure = plot_comparison(rows, overlay=request.args.overlay)
    with written_whole(file) as unfinished:
        figure.savefig(unfinished)
    print(f"wrote {file}")
