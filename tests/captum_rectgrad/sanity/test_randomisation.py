"""The checks of randomisation, by what they must say of methods whose answer is known."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.methods import Method
from captum_rectgrad.sanity.explaining import Explaining
from captum_rectgrad.sanity.parameter_layers import parameter_layers
from captum_rectgrad.sanity.randomisation import Order, randomisation, randomised_models
from captum_rectgrad.sanity.reinitialisation import reinitialise
from captum_rectgrad.sanity.similarity import signed_ranks

quantus = pytest.importorskip("quantus")
LAYERS = ["last", "second", "norm", "first", "(the model itself)"]  # from the output on


def changed(model: nn.Module, other: nn.Module) -> set[str]:
    """Layers whose parameters differ."""
    state = other.state_dict()
    return {
        name.rpartition(".")[0]
        for name, value in model.state_dict().items()
        if not torch.equal(value, state[name])
    }


def test_cascading_adds_layers_from_the_output_on(net: nn.Module, images: Tensor) -> None:
    before = copy.deepcopy(net.state_dict())
    layers = parameter_layers(net, images)
    steps = [
        (random.last, random.layers, changed(net, random.model))
        for random, _ in randomised_models(net, layers, "cascading", seed=0)
    ]
    assert [last for last, _, _ in steps] == LAYERS
    assert [layers for _, layers, _ in steps] == [tuple(LAYERS[: i + 1]) for i in range(5)]
    expected = [{"last"}, {"last", "second"}, {"last", "second", "norm"}]
    assert [found for _, _, found in steps[:3]] == expected
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_independent_changes_one_layer_at_a_time(net: nn.Module, images: Tensor) -> None:
    layers = parameter_layers(net, images)
    steps = [
        (random.layers, changed(net, random.model))
        for random, _ in randomised_models(net, layers, "independent", seed=0)
    ]
    assert steps == [
        ((name,), {name if name in dict(net.named_modules()) else ""}) for name in LAYERS
    ]


def of(attribute: Any, explaining: Explaining) -> Explaining:
    return Explaining(Method("mine", "Mine", attribute), explaining.images, explaining.targets)


@pytest.mark.parametrize("order", ["cascading", "independent"])
def test_a_method_that_ignores_the_model_stays_as_it_is(
    order: Order, explaining: Explaining, net: nn.Module
) -> None:
    found = randomisation(of(lambda _, x, __: x.detach(), explaining), net, order)
    for values in found.similarity.values():
        np.testing.assert_allclose(values, 1, atol=1e-6)
    assert found.layers == tuple(LAYERS)
    assert found.undefined == ("scale",)
    assert torch.equal(found.first, explaining.images[:1].expand(5, -1, -1, -1))


def test_a_method_that_reads_one_layer_changes_where_that_one_is_random(
    explaining: Explaining, net: nn.Module
) -> None:
    def attribute(model: nn.Module, x: Tensor, _: Tensor) -> Tensor:
        return x.detach() * model.state_dict()["second.weight"].sum().sign()

    # Its map is the image, or its negative: by the sign of a sum that another seed turns.
    seed = next(seed for seed in range(50) if _sign(net, seed) != _sign(net, None))
    cascade = randomisation(of(attribute, explaining), net, "cascading", seed=seed)
    single = randomisation(of(attribute, explaining), net, "independent", seed=seed)
    ranks = "rank correlation"
    np.testing.assert_allclose(cascade.similarity[ranks][:, 0], [1, -1, -1, -1, -1])
    np.testing.assert_allclose(single.similarity[ranks][:, 0], [1, -1, 1, 1, 1])


def _sign(net: nn.Module, seed: int | None) -> float:
    model = copy.deepcopy(net)
    if seed is not None:
        reinitialise(model, ["second"], seed)
    return float(model.state_dict()["second.weight"].sum().sign())


def test_fewer_steps_end_at_the_last_layer(explaining: Explaining, net: nn.Module) -> None:
    whole = randomisation(explaining, net)
    few = randomisation(explaining, net, steps=2)
    assert few.layers == ("last", "(the model itself)")
    assert few.randomised == (1, 5)
    for name, values in few.similarity.items():
        np.testing.assert_array_equal(values, whole.similarity[name][[0, 4]])
    assert randomisation(explaining, net, steps=1).randomised == (5,)
    assert randomisation(explaining, net, layers=["norm", "last"]).layers == ("last", "norm")
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        randomisation(explaining, net, steps=0)
    with pytest.raises(ValueError, match=r"it has .*first, norm, second, last"):
        randomisation(explaining, net, layers=["fc"])


@pytest.mark.parametrize(
    ("order", "theirs"), [("cascading", "top_down"), ("independent", "independent")]
)
def test_agrees_with_quantus(
    order: Order,
    theirs: str,
    explaining: Explaining,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Quantus seeds every layer alike, and draws the layers in the order of their definition.
    monkeypatch.setattr("captum_rectgrad.sanity.reinitialisation.derived_seed", lambda *_: 43)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 6, 3), nn.ReLU(), nn.Flatten()
    )
    model = nn.Sequential(*model, nn.Linear(216, 4)).eval()
    maps = explaining.maps(model)

    def explain(model: nn.Module, inputs: Any, targets: Any, **_: Any) -> Any:
        one = Explaining(explaining.method, torch.tensor(inputs), torch.tensor(targets))
        return one.maps(model).sum(dim=1, keepdim=True).numpy()

    metric = quantus.MPRT(
        layer_order=theirs, abs=False, normalise=False, seed=42, disable_warnings=True
    )
    scores = metric(
        model=copy.deepcopy(model),
        x_batch=explaining.images.numpy(),
        y_batch=explaining.targets.numpy(),
        a_batch=maps.sum(dim=1, keepdim=True).numpy(),
        explain_func=explain,
    )
    found = randomisation(explaining, model, order, similarities={"ranks": signed_ranks})
    expected = {layer: scores[layer] for layer in found.layers}
    assert set(scores) == {"original", *expected}
    for layer, values in zip(found.layers, found.similarity["ranks"], strict=True):
        np.testing.assert_allclose(values, expected[layer], atol=1e-6)
