"""One family: RectGrad on its smallest member, beside the naive reference."""

import re
import warnings
from collections import Counter

import torch
from torch import Tensor, nn

from benchmarks.timm_support import models, naive
from benchmarks.timm_support.activation_counts import activation_counts
from benchmarks.timm_support.families import MOST_PARAMETERS, Member
from benchmarks.timm_support.model_snapshot import snapshot
from benchmarks.timm_support.table import Row
from captum_rectgrad import RectGrad
from captum_rectgrad.errors import RectGradError, RectGradWarning

# High enough that most is cut off, low enough that gates of a few units let something pass.
PERCENTILE = 80.0

# Of the largest attribution; what summing in another order leaves of float64.
TOLERANCE = 1e-9

RIGHT = "right: equals the naive reference"
PASSED = "(.*) was differentiated normally"
PYTORCH = "PyTorch's plain gradient of one sample is off"
CLASS = 3


class Wrong(Exception):  # noqa: N818
    """A family is not served right; the message says how."""


def measure(member: Member) -> Row:
    """Run RectGrad on a member, and everything that can be checked of it.

    Args:
        member: as `families.members` gives it.
    """
    if member.parameters > MOST_PARAMETERS:
        millions = member.parameters / 1e6
        return Row(member, ("", f"no small member: the smallest has {millions:.0f} M parameters"))
    model = models.build(member.model, member.size)
    x = models.images(model, member.size)
    met: Counter[str] = Counter()
    try:
        target = _target(model, x)
        met = activation_counts(model, x[:1], target, PERCENTILE)
        _check(model, x, target, met)
        plain = _apart(*(_gradients(model, xs, target) for xs in (list(x[:, None]), [x])))
    except RectGradError as error:
        return Row(member, (_words(met), f"refused: {error}"))
    except RectGradWarning as warning:
        return Row(member, (_words(met), f"wrong: warns that {warning}"))
    except Wrong as wrong:
        return Row(member, (_words(met), str(wrong)))
    asides = [f"{PYTORCH} by {plain:.0e}"] if plain > TOLERANCE else []
    asides += _warned(model, x, target)
    return Row(member, (_words(met), RIGHT + "".join(f" ({aside})" for aside in asides)))


def _target(model: nn.Module, x: Tensor) -> tuple[int, ...]:
    with torch.no_grad():
        output = model(x[:1])
    if not isinstance(output, Tensor):
        raise Wrong(f"refused: returns {type(output).__name__} instead of a tensor")
    return (CLASS, *(n // 2 for n in output.shape[2:]))


def _check(model: nn.Module, x: Tensor, target: tuple[int, ...], met: Counter[str]) -> None:
    if not met:
        raise Wrong("wrong: no activation was thresholded")
    before = snapshot(model)
    samples = [x[i : i + 1] for i in range(len(x))]
    maps = torch.cat([_attribute(model, sample, target) for sample in samples])
    references = [naive.attribute(model, sample, target, PERCENTILE) for sample in samples]
    expected = torch.cat([reference for reference, _ in references])
    if not all(bool(one.isfinite().all()) and bool(one.any()) for one in maps):
        raise Wrong("wrong: a map is all zero, or not finite")
    if references[0][1] != met:
        raise Wrong(f"wrong: the naive reference met {_words(references[0][1])}")
    try:
        batch = _attribute(model, x, target)
    except RectGradError as error:
        raise Wrong(f"right for single samples, a batch is refused: {error}") from error
    if (apart := _apart(batch, expected)) > TOLERANCE:
        raise Wrong(f"wrong: a batch differs from the naive reference by {apart:.0e}")
    if (apart := _apart(maps, expected)) > TOLERANCE:
        raise Wrong(f"wrong: a single sample differs from the naive reference by {apart:.0e}")
    if snapshot(model) != before:
        raise Wrong("wrong: the model is not as it was")


def _attribute(model: nn.Module, x: Tensor, target: tuple[int, ...]) -> Tensor:
    method = RectGrad(model, percentile=PERCENTILE, final_threshold=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RectGradWarning)
        warnings.filterwarnings("ignore", PASSED)  # said in the row
        maps: Tensor = method.attribute(x, target=target)
    return maps


def _warned(model: nn.Module, x: Tensor, target: tuple[int, ...]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        RectGrad(model, percentile=PERCENTILE).attribute(x[:1], target=target)
    found = [re.match(PASSED, str(warning.message)) for warning in caught]
    return [f"warns that {match[0]}" for match in found if match]


def _gradients(model: nn.Module, batches: list[Tensor], target: tuple[int, ...]) -> Tensor:
    """The plain gradients, `(N, ...)`, from one pass for each batch."""
    gradients: list[Tensor] = []
    for batch in batches:
        leaf = batch.clone().requires_grad_()
        logits = torch.stack([output[target] for output in model(leaf)])
        gradients.extend(torch.autograd.grad(logits.sum(), leaf))
    return torch.cat(gradients)


def _apart(maps: Tensor, expected: Tensor) -> float:
    """Both `(N, ...)`: the worst difference, as a part of the sample's largest attribution."""
    apart = (maps - expected).abs().flatten(1).amax(1) / expected.abs().flatten(1).amax(1)
    return float(apart.max())


def _words(met: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(met.items()))
