"""What this package raises and warns beyond `ValueError` and `TypeError` for arguments."""


class RectGradError(RuntimeError):
    """An attribution or a study that cannot be computed right, with the reason and the way out."""


class RectGradWarning(UserWarning):
    """A map that is computed, but may not be what the user thinks it is."""
