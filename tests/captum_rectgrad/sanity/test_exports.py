"""The public names of `captum_rectgrad.sanity`."""

import importlib
from types import ModuleType

import pytest

import captum_rectgrad.sanity


@pytest.mark.parametrize("name", captum_rectgrad.sanity.__all__)
def test_public_name_is_no_module_even_after_its_module_was_imported(name: str) -> None:
    module = importlib.import_module(
        f"captum_rectgrad.sanity.{captum_rectgrad.sanity._MODULES[name]}"
    )
    exported = getattr(captum_rectgrad.sanity, name)
    assert not isinstance(exported, ModuleType)
    assert exported is vars(module)[name]


def test_dir_lists_the_public_names() -> None:
    assert dir(captum_rectgrad.sanity) == sorted(captum_rectgrad.sanity.__all__)
    assert set(captum_rectgrad.sanity._MODULES) == set(captum_rectgrad.sanity.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'cheque'"):
        getattr(captum_rectgrad.sanity, "cheque")  # noqa: B009
