"""Names of models: completion of prefixes and suggestions for unknown names."""

import difflib

import timm

from rectgrad_zoo import registry

_NEAREST = 5


def complete(prefix: str) -> list[str]:
    """Names for `rectgrad_zoo.load` that start with a prefix.

    Args:
        prefix: Start of a name; empty for all names.

    Returns:
        Names of the zoo, then architectures of timm. For a prefix with a dot, architectures with
        a pretrained tag.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.complete("cifar10_res")
        ['cifar10_resnet']
    """
    known = timm.list_pretrained() if "." in prefix else timm.list_models()
    everything = dict.fromkeys([*registry.names(), *known])
    return [name for name in everything if name.startswith(prefix)]


def is_timm_name(name: str) -> bool:
    """Whether timm can build an architecture of this name, with or without a pretrained tag."""
    return timm.is_model(name) and ("." not in name or name in timm.list_pretrained())


def unknown_name(name: str) -> ValueError:
    """The error for an unknown name, with the nearest known names.

    Args:
        name: The unknown name.

    Returns:
        The error to raise.
    """
    own = [row.name for row in registry.CHECKPOINTS]
    known = {known.lower(): known for known in (*timm.list_pretrained(), *timm.list_models(), *own)}
    near = difflib.get_close_matches(name.lower(), known, n=_NEAREST)
    hint = f"Nearest: {', '.join(known[match] for match in near)}." if near else ""
    return ValueError(
        f"Unknown model {name!r}. {hint} Expected one of {', '.join(registry.names())}, the path "
        "of a checkpoint folder, a timm architecture, or OWNER/NAME on the Hub."
    )
