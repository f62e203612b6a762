"""Versions of packages."""

import numpy as np

from rectgrad_zoo.package_versions import package_versions


def test_packages_that_are_not_installed_are_left_out() -> None:
    found = package_versions(["numpy", "no-such-package-1b7", "captum"])
    assert list(found) == ["numpy", "captum"]
    assert found["numpy"] == np.__version__
