"""The exception class of this package for errors other than invalid arguments."""


class ZooError(Exception):
    """A checkpoint or data set is missing, damaged, or has unexpected content."""


def message_of(error: BaseException) -> str:
    """The message of another library's error in one line; its class if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
