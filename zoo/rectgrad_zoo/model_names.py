"""Names of models: which there are, which complete a prefix, which are near a wrong one."""

import difflib

import timm

from rectgrad_zoo import registry

_NEAREST = 5


def complete(prefix: str) -> list[str]:
    """Names that `rectgrad_zoo.load` knows and that start with a prefix, for shell completion.

    Args:
        prefix: Start of a name; empty for all.

    Returns:
        The zoo's names first, then timm's architectures, and with a dot in the prefix their
        pretrained tags.

    Examples:
        >>> import rectgrad_zoo
        >>> rectgrad_zoo.complete("cifar10_res")
        ['cifar10_resnet']
    """
    known = timm.list_pretrained() if "." in prefix else timm.list_models()
    everything = dict.fromkeys([*registry.names(), *known])
    return [name for name in everything if name.startswith(prefix)]


def is_timm_name(name: str) -> bool:
    """Whether timm can build an architecture of that name, with a pretrained tag or without."""
    return timm.is_model(name) and ("." not in name or name in timm.list_pretrained())


def unknown_name(name: str) -> ValueError:
    """The error for a name that nothing is known by, with the nearest that are known.

    Args:
        name: The unknown name.

    Returns:
        The error, to be raised.
    """
    known = {
        known.lower(): known
        for known in (*timm.list_pretrained(), *timm.list_models(), *registry.names())
    }
    near = difflib.get_close_matches(name.lower(), known, n=_NEAREST)
    hint = f"Nearest: {', '.join(known[match] for match in near)}." if near else ""
    return ValueError(
        f"Unknown model {name!r}. {hint} Expected one of {', '.join(registry.names())}, the path "
        "of a checkpoint folder, a timm architecture, or OWNER/NAME on the Hub."
    )
