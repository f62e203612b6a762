"""The exception class of this package for errors other than invalid arguments."""


class ZooError(Exception):
    """A checkpoint or data set is missing, damaged, or has unexpected content."""
