"""The method against Captum's own, and Captum's calling conventions."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, NoiseTunnel
from torch import Tensor, nn

from captum_rectgrad import (
    LayerRectGrad,
    NoBiasRectGrad,
    RectGrad,
    RectGradConst,
    RectGradError,
    RectGradMod,
    RectGradPRR,
    RectGradWarning,
)

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


def relu_net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 16, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )
    return net.double()


@pytest.mark.parametrize("seed", range(5))
def test_claim_2_guided_backpropagation_is_a_threshold_of_zero(seed: int) -> None:
    model = relu_net(seed)
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    target = torch.tensor([0, 3, 5, 9])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum's, at every call
        guided = GuidedBackprop(model).attribute(x.clone(), target=target)
    ours = RectGradConst(model, padding_trick=False).attribute(x, target=target)
    assert ours.abs().max() > 0
    torch.testing.assert_close(ours, (x * guided).clamp(min=0), rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_claim_1_deconvolution_is_the_score_of_the_gradient_alone(seed: int) -> None:
    # I[(a + epsilon) R > 0] = I[R > 0] where a >= 0: PR4 with a threshold of zero.
    model = relu_net(seed)
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        deconvolution = Deconvolution(model).attribute(x.clone(), target=2)
    ours = RectGrad(model, tau=0, rule="PR4", padding_trick=False).attribute(x, target=2)
    assert ours.abs().max() > 0
    torch.testing.assert_close(ours, (x * deconvolution).clamp(min=0), rtol=0, atol=1e-15)


def test_the_default_is_the_papers() -> None:
    model = relu_net()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    expected = RectGrad(model, 98, None, rule="PR1").attribute(x, target=1)
    assert expected.max() > 0
    assert torch.equal(RectGrad(model).attribute(x, target=1), expected)


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        (RectGradPRR, {"prr": True}),
        (RectGradMod, {"rule": "Mod"}),
        (RectGradConst, {"tau": 0.0}),
        (NoBiasRectGrad, {"multiply_by_inputs": False}),
    ],
)
def test_a_variant_is_rectgrad_with_one_choice_made(
    variant: Callable[..., RectGrad], options: dict[str, Any]
) -> None:
    model = relu_net()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    plain = RectGrad(model).attribute(x, target=1)
    with pytest.warns(RectGradWarning, match="plain gradient"):
        variant(model, activations=[nn.Tanh]).attribute(x, target=1)
    expected = RectGrad(model, **options).attribute(x, target=1)
    result = variant(model).attribute(x, target=1)
    assert torch.equal(result, expected)
    assert not torch.equal(result, plain)


@pytest.mark.parametrize(
    ("target", "per_sample"),
    [
        (3, [3, 3]),
        (torch.tensor(3), [3, 3]),
        (torch.tensor([3]), [3, 3]),
        ([3, 7], [3, 7]),
        (torch.tensor([3, 7]), [3, 7]),
        ((3,), [3, 3]),
        ([(3,), (7,)], [3, 7]),
        (-1, [9, 9]),
    ],
)
def test_every_form_of_target(target: Any, per_sample: list[int]) -> None:
    model = relu_net()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    method = RectGrad(model, percentile=80)
    expected = torch.cat(
        [method.attribute(x[i : i + 1], target=t) for i, t in enumerate(per_sample)]
    )
    assert expected.max() > 0
    torch.testing.assert_close(method.attribute(x, target=target), expected, rtol=0, atol=1e-14)


def test_targets_of_outputs_with_more_dimensions_and_none() -> None:
    head = nn.Linear(30, 6), nn.Unflatten(1, (2, 3))
    model = nn.Sequential(nn.Linear(4, 30), nn.ReLU(), *head).double()
    x = torch.randn(2, 4, dtype=torch.float64)
    method = RectGrad(model, tau=0)
    by_tuple = method.attribute(x, target=(1, 2))
    tuples: list[tuple[int, ...]] = [(1, 2), (1, 2)]
    torch.testing.assert_close(method.attribute(x, target=tuples), by_tuple)
    scalar = nn.Sequential(*model[:2], nn.Linear(30, 1), nn.Flatten(0)).double()
    assert RectGrad(scalar, tau=0).attribute(x).shape == (2, 4)


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.relu = nn.Linear(4, 20), nn.Linear(2, 20), nn.ReLU()
        self.head = nn.Linear(20, 3)

    def forward(
        self, x: Tensor, y: Tensor, scale: float = 1, shift: Tensor | None = None
    ) -> Tensor:
        h: Tensor = self.head(self.relu(self.left(x) + scale * self.right(y)))
        return h if shift is None else h + shift * h


def test_tuple_inputs_and_additional_arguments() -> None:
    torch.manual_seed(0)
    model = TwoInputs().double()
    x, y, shift = torch.randn(3, 4).double(), torch.randn(3, 2).double(), torch.rand(3, 1).double()
    method = RectGrad(model, percentile=50, final_threshold=False)
    left, right = method.attribute((x, y), target=0, additional_forward_args=(2.0, shift))
    assert left.shape == x.shape
    assert right.shape == y.shape

    class Joined(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            result: Tensor = model(z[:, :4], z[:, 4:], 2.0, shift)
            return result

    joined = Joined()
    joined.model = model
    expected = RectGrad(joined, percentile=50, final_threshold=False).attribute(
        torch.cat([x, y], dim=1), target=0
    )
    torch.testing.assert_close(torch.cat([left, right], dim=1), expected)
    assert isinstance(method.attribute((x, y), target=0), tuple)


def test_attribute_future_is_not_implemented_as_in_captum() -> None:
    with pytest.raises(NotImplementedError, match="RectGradPRR"):
        RectGradPRR(relu_net()).attribute_future()


def test_inside_captums_noise_tunnel() -> None:
    model = relu_net()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    tunnel = NoiseTunnel(RectGrad(model))
    smooth = tunnel.attribute(x, nt_samples=3, stdevs=0.0, target=1)
    torch.testing.assert_close(smooth, RectGrad(model).attribute(x, target=1))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_no_matter_what_mode_the_caller_is_in(mode: Callable[[], Any]) -> None:
    model = relu_net()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    expected = RectGrad(model).attribute(x, target=1)
    with mode():
        result = RectGrad(model).attribute(x * 1, target=1)
    assert torch.equal(result, expected)
    assert not result.requires_grad


def test_the_inputs_are_afterwards_as_they_were() -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    x.grad = torch.ones_like(x)
    before = x.detach().clone()
    RectGrad(relu_net()).attribute(x, target=1)
    assert x.requires_grad
    assert torch.equal(x.detach(), before)
    assert torch.equal(x.grad, torch.ones_like(x))
    y = x.detach()
    RectGrad(relu_net()).attribute(y, target=1)
    assert not y.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    model = relu_net()
    x = torch.randn(8, 3, 8, 8, generator=torch.manual_seed(3)).to(dtype)
    full = RectGrad(model, percentile=90).attribute(x.double(), target=1)
    half = RectGrad(model.to(dtype), percentile=90).attribute(x, target=1)
    assert half.dtype == dtype
    similarity = torch.cosine_similarity(half.double().flatten(1), full.flatten(1)).median()
    assert similarity > 0.95


def test_units_near_the_largest_half_precision_number_are_ranked() -> None:
    # In float16 the scores 512 * 200 and 512 * 300 are both infinite, so none would exceed the
    # median of the three. Products, not layers: a half precision product of matrices may round.
    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            weights = torch.tensor([100.0, 300.0, 200.0], dtype=torch.float16)
            return ((x * 128).relu() * weights).sum(dim=1)

    method = RectGrad(Scaled(), percentile=50, multiply_by_inputs=False)
    result = method.attribute(torch.full((1, 3), 4.0, dtype=torch.float16))
    assert result.tolist() == [[0, 300 * 128, 0]]


def test_a_narrow_layer_that_nothing_passes_is_named() -> None:
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 2))
    with pytest.warns(
        RectGradWarning, match=r"sample 0 \(and 1 more\) .*ReLU after '0' \(10 units\)"
    ) as warned:
        result = RectGrad(model, percentile=99.5).attribute(torch.rand(2, 4), target=0)
    assert result.count_nonzero() == 0
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(4, 2),
        nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1)),
    ],
)
def test_a_model_without_activations_warns_that_this_is_the_plain_gradient(
    model: nn.Module,
) -> None:
    x = torch.rand(2, 4)
    with pytest.warns(RectGradWarning) as seen:
        result = RectGrad(model, multiply_by_inputs=False, final_threshold=False).attribute(
            x, target=0
        )
    assert any("plain gradient" in str(warning.message) for warning in seen)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)
    torch.testing.assert_close(result, expected)


def test_activations_whose_samples_are_not_in_dimension_0_are_attributed_one_sample_at_a_time() -> (
    None
):
    class TimeFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.relu = nn.Linear(4, 30), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:  # (N, T, C)
            h: Tensor = self.relu(self.linear(x.transpose(0, 1)))
            return h.sum(dim=(0, 2))

    net, x = TimeFirst().double(), torch.randn(2, 5, 4, dtype=torch.float64)
    method = RectGrad(net, percentile=80)
    alone = torch.cat([method.attribute(x[:1]), method.attribute(x[1:])])
    torch.testing.assert_close(method.attribute(x), alone)
    hidden = LayerRectGrad(net, net.relu)
    assert hidden.attribute(x).shape == (5, 2, 30)
    with pytest.raises(RectGradError, match=r"shape \(5, 1, 30\) for 1 sample"):
        hidden.attribute(x, internal_batch_size=1)


def test_inputs_of_one_number_a_sample_and_of_a_class_of_their_own() -> None:
    class Own(Tensor):
        pass

    class Curve(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x - 0.5) * 3

    x = torch.tensor([0.2, 0.7, 0.9])
    method = RectGrad(Curve(), tau=0)
    torch.testing.assert_close(method.attribute(x), torch.tensor([0, 2.1, 2.7]))
    torch.testing.assert_close(method.attribute(x.as_subclass(Own)), torch.tensor([0, 2.1, 2.7]))


def test_chosen_activations_may_take_their_input_anywhere() -> None:
    class Scaled(nn.Module):
        def forward(self, beta: float, *, x: Tensor) -> Tensor:
            return torch.relu(beta * x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.act, self.last = nn.Linear(5, 40), Scaled(), nn.Linear(40, 2)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.last(self.act(2.0, x=self.first(x)))
            return y

    net, x = Net(), torch.rand(3, 5)
    own = RectGrad(net, percentile=60, activations=[Scaled]).attribute(x, 1)
    # The rule multiplies by the derivative, 2 where it is active; and the score has the same order.
    plain = nn.Sequential(net.first, nn.ReLU(), net.last)
    torch.testing.assert_close(own, 2 * RectGrad(plain, percentile=60).attribute(x, 1))


def test_complex_activations_pass_the_plain_gradient_and_that_is_said() -> None:
    class Complex(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(torch.complex(x.relu(), x)).abs().sum(dim=1)

    with pytest.warns(RectGradWarning, match="Tanh of complex numbers was differentiated normally"):
        assert RectGrad(Complex(), tau=0).attribute(torch.rand(2, 4)).any()
