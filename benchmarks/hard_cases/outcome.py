"""What a method does on one case, judged against itself on the plain twin."""

import re
import textwrap
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.hard_cases.methods import Method, plain_gradient
from benchmarks.hard_cases.nets import TARGET, build, images
from benchmarks.hard_cases.state import changed, snapshot
from captum_rectgrad import RectGradWarning

TOLERANCE = 1e-9  # of the largest value of the map, in double precision
LETTERS = 64  # of a message that a cell holds


@dataclass(frozen=True)
class Outcome:
    """A cell of the table.

    Attributes:
        kind: "right", "warns", "refused", "not treated", "wrong" or "error".
        detail: why, or by how much.
    """

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


Check = Callable[[Method], Outcome]
Make = Callable[[], nn.Module]


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        name: what is hard, in Markdown.
        check: runs a method on it.
        expected: the kind of outcome that RectGrad has.
        networks: what makes the hard network and its plain twin, where there are two.
    """

    name: str
    check: Check = field(repr=False)
    expected: str = "right"
    networks: tuple[Make, Make] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Run:
    """What one call gave.

    Attributes:
        maps: the maps; None where it raised.
        error: what it raised.
        left: in what the model or the input is afterwards another.
        warned: the texts of its warnings; of ours, or such as name what is hard.
    """

    maps: Tensor | None
    error: Exception | None
    left: list[str]
    warned: list[str]


def call(
    method: Method,
    model: nn.Module,
    x: Tensor,
    options: Mapping[str, Any] | None = None,
    *,
    says: str = "",
    target: int = TARGET,
) -> Run:
    """Call a method once, and look what it leaves behind.

    Args:
        method: any.
        model: any.
        x: images.
        options: RectGrad's.
        says: regular expression of a message that names what is hard.
        target: index of the output.

    Returns:
        What it gave.
    """
    before = snapshot(model, x)
    maps, raised = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            maps = method.attribute(model, x, target, dict(options or {}))
        # Whatever a method raises is a result.
        except Exception as error:  # noqa: BLE001
            raised = error
    warned = [
        str(w.message)
        for w in caught
        if issubclass(w.category, RectGradWarning) or (says and re.search(says, str(w.message)))
    ]
    detached = None if maps is None else maps.detach().clone()
    return Run(detached, raised, changed(before, snapshot(model, x)), warned)


def failed(error: Exception, says: str) -> Outcome:
    """An error: refused where it names what is hard."""
    message = " ".join(str(error).split())
    reason = re.search(says, message) if says else None
    if reason:
        # What stands before the reason is left out where the reason would be cut off.
        late = reason.end() > LETTERS - len(" ...")
        return Outcome("refused", shorten(f"... {message[reason.start() :]}" if late else message))
    return Outcome("error", shorten(f"{type(error).__name__} {message}"))


def shorten(message: str) -> str:
    """A message as it fits into a cell."""
    message = re.sub(r"0x[0-9a-f]+", "0x...", message).replace("|", "/").replace("`", "'")
    return textwrap.shorten(message, LETTERS, placeholder=" ...")


def deviation(maps: Tensor, truth: Tensor) -> float:
    """The largest difference, as a share of the largest value; 0 within the tolerance."""
    share = float((maps - truth).abs().max() / truth.abs().max())
    return 0.0 if share <= TOLERANCE else share


def compare(maps: Tensor, truth: Tensor, gradient: Tensor | None = None) -> Outcome:
    """Whether maps are what they should be.

    Args:
        maps: of the method.
        truth: what they should be.
        gradient: the plain gradient, to recognise it.

    Returns:
        The outcome.
    """
    if maps.shape != truth.shape:
        alone = len(maps) == 1 and deviation(maps, truth[:1]) == 0
        return Outcome("wrong", "first sample only" if alone else "another shape")
    if not torch.isfinite(maps).all():
        return Outcome("wrong", "not finite")
    off = deviation(maps, truth)
    if off == 0:
        return Outcome("right")
    if gradient is not None and deviation(maps, gradient) == 0:
        return Outcome("wrong", "plain gradient")
    return Outcome("wrong", f"off by {float(f'{off:.1g}'):g}")


def judge(run: Run, reference: Run, says: str, gradient: Tensor | None = None) -> Outcome:
    """A call on the hard network, beside the same method's call on the plain twin."""
    if reference.maps is None:
        return Outcome("error", f"on the plain twin: {type(reference.error).__name__}")
    if not reference.maps.count_nonzero():
        raise ValueError("the map of the plain twin is all zero: the case shows nothing")
    if run.maps is None:
        return failed(run.error or RuntimeError(), says)
    if run.warned:
        return Outcome("warns", shorten(run.warned[0]))
    outcome = compare(run.maps, reference.maps, gradient)
    left = [kind for kind in run.left if kind not in reference.left]
    if outcome.kind == "right" and left:
        return Outcome("wrong", f"leaves changed {', '.join(left)}")
    if outcome.kind == "right" and gradient is not None:
        treated = deviation(reference.maps, gradient) != 0
        return outcome if treated else Outcome("not treated", "plain gradient")
    return outcome


def twins(
    name: str,
    hard: Make,
    twin: Make,
    *,
    expected: str = "right",
    says: str = "",
    samples: int = 1,
    context: Callable[[], AbstractContextManager[object]] = nullcontext,
    options: Mapping[str, Any] | None = None,
    prepare: Callable[[nn.Module, Tensor], tuple[nn.Module, Tensor]] = lambda model, x: (model, x),
) -> Case:
    """A case in which the map of the hard network must be that of its plain twin.

    Args:
        name: what is hard.
        hard: makes the hard network.
        twin: makes the plain one.
        expected: RectGrad's kind of outcome.
        says: regular expression of an error or warning that names what is hard.
        samples: how many images.
        context: what the call on the hard network runs in.
        options: RectGrad's.
        prepare: changes the hard network and its input right before the call.

    Returns:
        The case.
    """

    def check(method: Method) -> Outcome:
        plain = build(twin)
        gradient = plain_gradient(plain, images(samples), TARGET)
        reference = call(method, plain, images(samples), options)
        model, x = prepare(build(hard), images(samples))
        with context():
            run = call(method, model, x, options, says=says)
        return judge(run, reference, says, gradient)

    return Case(name, check, expected, (hard, twin))
