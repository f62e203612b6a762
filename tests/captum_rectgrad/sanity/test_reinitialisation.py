import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm, weight_norm
from torch.nn.utils.parametrize import register_parametrization

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.parameter_layers import ROOT
from captum_rectgrad.sanity.reinitialisation import Reinitialised, reinitialise


def test_reinitialise_equals_reset_parameters_and_changes_no_other_layer(net: nn.Module) -> None:
    before = copy.deepcopy(net.state_dict())
    state = torch.get_rng_state()
    assert reinitialise(net, ["second"], seed=3) == Reinitialised((), ())
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(derived_seed(3, "second"))
    fresh = nn.Conv2d(5, 6, 3)
    for name, value in net.state_dict().items():
        layer, _, own = name.partition(".")
        expected = fresh.state_dict()[own] if layer == "second" else before[name]
        assert torch.equal(value, expected), name


def test_the_statistics_of_a_batch_normalisation_begin_anew(net: nn.Module) -> None:
    norm = net.get_submodule("norm")
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.constant_(norm.weight, 7)
    reinitialise(net, ["norm"], seed=0)
    assert norm.running_mean is not None
    assert norm.running_mean.abs().max() == 0
    assert (norm.weight == 1).all()


def test_a_layers_new_parameters_do_not_depend_on_other_layers(net: nn.Module) -> None:
    alone, together = copy.deepcopy(net), copy.deepcopy(net)
    reinitialise(alone, ["last"], seed=0)
    reinitialise(together, ["first", "last", "second"], seed=0)
    assert torch.equal(alone.state_dict()["last.weight"], together.state_dict()["last.weight"])
    reinitialise(together, ["last"], seed=1)
    assert not torch.equal(alone.state_dict()["last.weight"], together.state_dict()["last.weight"])


def test_without_reset_parameters_they_keep_mean_and_deviation_and_are_named(
    net: nn.Module,
) -> None:
    net.scale = nn.Parameter(torch.randn(3, 200, 200) * 0.5 + 4)
    before = net.scale.detach().clone()
    assert reinitialise(net, [ROOT], seed=0) == Reinitialised(drawn=("scale",), left=())
    assert not torch.equal(net.scale, before)
    torch.testing.assert_close(net.scale.mean(), before.mean(), rtol=0, atol=0.01)
    torch.testing.assert_close(net.scale.std(), before.std(), rtol=0, atol=0.01)
    assert abs(torch.corrcoef(torch.stack([net.scale.flatten(), before.flatten()]))[0, 1]) < 0.02


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.tensor(2.5))


@pytest.mark.parametrize("value", [torch.tensor(2.5), torch.full((7,), 1e-5), torch.zeros(0)])
def test_what_has_one_value_stays_and_is_named(value: Tensor) -> None:
    model = nn.Sequential(Scaled())
    model[0].by = nn.Parameter(value.clone())
    assert reinitialise(model, ["0"], seed=0) == Reinitialised(drawn=(), left=("0.by",))
    assert torch.equal(model.state_dict()["0.by"], value)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def test_a_reset_to_the_same_values_is_reported(net: nn.Module) -> None:
    # Once normalised so, its `weight` is no parameter, and what it is made of is not reset.
    model = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)))
    assert reinitialise(model, ["0"], seed=0).left == ("0.weight_g", "0.weight_v")
    norm = net.get_submodule("norm")  # never trained: reset gives it the same again
    assert reinitialise(net, ["norm"], seed=0).left == ("norm.weight", "norm.bias")
    nn.init.constant_(norm.weight, 7)  # type: ignore[arg-type]
    assert reinitialise(net, ["norm"], seed=0).left == ("norm.bias",)


def weight_of(module: nn.Module) -> Tensor:
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.detach().clone()


@pytest.mark.parametrize("trainable", [True, False])
def test_weight_norm_does_not_change_the_drawn_weight(trainable: bool) -> None:
    model = nn.Sequential(weight_norm(nn.Linear(4, 3))).requires_grad_(trainable)
    assert reinitialise(model, ["0"], seed=3) == Reinitialised((), ())
    torch.manual_seed(derived_seed(3, "0"))
    fresh = nn.Linear(4, 3)
    layer = model.get_submodule("0")
    torch.testing.assert_close(layer.weight, fresh.weight)
    torch.testing.assert_close(layer.bias, fresh.bias)
    norm, direction = (layer.get_parameter(f"parametrizations.weight.original{i}") for i in (0, 1))
    torch.testing.assert_close(norm[:, 0], fresh.weight.norm(dim=1))
    torch.testing.assert_close(direction, fresh.weight)
    assert all(p.requires_grad == trainable for p in model.parameters())


def test_a_spectral_norm_belongs_to_the_new_weight() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(spectral_norm(nn.Linear(40, 30))).eval()
    assert reinitialise(model, ["0"], seed=3) == Reinitialised((), ())
    assert not any(module.training for module in model.modules())
    torch.manual_seed(derived_seed(3, "0"))
    fresh = nn.Linear(40, 30)
    weight = model.get_submodule("0").weight
    norm = torch.linalg.matrix_norm(fresh.weight, 2)
    torch.testing.assert_close(weight, fresh.weight / norm, rtol=0.03, atol=0)


def test_an_orthogonal_weight_is_another_one() -> None:
    model = nn.Sequential(orthogonal(nn.Linear(5, 5)))
    before = weight_of(model.get_submodule("0"))
    assert reinitialise(model, ["0"], seed=3) == Reinitialised((), ())
    after = weight_of(model.get_submodule("0"))
    assert not torch.allclose(after, before, atol=0.1)
    torch.testing.assert_close(after @ after.T, torch.eye(5), atol=1e-5, rtol=0)


class Symmetric(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + x.T


def test_a_parametrisation_without_inverse_is_named() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    register_parametrization(model[0], "weight", Symmetric())
    before = copy.deepcopy(model)
    assert reinitialise(model, ["0"], seed=3) == Reinitialised(drawn=(), left=("0.weight",))
    torch.testing.assert_close(model[0].weight, before[0].weight)
    assert not torch.equal(model.get_parameter("0.bias"), before.get_parameter("0.bias"))


def test_a_parametrised_weight_of_one_value_without_reset_stays_and_is_named() -> None:
    model = nn.Sequential(Scaled())
    model[0].by = nn.Parameter(torch.full((4, 4), 2.0))
    model[0].other = nn.Parameter(torch.rand(4, 4))
    weight_norm(model[0], "by")
    assert reinitialise(model, ["0"], seed=3) == Reinitialised(("0.other",), ("0.by",))
