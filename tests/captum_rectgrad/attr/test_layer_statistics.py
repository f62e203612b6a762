"""`return_layer_statistics=True`: what each call of an activation let through."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import LayerStatistics, RectGrad, RectGradError, SignRule
from tests.support import naive

PERCENTILE = 70


def by_hand() -> Any:
    """`z = (x, 2x, -x, 3x)`, `y = a . (1, 1, 1, 2)`."""
    model: Any = nn.Sequential(nn.Linear(1, 4, bias=False), nn.ReLU(), nn.Linear(4, 1, bias=False))
    model = model.double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [2.0], [-1.0], [3.0]]))
        model[2].weight.copy_(torch.tensor([[1.0, 1.0, 1.0, 2.0]]))
    return model


def test_numbers_computed_by_hand() -> None:
    x = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    maps, (layer,) = RectGrad(by_hand(), 60, final_threshold=False).attribute(
        x, target=0, return_layer_statistics=True
    )
    # Scores a * R_out: (1, 2, 0, 6) and (0, 0, 2, 0); rank round(3 * 0.6) = 2 of each.
    assert isinstance(layer, LayerStatistics)
    assert (layer.name, layer.activation, layer.units) == ("ReLU after '0'", "ReLU", 4)
    assert layer.threshold is not None
    assert layer.threshold.tolist() == [2.0, 0.0]
    assert layer.share.tolist() == [0.25, 0.25]
    assert maps.tolist() == [[6.0], [2.0]]


def test_maps_are_the_same_with_and_without_statistics() -> None:
    x = torch.randn(3, 1, dtype=torch.float64)
    method = RectGrad(by_hand(), 60)
    maps, _ = method.attribute(x, target=0, return_layer_statistics=True)
    assert torch.equal(maps, method.attribute(x, target=0))


class Recording(naive.Activation):
    """The naive twin's activation, which notes its threshold and share."""

    threshold: float
    share: float

    def backward(self, r: naive.Array, options: naive.Options) -> naive.Array:
        scores = self.a * r
        assert options.percentile is not None
        self.threshold = float(np.percentile(scores, options.percentile, method="nearest"))
        self.share = float((scores > self.threshold).mean())
        return super().backward(r, options)


@pytest.mark.parametrize("internal_batch_size", [None, 1, 2])
def test_thresholds_and_shares_are_those_of_the_naive_twin(
    internal_batch_size: int | None,
) -> None:
    generator = np.random.default_rng(0)
    first, last = Recording(), Recording()
    layers: list[naive.Layer] = [
        naive.Conv(generator.normal(size=(4, 2, 3, 3)), generator.normal(size=4), padding=1),
        first,
        naive.Flatten(),
        naive.Dense(generator.normal(size=(30, 100)), generator.normal(size=30)),
        last,
        naive.Dense(generator.normal(size=(3, 30)), generator.normal(size=3)),
    ]
    x = generator.normal(size=(3, 2, 5, 5))
    _, statistics = RectGrad(naive.as_module(layers), PERCENTILE).attribute(
        torch.from_numpy(x),
        target=1,
        internal_batch_size=internal_batch_size,
        return_layer_statistics=True,
    )
    assert [layer.name for layer in statistics] == ["ReLU after 'l3'", "ReLU after 'l0'"]
    assert [layer.units for layer in statistics] == [30, 100]
    for i in range(3):
        naive.attribute(layers, x[i], 1, naive.Options(percentile=PERCENTILE))
        for layer, twin in zip(statistics, (last, first), strict=True):
            assert layer.threshold is not None
            assert float(layer.threshold[i]) == pytest.approx(twin.threshold, rel=1e-12)
            assert float(layer.share[i]) == pytest.approx(twin.share, rel=1e-6)


def test_a_constant_threshold_is_that_of_every_sample() -> None:
    x = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    _, (layer,) = RectGrad(by_hand(), tau=1.5).attribute(x, target=0, return_layer_statistics=True)
    assert layer.threshold is not None
    assert layer.threshold.tolist() == [1.5, 1.5]
    assert layer.share.tolist() == [0.5, 0.25]


class Even:
    """Passes every other unit."""

    def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
        del grad_output, is_last
        return (torch.arange(activation.shape[1]) % 2 == 0).expand(activation.shape)


@pytest.mark.parametrize("internal_batch_size", [None, 1])
def test_a_rule_of_ones_own_has_no_threshold(internal_batch_size: int | None) -> None:
    x = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    _, (layer,) = RectGrad(by_hand(), rule=Even()).attribute(
        x, target=0, return_layer_statistics=True, internal_batch_size=internal_batch_size
    )
    assert layer.threshold is None
    assert layer.share.tolist() == [0.5, 0.5]


def test_a_rule_of_signs_has_no_threshold() -> None:
    x = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    _, (layer,) = RectGrad(by_hand(), rule=SignRule("guided")).attribute(
        x, target=0, return_layer_statistics=True
    )
    assert layer.threshold is None
    assert layer.share.tolist() == [0.75, 0.25]


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (nn.Linear(12, 12) for _ in range(3))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.first(x))
        h = self.relu(h + self.second(h))
        return self.third(F.gelu(self.second(h)))


def test_calls_are_named_by_the_layer_before_them_from_output_to_input() -> None:
    torch.manual_seed(0)
    model = Reused()
    _, statistics = RectGrad(model, 50).attribute(
        torch.randn(2, 12), target=1, return_layer_statistics=True
    )
    names = [(layer.activation, layer.name.split(" after ")[0]) for layer in statistics]
    assert names == [("GELU", "GELU"), ("ReLU", "ReLU"), ("ReLU", "ReLU")]
    assert "'second'" in statistics[0].name
    assert "'first'" in statistics[2].name
    assert len({layer.name for layer in statistics}) == 3


def test_names_are_known_where_parameters_are_frozen() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 12)
    found = []
    for requires_grad in (True, False):
        model = Reused().requires_grad_(requires_grad)
        _, statistics = RectGrad(model, 50).attribute(x, target=1, return_layer_statistics=True)
        found.append([layer.name for layer in statistics])
    assert found[0] == found[1]


class Branching(nn.Module):
    """Calls another activation where the first number of the batch is negative."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 20), nn.Linear(20, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.second(h.relu() if x[0, 0] > 0 else h.tanh().relu())


def test_parts_of_a_batch_with_other_activations_are_refused() -> None:
    x = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])
    method = RectGrad(Branching(), 50)
    with pytest.raises(RectGradError, match="one sample at a time"):
        method.attribute(x, target=0, internal_batch_size=1, return_layer_statistics=True)


def test_a_model_without_activations_has_no_statistics() -> None:
    with pytest.warns(UserWarning, match="no activation"):
        _, statistics = RectGrad(nn.Linear(3, 2)).attribute(
            torch.randn(2, 3), target=0, return_layer_statistics=True
        )
    assert statistics == []


def test_statistics_are_no_part_of_a_graph() -> None:
    maps, (layer,) = RectGrad(by_hand(), 60).attribute(
        torch.randn(2, 1, dtype=torch.float64),
        target=0,
        create_graph=True,
        return_layer_statistics=True,
    )
    assert maps.requires_grad
    assert layer.threshold is not None
    assert not layer.threshold.requires_grad
    assert not layer.share.requires_grad


class TimeFirst(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x.transpose(0, 1)).relu()  # (T, N, 6), with as many samples as steps
        return self.second(h).mean(0)


def test_units_are_counted_per_sample_where_time_comes_first() -> None:
    torch.manual_seed(0)
    model, x = TimeFirst(), torch.randn(3, 3, 4)
    _, (layer,) = RectGrad(model, 50).attribute(x, target=0, return_layer_statistics=True)
    assert layer.units == 18
    assert layer.share.shape == (3,)
    for i in range(3):
        _, (alone,) = RectGrad(model, 50).attribute(
            x[i : i + 1], target=0, return_layer_statistics=True
        )
        assert alone.threshold is not None
        assert layer.threshold is not None
        torch.testing.assert_close(alone.threshold, layer.threshold[i : i + 1])
