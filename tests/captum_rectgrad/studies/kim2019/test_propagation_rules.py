"""The worked example of appendix B, by hand; the claims on made-up shares."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray

from captum_rectgrad import RectGrad, RectGradMod
from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.rules.threshold import RULES, RuleName
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements
from captum_rectgrad.studies.kim2019.background import EXCESS, SHARE
from captum_rectgrad.studies.kim2019.propagation_rules import (
    Followed,
    PropagationRulesConfig,
    affine,
    example_claims,
    followed,
    map_claims,
    more_than_rectgrad,
    propagation_rules,
    two_layers,
)
from rectgrad_zoo.data.images import to_model_range
from tests.captum_rectgrad.studies.conftest import Tiny

NOISE = np.random.default_rng(0).normal(size=100)

# Appendix B.2: f = a1 + 10 a2 - 100 a3 + 1000 a4 at (3, 2, 1, 0). Of four scores, q = 74 leaves
# the largest: of (3, 20, -100, 0), (3, 20, 100, 0), (3, 2, 1, 0) and (1, 10, -100, 1000).
ONE: dict[RuleName, Followed] = {
    "PR1": Followed((2,), 20.0),
    "PR2": Followed((3,), -100.0),
    "PR3": Followed((1,), 3.0),
    "PR4": Followed((4,), 0.0),
    "Mod": Followed((2,), 20.0),
}
# Appendix B.3: f + 200 = 123 is one of four units, beside 3, 2 and 1, and counts twice.
TWO: dict[RuleName, Followed] = {
    "PR1": Followed((2,), 40.0),
    "PR2": Followed((3,), -200.0),
    "PR3": Followed((1,), 6.0),
    "PR4": Followed((4,), 0.0),
    "Mod": Followed((3,), -200.0),
}


@pytest.fixture
def _float64() -> Iterator[None]:
    """New tensors and layers are of float64: the whole numbers of the example come out exactly."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("rule", RULES)
def test_the_worked_example(rule: RuleName) -> None:
    assert followed(affine(), rule) == ONE[rule]
    assert followed(two_layers(), rule) == TWO[rule]


@pytest.mark.usefixtures("_float64")
def test_the_functions_are_the_papers() -> None:
    x = torch.tensor([[3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 0.0, 1.0]])
    assert affine()(x).tolist() == [[3 + 20 - 100 + 0], [3 + 20 + 1000]]
    assert two_layers()(x[:1]).tolist() == [[2 * (3 + 20 - 100 + 200) + 3 + 2 + 1]]
    assert str(ONE["PR2"]) == "a3 (-100)"
    assert str(Followed((), 0.0)) == "none (0)"


def test_the_claims_on_the_example() -> None:
    assert [claim.verdict for claim in example_claims(ONE, TWO)] == ["holds", "holds"]
    swapped: dict[RuleName, Followed] = {**ONE, "PR3": ONE["PR1"]}
    assert example_claims(swapped, TWO)[0].verdict == "does not hold"
    same: dict[RuleName, Followed] = {**TWO, "Mod": TWO["PR1"]}
    assert [claim.verdict for claim in example_claims(ONE, same)] == ["holds", "does not hold"]


def shares(rectgrad: ArrayLike, mod: ArrayLike) -> MapMeasurements:
    first = np.asarray(rectgrad, dtype=np.float64)
    arrays: dict[str, NDArray[np.float64]] = dict.fromkeys(RULES, first)
    arrays["Mod"] = np.asarray(mod, dtype=np.float64)
    methods = tuple(Method(rule, rule, lambda _, x, __: x) for rule in RULES)
    return MapMeasurements(methods, {SHARE: arrays, EXCESS: arrays})


def test_how_much_and_how_often_are_two_questions() -> None:
    often = map_claims(shares(NOISE, NOISE + 0.1), 0)
    assert [claim.verdict for claim in often] == ["holds", "holds"]
    # Far more in a few images, a little less in most.
    few = np.where(np.arange(100) < 20, 5.0, -0.1)
    seldom = map_claims(shares(NOISE, NOISE + few), 0)
    assert [claim.verdict for claim in seldom] == ["holds", "does not hold"]
    never = map_claims(shares(NOISE, NOISE - 0.1), 0)
    assert [claim.verdict for claim in never] == ["does not hold", "does not hold"]


def test_an_empty_map_is_neither_more_nor_less() -> None:
    found = more_than_rectgrad(shares([0.1, np.nan, 0.3, 0.2], [0.2, 0.4, np.nan, 0.2]))
    np.testing.assert_array_equal(found["Mod"], [1.0, np.nan, np.nan, 0.0])


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_the_shares_are_those_of_the_public_methods(context: Callable[..., StudyContext]) -> None:
    result = propagation_rules(PropagationRulesConfig(), context())
    drawn, model = Tiny().masked(), Tiny().networks("plain")[0].model
    right = torch.arange(20) % 2 == 0  # as the data have it
    inputs, targets = to_model_range(drawn.images[right]), drawn.labels[right]
    for rule, method in (("PR1 (RectGrad)", RectGrad(model)), ("RectGradMod", RectGradMod(model))):
        maps = method.attribute(inputs, target=targets)
        expected = share_inside(maps, ~drawn.masks[right]).nanmean().item()
        (row,) = (row for row in result.rows if row["rule"] == rule)
        found = row[SHARE]
        assert isinstance(found, Estimate)
        assert found.value == pytest.approx(expected, rel=1e-3)
