"""What RectGrad's extra time is spent on: its own parts, as shares of the baseline's whole time."""

import cProfile
import pstats
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.attribution.cases import Case
from benchmarks.attribution.methods import BASELINE, RECTGRAD
from captum_rectgrad.functions import RectifiedFunctions
from captum_rectgrad.padding import zero_border
from captum_rectgrad.rules import Selection

# What is zeroed of the border at once, behind a ReLU, is part of the selection. The function mode
# is everything that the model calls, so what it calls in turn is left out.
PARTS: Mapping[str, Callable[..., Any]] = {
    "selection": Selection.passed_on,
    "border": zero_border,
    "function mode": RectifiedFunctions.__torch_function__,
}
_ROUNDS = 5


def parts(case: Case, device: torch.device) -> dict[str, float]:
    """Profile RectGrad beside the baseline.

    Args:
        case: network and batch.
        device: where; the host's clock means nothing on a GPU, whose work goes on behind it.

    Returns:
        By name the median time of the part, over that of the baseline; empty on a GPU.
    """
    if device.type != "cpu":
        return {}
    model, images = case.model(device), case.images(device)
    target = torch.zeros(case.batch, dtype=torch.long)
    baseline, ours = BASELINE.made(model), RECTGRAD.made(model)
    rounds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            baseline(images, target)
            whole = time.perf_counter() - start
            profile = cProfile.Profile()
            profile.runcall(ours, images, target)
            rounds.append({name: _seconds(profile, part) / whole for name, part in PARTS.items()})
    return {name: float(np.median([one[name] for one in rounds])) for name in PARTS}


def _seconds(profile: cProfile.Profile, part: Callable[..., Any]) -> float:
    code = part.__code__
    found = pstats.Stats(profile).stats.get(  # type: ignore[attr-defined]
        (code.co_filename, code.co_firstlineno, code.co_name)
    )
    if found is None:
        return 0
    _, _, own, cumulated, _ = found
    is_mode = part is RectifiedFunctions.__torch_function__
    return float(own if is_mode else cumulated)
