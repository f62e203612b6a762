"""Provenance of a result, recorded beside its configuration."""

import platform
import sys
from collections.abc import Sequence
from datetime import datetime, timezone

import torch

from captum_rectgrad.evaluation.methods import NOISE, NOISY_SAMPLES, STEPS, Method
from captum_rectgrad.rules.threshold import PAPER_PERCENTILE
from captum_rectgrad.studies.framework.context import StudyContext
from rectgrad_zoo.package_versions import package_versions

_PACKAGES = ("captum-rectgrad", "captum", "torch", "timm", "numpy", "scipy")
_RECTGRAD = {"percentile": PAPER_PERCENTILE, "padding trick": True, "times the input": True}
# Parameters of the methods, by key.
_PARAMETERS: dict[str, dict[str, object]] = {
    "smoothgrad": {"noise, as a share of an input's range": NOISE, "samples": NOISY_SAMPLES},
    "integrated": {"steps": STEPS, "baseline": 0},
    "deeplift": {"baseline": 0},
    "rectgrad": {**_RECTGRAD, "PRR": False},
    "rectgrad-prr": {**_RECTGRAD, "PRR": True},
}


ONLY_FINISHED = "only finished"  # in the provenance of a result that left out what was not


def run_provenance(context: StudyContext, seconds: float, *, resumed: bool) -> dict[str, object]:
    """Describe the provenance of a result.

    Args:
        context: context of the run.
        seconds: duration of the run.
        resumed: whether parts were computed before, so that its duration is incomplete.

    Returns:
        Versions, device, engine, threads, the methods' parameters, the used checkpoints with their
        SHA-256 and data sets with their fingerprints, date and duration, as plain values.
    """
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "minutes": round(seconds / 60, 1),
        "resumed": resumed,
        **({ONLY_FINISHED: True} if context.only_finished else {}),
        "device": device_name(context),
        "engine": _engine(context),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": package_versions(_PACKAGES),
        "methods": parameters(context.methods),
        "used": dict(sorted(context.used.items())),
    }


def parameters(methods: Sequence[Method]) -> dict[str, dict[str, object]]:
    """The parameters of methods that have any.

    Args:
        methods: methods of `captum_rectgrad.evaluation.methods`; other methods are ignored.

    Returns:
        Names and values, by the method's key.
    """
    return {m.key: _PARAMETERS[m.key] for m in methods if m.key in _PARAMETERS}


def device_name(context: StudyContext) -> str:
    """The device of the networks in words, such as the name of a GPU.

    Args:
        context: its device; GPUs of a cluster have no name, since this process cannot access them.

    Returns:
        The text.
    """
    if context.worker_device.type == "cuda" and context.cluster is not None:
        return "cuda (of a Ray cluster)"
    return name_of(context.device)


def name_of(device: torch.device) -> str:
    """A device of this machine in words, such as the name of a GPU.

    Args:
        device: the device.

    Returns:
        The text.
    """
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.backends.cpu.get_cpu_capability()}, {sys.platform})"


def _engine(context: StudyContext) -> dict[str, object]:
    if context.cluster is None:
        return {"name": "local"}
    return {
        "name": "ray",
        "version": package_versions(["ray"])["ray"],
        "threads of a worker": context.worker_threads,
    }
