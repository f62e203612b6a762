import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.sanity.parameter_layers import (
    ROOT,
    chosen_layers,
    module_of,
    never_called,
    parameter_layers,
    parametrised,
)


def test_in_the_order_of_their_calls(net: nn.Module, images: Tensor) -> None:
    found = parameter_layers(net, images[:1])
    assert found == [ROOT, "first", "norm", "second", "last"]
    assert [module_of(net, name) for name in found[:2]] == [net, net.get_submodule("first")]


def test_what_is_called_twice_may_be_left_out() -> None:
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(3, 2))
    x = torch.rand(1, 3)
    assert parameter_layers(model, x) == ["0", "3"]
    assert parameter_layers(model, x, once=True) == ["3"]


def test_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(RectGradError, match="the model has no parameters"):
        parameter_layers(nn.ReLU(), torch.rand(1, 3))


def test_unknown_names_are_refused_with_those_there_are() -> None:
    assert chosen_layers(["a", "b", "c"], ["c", "a"]) == ["a", "c"]
    assert chosen_layers(["a", "b"], None) == ["a", "b"]
    with pytest.raises(ValueError, match=r"named 'x'; it has a, b"):
        chosen_layers(["a", "b"], ["x", "a"])


def test_parameters_that_a_function_is_handed_are_of_modules_never_called(
    net: nn.Module, images: Tensor
) -> None:
    assert never_called(net, parameter_layers(net, images[:1])) == ["unused"]

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.last = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.last(self.attention(x, x, x)[0].mean(dim=1))
            return y

    model = Attention().train()
    called = parameter_layers(model, torch.rand(1, 5, 8))
    assert called == ["attention", "last"]
    assert never_called(model, called) == ["attention.out_proj"]


def test_images_that_do_not_fit_are_refused(net: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"cannot take images of shape \(4, 10, 10\)"):
        parameter_layers(net, torch.zeros(1, 4, 10, 10))


def test_a_parametrised_module_is_one_layer() -> None:
    model = nn.Sequential(
        weight_norm(nn.Linear(4, 3)),
        spectral_norm(nn.Linear(3, 3, bias=False)),
        nn.Linear(3, 2),
    ).eval()
    called = parameter_layers(model, torch.rand(1, 4))
    assert called == ["0", "1", "2"]
    assert parameter_layers(model, torch.rand(1, 4), once=True) == called
    assert never_called(model, called) == []
    assert never_called(model, ["0"]) == ["1", "2"]
    assert [parametrised(model.get_submodule(name)) for name in called] == [
        ["weight"],
        ["weight"],
        [],
    ]
