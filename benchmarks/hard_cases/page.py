"""The page of the docs: tables of outcomes."""

import platform
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version

from benchmarks.hard_cases.calls import CALLS, OTHERS
from benchmarks.hard_cases.dimensions import DIMENSIONS
from benchmarks.hard_cases.failures import FAILURES
from benchmarks.hard_cases.methods import METHODS, PERCENTILE, Method
from benchmarks.hard_cases.modes import MODES
from benchmarks.hard_cases.modules import MODULES
from benchmarks.hard_cases.outcome import TOLERANCE, Case
from benchmarks.hard_cases.residual import RESIDUAL, remark
from benchmarks.hard_cases.reuse import REUSE
from benchmarks.hard_cases.unhooked import UNHOOKED
from benchmarks.hard_cases.versions import section as other_version
from benchmarks.hard_cases.wrappers import WRAPPERS

GROUPS: dict[str, tuple[Case, ...]] = {
    "Ways to call a ReLU, a pooling, a convolution": CALLS,
    "Activations other than ReLU": OTHERS,
    "One ReLU of three where hooks do not reach": UNHOOKED,
    "Reuse and order": REUSE,
    "Residual sums": RESIDUAL,
    "Modules that do more than their class says": MODULES,
    "Dimensions before the samples": DIMENSIONS,
    "Modes, types and shapes": MODES,
    "Wrappers and outputs": WRAPPERS,
    "Failures and threads": FAILURES,
}

# What stands below a table, measured too.
REMARKS: dict[str, Callable[[], str]] = {"Residual sums": remark}

EXACT = f"{TOLERANCE:.0e}".replace("e-0", "e-")

INTRODUCTION = f"""\
# Hard cases

Methods that change the gradient at activations have to find every call of an activation, and there
are many ways to hide one. Each row below is a network that is hard in one way. Beside it stands its
*plain twin*: the same function with the same weights, written with an `nn.ReLU` module of its own
for each call, never in place. What is asked is the same of every method: that its map of the hard
network is **its own** map of the plain twin, and that the call leaves behind what it leaves on the
twin, nothing more. Methods are not compared with each other. Rows that ask something else say what.

- **right**: the map is that of the twin, to {EXACT} of its largest value (float64).
- **warns**: a warning says what is doubtful about the map.
- **refused**: an error names what cannot be served, or what PyTorch itself refuses.
- **error**: an error that does not say so.
- **not treated**: the method does nothing at this activation even on the twin, so its map is the
  plain gradient. That is how the method is defined, no mistake.
- **wrong**: another map, without a word. "plain gradient": the method did nothing. Numbers are the
  largest deviation as a share of the twin's largest value. "leaves changed": the map is right, but
  the call leaves something else behind (`x` is the input, `p` the parameters).

RectGrad is run at percentile {PERCENTILE} with its other defaults, the others as their
documentation shows. Measured on the CPU with
{{packages}}."""

NOTES = """\
## Notes

Captum's documentation of both methods asks for `nn.ReLU` modules and says that functional ReLUs are
not overridden; zennit's composite and pytorch-grad-cam's model are defined for `nn.ReLU` modules
too. What the first table adds is that none of them says so when it happens. Reusing a module, often
named as a limit of hooks, does no harm in these versions. Captum, zennit and pytorch-grad-cam give
a ReLU that works in place a copy to work on: right where its result is used, another function
where the model goes on with the tensor it passed in. Captum filters the gradient at the input of a
ReLU, and so also what a skip connection brings there. pytorch-grad-cam is called with one image at
a time; it puts other modules in the place of the ReLUs and new ones back, calls `model.eval()`, and
adds to the `.grad` of the parameters and the input, which it also reads its map from. Where the
model changes a ReLU's result in place, plain PyTorch cannot differentiate it either; zennit 1.0.0
can, since it gives the model a copy of the result. Where a ReLU has its input by keyword, zennit
1.0.0 finds no input to hook, and says nothing.

RectGrad looks for activations in the autograd graph, where functions, tensor methods and modules
leave the same node. So it does not know a ReLU that is written as arithmetic.
`torch.maximum(x, 0)`, `torch.where(x > 0, x, 0)`, `x * (x > 0)` and `x.masked_fill(x < 0, 0)` warn.
`(x + x.abs()) / 2` and `x * (x > 0).float()` are arithmetic to every method here and pass the plain
gradient; RectGrad warns of these only where it meets no activation at all. Make such an activation
a module and name it, `activations=[nn.ReLU, MyReLU]`, as one row does. The model is run a second
time, with the same random numbers, where the graph does not hold the value of an activation: in
place on a view, overwritten afterwards, or inside a non-reentrant checkpoint.

Models sharded by FSDP, old and new, are right too: measured with two processes, without the peers,
in `tests/captum_rectgrad/_engine/test_wrappers.py`. `nn.DataParallel` is run here without GPUs,
where it only calls the model; RectGrad unwraps it, and what is inside a model and spread over
several GPUs is refused. None of this was run on a GPU.

Made by `python -m benchmarks.hard_cases --out docs/hard-cases.md`, with the extra `peers` installed
(`pip install "captum-rectgrad[peers]"`); `--check` compares."""


def page(report: Callable[[str], None]) -> str:
    """Measure everything, and write the page.

    Args:
        report: told the name of each case before it is measured.

    Returns:
        Markdown.
    """
    parts = [INTRODUCTION.format(packages=packages())]
    parts += [_section(title, cases, METHODS, report) for title, cases in GROUPS.items()]
    return "\n\n".join([*parts, other_version(), NOTES]) + "\n"


def packages() -> str:
    """What was measured with, without this package itself."""
    names = dict.fromkeys(["torch", *(method.package for method in METHODS if not method.ours)])
    measured = [f"{name} {version(name)}" for name in names]
    python = ".".join(platform.python_version_tuple()[:2])
    return ", ".join([*measured, f"Python {python}"])


def _section(
    title: str, cases: Sequence[Case], methods: Sequence[Method], report: Callable[[str], None]
) -> str:
    rows = [
        _row(["case", *(method.title for method in methods)]),
        _row(["---"] * (1 + len(methods))),
    ]
    for case in cases:
        report(case.name)
        rows.append(_row([case.name, *(str(case.check(method)) for method in methods)]))
    below = ["", REMARKS[title]()] if title in REMARKS else []
    return "\n".join([f"## {title}", "", *rows, *below])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
