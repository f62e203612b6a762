"""What a result depends on beside its configuration, to be recorded with it."""

import platform
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version

import torch

from captum_rectgrad.evaluation.methods import NOISE, NOISY_SAMPLES, STEPS, Method
from captum_rectgrad.rules.threshold import PAPER_PERCENTILE
from captum_rectgrad.studies.framework.lab import Lab

_PACKAGES = ("captum-rectgrad", "captum", "torch", "timm", "numpy", "scipy")
_RECTGRAD = {"percentile": PAPER_PERCENTILE, "padding trick": True, "times the input": True}
# By the key of a method: what it is run with, beside what its name says.
_PARAMETERS: dict[str, dict[str, object]] = {
    "smoothgrad": {"noise, as a share of an input's range": NOISE, "samples": NOISY_SAMPLES},
    "integrated": {"steps": STEPS, "baseline": 0},
    "deeplift": {"baseline": 0},
    "rectgrad": {**_RECTGRAD, "PRR": False},
    "rectgrad-prr": {**_RECTGRAD, "PRR": True},
}


def provenance(lab: Lab, seconds: float, *, resumed: bool) -> dict[str, object]:
    """Describe where a result comes from.

    Args:
        lab: what the study was run with.
        seconds: how long it took.
        resumed: whether its folder had been begun before: what was found there took longer.

    Returns:
        Versions, device, engine, threads, the methods' parameters, what was used (checkpoints with
        their SHA-256, data sets with their fingerprints), date and duration, as plain values.
    """
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "minutes": round(seconds / 60, 1),
        "resumed": resumed,
        "device": device_name(lab),
        "engine": _engine(lab),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in _PACKAGES},
        "methods": parameters(lab.methods),
        "used": dict(sorted(lab.used.items())),
    }


def parameters(methods: Sequence[Method]) -> dict[str, dict[str, object]]:
    """What the methods were run with, as far as they have anything to set.

    Args:
        methods: of `captum_rectgrad.evaluation.methods`; of one's own nothing is known.

    Returns:
        Names and values, by the method's key.
    """
    return {m.key: _PARAMETERS[m.key] for m in methods if m.key in _PARAMETERS}


def device_name(lab: Lab) -> str:
    """Where networks run, in words, such as the name of a GPU.

    Args:
        lab: its device; a cluster's GPUs, of which this process may know nothing, go without.

    Returns:
        The words.
    """
    if lab.worker_device.type == "cuda" and lab.cluster is not None:
        return "cuda (of a Ray cluster)"
    return name_of(lab.device)


def name_of(device: torch.device) -> str:
    """A device of this machine in words, such as the name of a GPU.

    Args:
        device: which.

    Returns:
        The words.
    """
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.backends.cpu.get_cpu_capability()}, {sys.platform})"


def _engine(lab: Lab) -> dict[str, object]:
    if lab.cluster is None:
        return {"name": "local"}
    return {"name": "ray", "version": version("ray"), "threads of a worker": lab.worker_threads}
