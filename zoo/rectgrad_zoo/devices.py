"""Validation of device names."""

import torch


def parse_device(device: str | torch.device) -> torch.device:
    """Check that a device exists and is available.

    Args:
        device: For example `cpu`, `cuda`, `cuda:1` or `mps`.

    Returns:
        The device.

    Raises:
        ValueError: If the device does not exist or is not available.
    """
    try:
        parsed = torch.device(device)
        torch.zeros((), device=parsed).item()  # tensors on "meta" have no value
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"The device {str(device)!r} is not available ({reason}). Use cpu, or a device that "
            "this PyTorch supports on this machine."
        ) from error
    return parsed
