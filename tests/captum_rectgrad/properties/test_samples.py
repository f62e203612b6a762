"""Samples of a batch know nothing of each other."""

from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from captum_rectgrad import RectGrad
from tests.support.property_nets import (
    REPRODUCIBLE,
    SAMPLES,
    Activation,
    Block,
    NetSpec,
    any_options,
    nets,
)

# Nets this small are sometimes cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


def assert_same_up_to_rounding(result: Tensor, expected: Tensor) -> None:
    """Relative to each sample's largest attribution; a unit more or less would be far off."""
    assert result.shape == expected.shape
    largest = expected.abs().flatten(1).amax(dim=1)
    error = (result - expected).abs().flatten(1).amax(dim=1)
    assert bool((error <= 1e-11 * largest).all())


@REPRODUCIBLE
@given(nets(), any_options(), st.permutations(range(SAMPLES)))
def test_permuting_the_batch_permutes_the_maps(
    spec: NetSpec, chosen: dict[str, Any], order: list[int]
) -> None:
    method, x, target = RectGrad(spec.net(), **chosen), spec.inputs(), torch.tensor(spec.targets())
    expected = method.attribute(x, target=target)[order]
    assert_same_up_to_rounding(method.attribute(x[order], target=target[order]), expected)


@REPRODUCIBLE
@given(nets(), any_options())
def test_a_batch_equals_its_samples_one_by_one(spec: NetSpec, chosen: dict[str, Any]) -> None:
    method, x, target = RectGrad(spec.net(), **chosen), spec.inputs(), spec.targets()
    maps = [method.attribute(x[i : i + 1], target=t) for i, t in enumerate(target)]
    assert_same_up_to_rounding(method.attribute(x, target=target), torch.cat(maps))


@REPRODUCIBLE
@given(nets(), any_options(), st.integers(0, SAMPLES - 1), st.floats(-100, 100))
@example(
    NetSpec(1, (Block(Activation(in_place=True), skip=True),), Activation("silu")),
    {"percentile": 80, "final_threshold": False},
    0,
    100.0,
)
def test_changing_one_sample_changes_no_other_map(
    spec: NetSpec, chosen: dict[str, Any], changed: int, factor: float
) -> None:
    method, x, target = RectGrad(spec.net(), **chosen), spec.inputs(), spec.targets()
    expected = method.attribute(x, target=target)
    others = [i for i in range(SAMPLES) if i != changed]
    x[changed] *= factor
    assert_same_up_to_rounding(method.attribute(x, target=target)[others], expected[others])


def test_the_nets_drawn_here_have_maps_to_compare() -> None:
    counts = []

    @REPRODUCIBLE
    @given(nets(), any_options())
    def count(spec: NetSpec, chosen: dict[str, Any]) -> None:
        result = RectGrad(spec.net(), **chosen).attribute(spec.inputs(), target=spec.targets())
        counts.append(result.flatten(1).any(dim=1).double().mean().item())

    count()
    assert sum(counts) > 0.8 * len(counts)
