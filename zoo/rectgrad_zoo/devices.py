"""The device that a user names."""

import torch


def parse_device(device: str | torch.device) -> torch.device:
    """Check that PyTorch knows a device and that it is here.

    Args:
        device: For example `cpu`, `cuda`, `cuda:1`, `mps`.

    Returns:
        The device.

    Raises:
        ValueError: If it is not a device or not available.
    """
    try:
        parsed = torch.device(device)
        torch.zeros((), device=parsed).item()  # which "meta" has no value of
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"The device {str(device)!r} is not available ({reason}). Use cpu, or a device that "
            "this PyTorch supports on this machine."
        ) from error
    return parsed
