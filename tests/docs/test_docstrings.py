"""The public API says what it takes, gives and raises, and the rules find what is missing."""

from typing import Any

import pytest
from torch import Tensor

from captum_rectgrad.rules.threshold import check_percentile
from tests.support.docstring_rules import lacking
from tests.support.public import public

PUBLIC = public()


def test_public_docstrings_are_complete() -> None:
    findings = [line for name, thing in PUBLIC.items() for line in lacking(thing, name)]
    assert not findings, "\n".join(findings)


def test_what_is_public_is_found() -> None:
    assert {
        "captum_rectgrad.RectGrad",
        "captum_rectgrad.RectGradPRR.attribute",
        "captum_rectgrad.LayerRectGrad.multiplies_by_inputs",
        "rectgrad_zoo.load",
        "captum_rectgrad.sanity.check.check",
        "captum_rectgrad.sanity.randomisation.randomisation",
    } <= PUBLIC.keys()
    assert not any("._" in name or ".cli." in name for name in PUBLIC)


def silent(inputs: Tensor) -> Tensor:
    return inputs


def without_shapes(inputs: Tensor, count: int) -> Tensor:
    """Do something.

    Args:
        inputs: images.

    Returns:
        Maps.
    """
    if count < 1:
        raise ValueError
    check_percentile(count)
    return inputs


def delegating(percentile: float) -> None:
    """Look.

    Args:
        percentile: in [0, 100].
    """
    check_percentile(percentile)


def complete(inputs: Tensor, *_: object) -> Tensor:
    """Do something.

    Args:
        inputs: `(N, C)`.

    Returns:
        A tensor of their shape.

    Raises:
        ValueError, TypeError: they are not.
    """
    if not len(inputs):
        raise ValueError
    try:
        check_percentile(1)
    except TypeError as error:
        raise error from None
    return inputs


class Silent:
    """A class.

    Args:
        size: of it.
    """

    def __init__(self, size: int, other: int) -> None:
        if size < other:
            raise TypeError(size)


class Elsewhere(Silent):
    """Another. Arguments as in `Silent`."""

    @property
    def half(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("documented", "expected"),
    [
        (silent, ["x: no docstring"]),
        (
            without_shapes,
            [
                "x: argument 'inputs' has no shape",
                "x: argument 'count' is not explained",
                "x: what is returned has no shape",
                "x: the error ValueError is not explained",
                "x: no errors, but check_percentile, which it calls, has some",
            ],
        ),
        (delegating, ["x: no errors, but check_percentile, which it calls, has some"]),
        (complete, []),
        (
            Silent,
            ["x: argument 'other' is not explained", "x: the error TypeError is not explained"],
        ),
        (
            Elsewhere,
            ["x: argument 'other' is not explained", "x: the error TypeError is not explained"],
        ),
        (Elsewhere.half, ["x: no docstring"]),
    ],
)
def test_the_rules_find_what_is_missing(documented: Any, expected: list[str]) -> None:
    assert lacking(documented, "x") == expected
