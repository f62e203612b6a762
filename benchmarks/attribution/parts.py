"""Running times of RectGrad's parts, relative to the total time of the baseline."""

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
from captum_rectgrad._engine.backward_pass import BackwardPass
from captum_rectgrad._engine.graph import nodes_between
from captum_rectgrad._engine.masking import mask_gradient
from captum_rectgrad.rules.padding import zero_border

PARTS: Mapping[str, Callable[..., Any]] = {
    "selection": mask_gradient,
    "border": zero_border,
    "graph": nodes_between,
    "hooks": BackwardPass.attach,
}
_ROUNDS = 5


def parts(case: Case, device: torch.device) -> dict[str, float]:
    """Profile RectGrad beside the baseline.

    Args:
        case: network and batch.
        device: device of the attribution. A GPU is not profiled, since its work is asynchronous.

    Returns:
        The median time of each part, divided by that of the baseline; empty on a GPU.
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
    return float(found[3])  # with what it calls
