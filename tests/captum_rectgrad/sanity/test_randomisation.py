"""The checks of randomisation, by what they must say of methods whose answer is known."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from captum_rectgrad.evaluation.methods import Method, choose_methods
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.parameter_layers import parameter_layers
from captum_rectgrad.sanity.randomisation import Order, randomisation, randomised_models
from captum_rectgrad.sanity.reinitialisation import reinitialise
from captum_rectgrad.sanity.similarity import signed_ranks

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
        (random.layers, changed(net, random.model))
        for random in randomised_models(net, layers, "cascading", seed=0)
    ]
    assert [layers for layers, _ in steps] == [tuple(LAYERS[: i + 1]) for i in range(5)]
    expected = [{"last"}, {"last", "second"}, {"last", "second", "norm"}]
    assert [found for _, found in steps[:3]] == expected
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_independent_changes_one_layer_at_a_time(net: nn.Module, images: Tensor) -> None:
    layers = parameter_layers(net, images)
    steps = [
        (random.layers, changed(net, random.model))
        for random in randomised_models(net, layers, "independent", seed=0)
    ]
    assert steps == [
        ((name,), {name if name in dict(net.named_modules()) else ""}) for name in LAYERS
    ]


def of(attribute: Any, task: AttributionTask) -> AttributionTask:
    return AttributionTask(Method("mine", "Mine", attribute), task.images, task.targets)


@pytest.mark.parametrize("order", ["cascading", "independent"])
def test_a_method_that_ignores_the_model_has_similarity_one(
    order: Order, task: AttributionTask, net: nn.Module
) -> None:
    found = randomisation(of(lambda _, x, __: x.detach(), task), net, order)
    for values in found.similarity.values():
        np.testing.assert_allclose(values, 1, atol=1e-6)
    assert found.layers == tuple(LAYERS)
    assert found.made.drawn == ("scale",)
    assert found.made.left == ("norm.weight", "norm.bias")[::-1]  # as they were made
    assert found.never_called == ("unused",)
    assert not found.chosen
    assert not found.empty.any()
    assert found.similarity["SSIM"].shape == found.logits.shape == (5, 3, 12)
    assert torch.equal(found.first, task.images[:1].expand(5, -1, -1, -1))


def test_a_method_that_reads_one_layer_changes_where_that_one_is_random(
    task: AttributionTask, net: nn.Module
) -> None:
    def attribute(model: nn.Module, x: Tensor, _: Tensor) -> Tensor:
        return x.detach() * model.state_dict()["second.weight"].sum().sign()

    # Its map is the image, or its negative: by the sign of a sum that some seeds turn.
    seed = next(seed for seed in range(50) if len({*_signs(net, seed)}) == 2)
    turned = [-1.0 if sign != _sign(net) else 1.0 for sign in _signs(net, seed)]
    cascade = randomisation(of(attribute, task), net, "cascading", seed=seed)
    single = randomisation(of(attribute, task), net, "independent", seed=seed)
    ranks, same = "rank correlation", [1.0, 1.0, 1.0]
    np.testing.assert_allclose(cascade.similarity[ranks][..., 0], [same, *[turned] * 4])
    expected = [same, turned, same, same, same]
    np.testing.assert_allclose(single.similarity[ranks][..., 0], expected)


def _sign(net: nn.Module) -> float:
    return float(net.state_dict()["second.weight"].sum().sign())


def _signs(net: nn.Module, seed: int) -> list[float]:
    """Of three re-initialisations."""
    models = [copy.deepcopy(net) for _ in range(3)]
    for repeat, model in enumerate(models):
        reinitialise(model, ["second"], derived_seed(seed, "repeat", repeat))
    return [_sign(model) for model in models]


class Remembers(nn.Linear):
    """Its reset changes a buffer that is in no state dict."""

    times: Tensor

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.register_buffer("times", torch.ones(()), persistent=False)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        if "times" in self._buffers:
            self.times += 1

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.times


@pytest.mark.bitwise("networks of the same state give the same output")
def test_independent_randomisation_restores_all_other_layers() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Remembers(), nn.Linear(4, 3)).eval()
    x = torch.rand(6, 4)
    for random in randomised_models(model, ["0", "2", "3"], "independent", seed=1, repeats=2):
        fresh = copy.deepcopy(model)
        reinitialise(fresh, random.layers, derived_seed(1, "repeat", random.repeat))
        assert torch.equal(random.model(x), fresh(x))


@pytest.mark.bitwise("the first of three repeats is the only one of one")
def test_repeats_have_parameters_of_their_own(task: AttributionTask, net: nn.Module) -> None:
    one, three = (randomisation(task, net, repeats=n) for n in (1, 3))
    for name, values in three.similarity.items():
        np.testing.assert_array_equal(values[:, :1], one.similarity[name])
        assert not np.allclose(values[:, 0], values[:, 1])
    assert torch.equal(one.first, three.first)
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        randomisation(task, net, repeats=0)


def test_maps_that_become_empty_have_similarity_zero(task: AttributionTask, net: nn.Module) -> None:
    whole = net.state_dict()["last.weight"].clone()

    def attribute(model: nn.Module, x: Tensor, _: Tensor) -> Tensor:
        return x.detach() * torch.equal(model.state_dict()["last.weight"], whole)

    found = randomisation(of(attribute, task), net, "independent", repeats=2)
    for values in found.similarity.values():
        np.testing.assert_allclose(values[0], 0)
        np.testing.assert_allclose(values[1:], 1, atol=1e-6)
    assert found.empty.sum(axis=(1, 2)).tolist() == [24, 0, 0, 0, 0]


@pytest.mark.bitwise("fewer steps are some of all steps")
def test_fewer_steps_end_at_the_last_layer(task: AttributionTask, net: nn.Module) -> None:
    whole = randomisation(task, net)
    few = randomisation(task, net, steps=2)
    assert few.layers == ("last", "norm", "(the model itself)")
    assert few.randomised == (1, 3, 5)
    for name, values in few.similarity.items():
        np.testing.assert_array_equal(values, whole.similarity[name][[0, 2, 4]])
    single = randomisation(task, net, "independent", steps=2)
    assert single.layers == ("last", "(the model itself)")
    chosen = randomisation(task, net, layers=["norm", "last"])
    assert chosen.layers == ("last", "norm")
    assert chosen.chosen


@pytest.mark.parametrize("steps", [None, 1, 2, 3, 4, 5])
def test_half_of_the_layers_is_the_same_place_whatever_the_steps(
    steps: int | None, task: AttributionTask, net: nn.Module
) -> None:
    found = randomisation(task, net, steps=steps, repeats=1)
    assert found.layers[found.half] == "norm"
    assert found.randomised[found.half] == 3


def test_unknown_layers_and_no_steps_are_refused(task: AttributionTask, net: nn.Module) -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        randomisation(task, net, steps=0)
    with pytest.raises(ValueError, match=r"it has .*first, norm, second, last"):
        randomisation(task, net, layers=["fc"])


@pytest.mark.parametrize(
    ("order", "theirs"), [("cascading", "top_down"), ("independent", "independent")]
)
def test_agrees_with_quantus(
    order: Order,
    theirs: str,
    task: AttributionTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Quantus seeds every layer alike, and draws the layers in the order of their definition.
    monkeypatch.setattr("captum_rectgrad.sanity.reinitialisation.derived_seed", lambda *_: 43)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 6, 3), nn.ReLU(), nn.Flatten()
    )
    model = nn.Sequential(*model, nn.Linear(216, 4)).eval().double()
    task = replace(task, images=task.images.double())
    maps = task.maps(model)

    def explain(model: nn.Module, inputs: Any, targets: Any, **_: Any) -> Any:
        one = AttributionTask(task.method, torch.tensor(inputs), torch.tensor(targets))
        return one.maps(model).sum(dim=1, keepdim=True).numpy()

    quantus = pytest.importorskip("quantus")
    metric = quantus.MPRT(
        layer_order=theirs, abs=False, normalise=False, seed=42, disable_warnings=True
    )
    scores = metric(
        model=copy.deepcopy(model),
        x_batch=task.images.numpy(),
        y_batch=task.targets.numpy(),
        a_batch=maps.sum(dim=1, keepdim=True).numpy(),
        explain_func=explain,
    )
    found = randomisation(task, model, order, similarities={"ranks": signed_ranks}, repeats=1)
    expected = {layer: scores[layer] for layer in found.layers}
    assert set(scores) == {"original", *expected}
    for layer, (values,) in zip(found.layers, found.similarity["ranks"], strict=True):
        np.testing.assert_allclose(values, expected[layer], atol=1e-6)


def test_a_parametrised_layer_alone_is_random_with_its_weight(
    task: AttributionTask, net: nn.Module
) -> None:
    weight_norm(net.get_submodule("last"))
    before = copy.deepcopy(net.state_dict())
    x = torch.rand(2, 6)
    expected = net.get_submodule("last")(x)
    found = randomisation(task, net, "independent", layers=["last", "second"], repeats=2)
    assert found.layers == ("last", "second")
    assert found.made.left == found.made.drawn == ()
    assert found.logits[0].max() < 0.99
    torch.testing.assert_close(net.get_submodule("last")(x), expected)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def test_a_weight_normalised_in_the_old_style_is_named(
    task: AttributionTask, net: nn.Module
) -> None:
    torch.nn.utils.weight_norm(net.get_submodule("last"))
    (saliency,) = choose_methods(["saliency"])
    task = replace(task, method=saliency)
    found = randomisation(task, net, layers=["last"], repeats=1)
    assert found.made.left == ("last.weight_g", "last.weight_v")
