"""The one exception class of this package for what is not a wrong argument."""


class ZooError(Exception):
    """A checkpoint or data set is missing, damaged, or not the one it says it is."""
