"""A higher threshold keeps less, and a scaled output scales the map.

Both have exceptions in the mathematics. Over a whole net, "keeps less" holds only at the last
hidden activation: what arrives at those before it changes with what this one keeps. And a constant
threshold other than zero has the unit of the scores, so it must be scaled with the output.
"""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from captum_rectgrad import RectGrad
from captum_rectgrad.rules.threshold import RULES, RuleName, ThresholdRule, percentile_per_sample
from tests.support.property_nets import (
    REPRODUCIBLE,
    NetSpec,
    by_percentile,
    by_tau,
    nets,
    options,
    percentiles,
)

# Nets this small are sometimes cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

# Few different numbers: most scores are tied, as they are in a ReLU's output.
TIED = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 2.0])


@st.composite
def matrices(draw: st.DrawFn, count: int) -> list[Tensor]:
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 12)))
    value = draw(st.sampled_from([TIED, st.floats(-1e6, 1e6)]))
    size = shape[0] * shape[1]
    lists = [draw(st.lists(value, min_size=size, max_size=size)) for _ in range(count)]
    return [torch.tensor(values, dtype=torch.float64).reshape(shape) for values in lists]


def ascending(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=2, max_size=2).map(sorted)


def within(first: Tensor, second: Tensor) -> bool:
    return not bool((first & ~second).any())


@REPRODUCIBLE
@given(matrices(1), ascending(st.floats(0, 100)))
def test_a_percentile_never_falls(scores: list[Tensor], qs: list[float]) -> None:
    low, high = (percentile_per_sample(scores[0], q) for q in qs)
    assert bool((low <= high).all())


@REPRODUCIBLE
@given(matrices(2), ascending(st.floats(0, 100)), st.sampled_from(RULES), st.booleans())
def test_an_activation_keeps_less_at_a_higher_percentile(
    operands: list[Tensor], qs: list[float], rule: RuleName, is_last: bool
) -> None:
    activation, gradient = operands
    low, high = (
        ThresholdRule(rule, percentile=q).keep(activation, gradient, is_last=is_last) for q in qs
    )
    assert within(high, low)
    # Nearest rank: the share below the percentile is cut off, half a rank aside; ties cut more.
    units = activation.shape[1]
    for kept, q in ((low, qs[0]), (high, qs[1])):
        assert units - 1 - int(kept.sum(dim=1).max()) >= (units - 1) * (q / 100) - 0.5


@REPRODUCIBLE
@given(matrices(2), ascending(st.floats(-4, 4)), st.sampled_from(RULES), st.booleans())
def test_and_at_a_higher_constant_threshold(
    operands: list[Tensor], taus: list[float], rule: RuleName, is_last: bool
) -> None:
    activation, gradient = operands
    low, high = (
        ThresholdRule(rule, tau=tau).keep(activation, gradient, is_last=is_last) for tau in taus
    )
    assert within(high, low)


def gradient_at_the_neck(spec: NetSpec, chosen: dict[str, Any]) -> Tensor:
    """What leaves the last hidden activation of the net, towards its pre-activation."""
    net, arrived = spec.net(), list[Tensor]()

    def watch(_module: nn.Module, _args: object, output: Tensor) -> None:
        output.register_hook(arrived.append)

    net.neck.register_forward_hook(watch)
    RectGrad(net, **chosen).attribute(spec.inputs(), target=spec.targets())
    return arrived[0]


@REPRODUCIBLE
@given(nets(), options(by_percentile()), ascending(percentiles()))
def test_the_last_hidden_activation_of_a_net_keeps_less(
    spec: NetSpec, chosen: dict[str, Any], qs: list[float]
) -> None:
    low, high = (gradient_at_the_neck(spec, {**chosen, "percentile": q}) for q in qs)
    assert within(high != 0, low != 0)
    # What both keep is the same gradient: the threshold selects and does nothing else.
    assert torch.equal(high, torch.where(high != 0, low, 0))


class Scaled(nn.Module):
    def __init__(self, net: nn.Module, factor: float) -> None:
        super().__init__()
        self.net, self.factor = net, factor

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) * self.factor


# Thresholds that are found among the scores or are zero need no scaling.
WITHOUT_UNIT = options(st.one_of(by_percentile(), by_tau(0.0)))


def scaled_map(spec: NetSpec, chosen: dict[str, Any], factor: float) -> Tensor:
    method = RectGrad(Scaled(spec.net(), factor), **chosen)
    return method.attribute(spec.inputs(), target=spec.targets())


@REPRODUCIBLE
@given(nets(), WITHOUT_UNIT, st.integers(-20, 20))
def test_a_power_of_two_scales_the_map_to_the_last_bit(
    spec: NetSpec, chosen: dict[str, Any], exponent: int
) -> None:
    factor = 2.0**exponent
    expected = scaled_map(spec, chosen, 1.0) * factor
    assert torch.equal(scaled_map(spec, chosen, factor), expected)


@REPRODUCIBLE
@given(nets(), WITHOUT_UNIT, st.floats(1e-3, 1e3))
def test_any_positive_factor_scales_the_map_to_rounding(
    spec: NetSpec, chosen: dict[str, Any], factor: float
) -> None:
    expected = scaled_map(spec, chosen, 1.0) * factor
    result = scaled_map(spec, chosen, factor)
    largest = expected.abs().max().item()
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-11 * largest)


@REPRODUCIBLE
@given(nets(), options(by_tau(-0.05, 0.01)), st.integers(-5, 5))
def test_a_constant_threshold_scales_with_the_output(
    spec: NetSpec, chosen: dict[str, Any], exponent: int
) -> None:
    # The score of PR3 is the activation alone, and its threshold has that unit.
    factor = 2.0**exponent
    tau = chosen["tau"] * (1 if chosen["rule"] == "PR3" else factor)
    expected = scaled_map(spec, chosen, 1.0) * factor
    assert torch.equal(scaled_map(spec, {**chosen, "tau": tau}, factor), expected)
