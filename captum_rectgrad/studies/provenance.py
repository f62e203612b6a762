"""What a result depends on beside its configuration, to be recorded with it."""

import platform
import sys
from datetime import datetime, timezone
from importlib.metadata import version

import torch

from captum_rectgrad.studies.lab import Lab

_PACKAGES = ("captum-rectgrad", "captum", "torch", "timm", "numpy", "scipy")


def provenance(lab: Lab, seconds: float) -> dict[str, object]:
    """Describe where a result comes from.

    Args:
        lab: what the study was run with.
        seconds: how long it took.

    Returns:
        Versions, device, threads, what was used (checkpoints with their SHA-256, data sets with
        their fingerprints), date and duration, as plain values.
    """
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "minutes": round(seconds / 60, 1),
        "device": device_name(lab.device),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in _PACKAGES},
        "used": dict(sorted(lab.used.items())),
    }


def device_name(device: torch.device) -> str:
    """A device in words, such as the name of a GPU."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({torch.backends.cpu.get_cpu_capability()}, {sys.platform})"
