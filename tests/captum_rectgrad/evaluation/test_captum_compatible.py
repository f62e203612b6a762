"""The prepared copy computes the same, and Captum's methods become themselves on it."""

import warnings

import pytest
import timm
import torch
from captum.attr import DeepLift, GuidedBackprop
from torch import Tensor, nn

from captum_rectgrad.evaluation.captum_compatible import ReLU6OfReLUs, captum_compatible


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 50), nn.ReLU6(inplace=True), nn.Linear(50, 20), nn.ReLU(), nn.Linear(20, 3)
    )


def test_relu6_to_the_last_bit() -> None:
    z = torch.cat([torch.randn(10000) * scale for scale in (1e-3, 1, 6, 100, 1e6)])
    z = torch.cat([z, torch.tensor([0.0, -0.0, 6.0, 5.9999995, 6.0000005])])
    assert torch.equal(ReLU6OfReLUs()(z), nn.functional.relu6(z))


@pytest.mark.bitwise("the copy differs from the model in its activations only, which agree exactly")
def test_a_compatible_copy_has_equal_outputs_and_the_model_is_unchanged() -> None:
    model = timm.create_model("tf_efficientnet_lite0").eval()
    before = [type(module) for module in model.modules()]
    x = torch.randn(1, 3, 64, 64)
    prepared = captum_compatible(model)
    with torch.no_grad():
        assert torch.equal(prepared(x), model(x))
    assert not any(isinstance(module, nn.ReLU6) for module in prepared.modules())
    assert [type(module) for module in model.modules()] == before


class GuidedReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(0, 6)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, r: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return r.clamp(min=0) * ((z > 0) & (z < 6))


@pytest.mark.filterwarnings("ignore:Setting")
def test_guided_backpropagation_through_relu6_by_its_definition() -> None:
    model = net()
    x = (torch.randn(20, 6) * 4).requires_grad_()
    h = model[2](GuidedReLU6.apply(model[0](x)))
    # The other activation is a ReLU: the positive part of what the last layer sends, where h > 0.
    weight = dict(model.named_parameters())["4.weight"].detach()
    last = weight[1].clamp(min=0) * (h > 0)
    (expected,) = torch.autograd.grad(h, x, last)
    result = GuidedBackprop(captum_compatible(model)).attribute(x, target=1)
    torch.testing.assert_close(result, expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # On the model itself Captum does not see the ReLU6.
        assert not torch.allclose(GuidedBackprop(net()).attribute(x, target=1), expected)


@pytest.mark.filterwarnings("ignore:Setting forward")
def test_deeplift_is_complete() -> None:
    model = net()
    x = (torch.randn(20, 6) * 4).requires_grad_()
    attribution, delta = DeepLift(captum_compatible(model)).attribute(
        x, target=1, return_convergence_delta=True
    )
    assert attribution.abs().max() > 0
    assert delta.abs().max() < 1e-4
