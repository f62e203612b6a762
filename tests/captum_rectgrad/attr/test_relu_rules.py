"""Saliency, deconvolution and guided backpropagation: by hand, by definition, beside Captum's."""

import warnings
from collections.abc import Callable
from typing import Any

import captum.attr
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import Deconvolution, GuidedBackprop, RectGrad, RectGradWarning, Saliency
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.relu_rules import signed_gradient
from tests.support import naive
from tests.support.nets import random_net

FAMILY: dict[str, Callable[[nn.Module], ModifiedGradient]] = {
    "vanilla": signed_gradient,
    "deconvnet": Deconvolution,
    "guided": GuidedBackprop,
}


class ByHand(nn.Module):
    """One unit for each pair of signs: z is (1, -1, 1, -1), R_out (2, 2, -2, -2)."""

    def __init__(self, activation: Callable[[Tensor], Tensor] = F.relu) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x) @ torch.tensor([2.0, 2.0, -2.0, -2.0])


SIGNS = torch.tensor([[1.0, -1.0, 1.0, -1.0]])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("vanilla", [2, 0, -2, 0]), ("deconvnet", [2, 2, 0, 0]), ("guided", [2, 0, 0, 0])],
)
def test_at_a_relu_by_hand(rule: str, expected: list[float]) -> None:
    assert FAMILY[rule](ByHand()).attribute(SIGNS).tolist() == [expected]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("vanilla", [2, 0.5, -2, -0.5]), ("deconvnet", [2, 0.5, 0, 0]), ("guided", [2, 0, 0, 0])],
)
def test_at_any_other_activation_the_derivative_follows(rule: str, expected: list[float]) -> None:
    leaky = ByHand(nn.LeakyReLU(0.25))
    assert FAMILY[rule](leaky).attribute(SIGNS).tolist() == [expected]


@pytest.mark.parametrize(
    ("rule", "passes"),
    [("vanilla", [1, 1, 1, 1]), ("deconvnet", [1, 1, 0, 0]), ("guided", [1, 1, 0, 0])],
)
def test_sigmoid_is_active_everywhere(rule: str, passes: list[float]) -> None:
    slope = torch.sigmoid(SIGNS) * (1 - torch.sigmoid(SIGNS))
    expected = torch.tensor([[2.0, 2.0, -2.0, -2.0]]) * torch.tensor([passes]) * slope
    found = FAMILY[rule](ByHand(torch.sigmoid)).attribute(SIGNS)
    torch.testing.assert_close(found, expected)


class Gated(nn.Module):
    """A squeeze-and-excitation gate: half of a random net's gates have a negative input."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.squeeze, self.last = nn.Conv2d(2, 8, 3), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.conv(x))
        gate = torch.sigmoid(self.squeeze(h.mean(dim=(2, 3))))
        y: Tensor = self.last((h * gate[:, :, None, None]).mean(dim=(2, 3)))
        return y


def test_claim_2_holds_of_a_net_with_gates() -> None:
    model, x = Gated().double(), torch.rand(3, 2, 6, 6, dtype=torch.float64)
    at_zero = RectGrad(
        model, tau=0, padding_trick=False, final_threshold=False, multiply_by_inputs=False
    )
    guided = GuidedBackprop(model).attribute(x, target=1)
    assert guided.abs().max() > 0
    torch.testing.assert_close(guided, at_zero.attribute(x, target=1))


@pytest.mark.parametrize("rule", FAMILY)
@pytest.mark.parametrize("kind", ["mlp", "conv", "pools", "residual", "smooth"])
def test_agrees_with_the_naive_twin(kind: str, rule: str) -> None:
    layers, shape = random_net(kind, seed=len(kind))
    model = naive.as_module(layers)
    x = np.random.default_rng(1).normal(size=(3, *shape))
    result = FAMILY[rule](model).attribute(torch.from_numpy(x), target=[0, 2, 1]).numpy()
    options = naive.Options(
        rule=rule, padding_trick=False, final_threshold=False, multiply_by_inputs=False
    )
    expected = np.stack(
        [
            naive.attribute(layers, sample, target, options)
            for sample, target in zip(x, [0, 2, 1], strict=True)
        ]
    )
    assert abs(expected).max() > 0
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9 * abs(expected).max())


@pytest.mark.parametrize("kind", ["mlp", "conv", "pools", "residual", "smooth"])
def test_saliency_is_autograds_gradient(kind: str) -> None:
    layers, shape = random_net(kind, seed=3)
    model = naive.as_module(layers)
    x = torch.randn(4, *shape, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(model(x)[:, 1].sum(), x)
    torch.testing.assert_close(Saliency(model).attribute(x, 1, abs=False), expected)
    torch.testing.assert_close(Saliency(model).attribute(x, 1), expected.abs())
    captums = captum.attr.Saliency(model).attribute(x, 1)
    torch.testing.assert_close(Saliency(model).attribute(x, 1), captums)


class Hard(nn.Module):
    """What Captum's hooks on nn.ReLU miss or get wrong; the same function for each spelling."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(6, 40), nn.Linear(40, 40), nn.Linear(40, 3)
        # Two modules, or the only spelling that Captum's hooks can serve.
        self.one, self.other = nn.ReLU(), nn.ReLU()
        self.spelling = spelling

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        if self.spelling == "function":
            y: Tensor = self.last(F.relu(self.second(F.relu(h))))
        elif self.spelling == "method, in place":
            y = self.last(self.second(h.relu_()).relu_())
        elif self.spelling == "reused":
            y = self.last(self.one(self.second(self.one(h))))
        else:
            y = self.last(self.other(self.second(self.one(h))))
        return y


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.parametrize("spelling", ["function", "method, in place", "reused"])
@pytest.mark.parametrize(
    ("ours", "captums"),
    [
        (GuidedBackprop, captum.attr.GuidedBackprop),
        (Deconvolution, captum.attr.Deconvolution),
    ],
)
def test_spelling_of_a_relu_makes_no_difference(
    spelling: str, ours: type[Any], captums: type[Any]
) -> None:
    x = torch.randn(5, 6, requires_grad=True)
    expected = captums(Hard("modules")).attribute(x, target=1)
    torch.testing.assert_close(ours(Hard("modules")).attribute(x, target=1), expected)
    torch.testing.assert_close(ours(Hard(spelling)).attribute(x, target=1), expected)
    if spelling != "reused":  # which Captum refuses
        assert not torch.allclose(captums(Hard(spelling)).attribute(x, target=1), expected)


def test_guided_backpropagation_beside_a_skip_connection_is_rectgrad_at_zero() -> None:
    layers, shape = random_net("residual", seed=1)
    model = naive.as_module(layers)
    x = torch.randn(4, *shape, dtype=torch.float64)
    at_zero = RectGrad(
        model, tau=0, padding_trick=False, final_threshold=False, multiply_by_inputs=False
    )
    guided = GuidedBackprop(model).attribute(x, target=2)
    assert torch.equal(guided, at_zero.attribute(x, target=2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        captums = captum.attr.GuidedBackprop(model).attribute(x.clone(), target=2)
    assert not torch.allclose(captums, guided)  # it overwrites the gradient of the skip connection


@pytest.mark.parametrize("method", [Deconvolution, GuidedBackprop])
def test_without_activations_they_warn_and_name_no_threshold(
    method: type[Any],
) -> None:
    with pytest.warns(RectGradWarning, match="no activation was found"):
        method(nn.Linear(3, 2)).attribute(torch.rand(1, 3), target=0)
    last = nn.Linear(3, 1)
    nn.init.constant_(last.weight, -1)
    against = nn.Sequential(nn.ReLU(), last)
    with pytest.warns(
        RectGradWarning,
        match=r"ReLU \(3 units\), the first such.* output$",
    ):
        method(against).attribute(torch.rand(1, 3), target=0)


def test_saliency_of_a_linear_model_does_not_warn() -> None:
    model, x = nn.Linear(3, 2).double(), torch.rand(1, 3, dtype=torch.float64)
    result = Saliency(model).attribute(x, target=0, abs=False)
    torch.testing.assert_close(result[0], model.weight[0].detach())


def test_chosen_activations_only() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(6, 40), nn.SiLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 2)
    )
    x = torch.randn(2, 6)
    chosen = GuidedBackprop(model, activations=[nn.ReLU]).attribute(x, target=0)
    assert not torch.allclose(chosen, GuidedBackprop(model).attribute(x, target=0))
    assert not GuidedBackprop(model).multiplies_by_inputs
