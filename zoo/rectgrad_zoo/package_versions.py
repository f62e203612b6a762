"""Versions of packages, for the provenance of checkpoints and results."""

from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed.

    A package that is imported from a checkout without being installed, for example on a rented
    machine with a GPU, has no version.

    Args:
        packages: Names of distributions.

    Returns:
        Versions by name, in the given order.
    """
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
