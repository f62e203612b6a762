"""The exception and the warning of this package, beside `ValueError` and `TypeError`."""


class RectGradError(RuntimeError):
    """An attribution or a study cannot be computed correctly. The message has the remedy."""


class RectGradWarning(UserWarning):
    """An attribution was computed, but may not be meaningful."""
