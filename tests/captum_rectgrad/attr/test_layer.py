"""Hidden layers: the attribution there is RectGrad of the rest of the network, at its input."""

import copy
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch
from captum.attr import LayerAttribution, LayerGradientXActivation
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from captum_rectgrad import (
    LayerRectGrad,
    NeuronRectGrad,
    RectGrad,
    RectGradError,
    RectGradWarning,
)

OPTIONS: list[dict[str, Any]] = [
    {"percentile": 80, "final_threshold": False},
    {"percentile": 60, "rule": "PR2", "prr": True, "padding_trick": False},
    {"tau": 1e-3, "rule": "Mod", "multiply_by_inputs": False, "final_threshold": False},
]


def layers(activation: Callable[[], nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        activation(),
        nn.Conv2d(6, 6, 3, padding=1),
        activation(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 60),
        activation(),
        nn.Linear(60, 3),
    ).double()


def batch() -> Tensor:
    return torch.randn(3, 2, 8, 8, dtype=torch.float64, generator=torch.manual_seed(1))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(
    "activation", [nn.ReLU, lambda: nn.ReLU(inplace=True), nn.SiLU, lambda: nn.ELU(inplace=True)]
)
def test_every_layer_in_one_pass_is_rectgrad_of_what_follows_it(
    activation: Callable[[], nn.Module], options: dict[str, Any]
) -> None:
    model, x = layers(activation), batch()
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    chosen = list(model)[:-1]
    # The last layer's input is also the output of one that is chosen.
    outputs = LayerRectGrad(model, chosen, **options).attribute(x, target=[0, 1, 2])
    inputs = LayerRectGrad(model, chosen, **options).attribute(
        x, target=[0, 1, 2], attribute_to_layer_input=True
    )
    assert len(passes) == 2
    with torch.no_grad():
        hidden = [x]
        for layer in model[:-1]:
            hidden.append(layer(hidden[-1].clone()))
    for k in range(len(chosen) - 1):  # after the last activation nothing is rectified
        rest = RectGrad(copy.deepcopy(model[k + 1 :]), **options)
        expected = rest.attribute(hidden[k + 1], target=[0, 1, 2])
        torch.testing.assert_close(outputs[k], expected, rtol=1e-12, atol=0)
        torch.testing.assert_close(inputs[k + 1], outputs[k], rtol=1e-12, atol=0)
    whole = RectGrad(model, **options).attribute(x, target=[0, 1, 2])
    torch.testing.assert_close(inputs[0], whole, rtol=1e-12, atol=0)


def test_without_rules_it_is_captums_gradient_times_activation() -> None:
    model, x = layers(nn.ReLU), batch()
    for layer in model[:-1]:
        for at_input in (False, True):
            plain = LayerRectGrad(
                model, layer, tau=0, rule="PR3", padding_trick=False, final_threshold=False
            )
            ours = plain.attribute(x, 1, attribute_to_layer_input=at_input)
            theirs = LayerGradientXActivation(model, layer).attribute(
                x, 1, attribute_to_layer_input=at_input
            )
            torch.testing.assert_close(ours, theirs)


class Residual(nn.Module):
    """A skip connection around an in-place ReLU, and a layer that returns several tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(10, 40)
        self.relu = nn.ReLU(inplace=True)
        self.split = Split()
        self.head = nn.Linear(20, 3)
        self.unused = nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        left, right = self.split(h)
        left += self.relu(right)
        y: Tensor = self.head(left)
        return y


class Split(nn.Module):
    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return h[:, :20] * 2, h[:, 20:] * 3


def test_layers_with_several_tensors_and_values_changed_in_place_afterwards() -> None:
    torch.manual_seed(0)
    model, x = Residual().double(), torch.randn(4, 10, dtype=torch.float64)
    (left, right), relu = LayerRectGrad(
        model, [model.split, model.relu], percentile=50, final_threshold=False
    ).attribute(x, target=1)
    row = model.head.weight[1].detach()
    h = model.stem(x).detach()
    # By hand: `left` as it was before the in-place sum; `right` behind the rectified ReLU.
    torch.testing.assert_close(left, h[:, :20] * 2 * row)
    a = (h[:, 20:] * 3).clamp(min=0)
    torch.testing.assert_close(relu, a * row)
    scores = a * row
    tau = scores.sort(dim=1).values[:, 10:11]  # rank round(19 * 0.5) = 10, half to even
    torch.testing.assert_close(right, h[:, 20:] * 3 * torch.where(scores > tau, row, 0))


def test_a_tensor_used_twice_has_the_gradient_of_both_uses() -> None:
    torch.manual_seed(0)

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.relu, self.head = nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.stem(x)
            y: Tensor = self.head(h + self.relu(h))
            return y

    model, x = Skip().double(), torch.randn(2, 8, dtype=torch.float64)
    method = LayerRectGrad(model, model.relu, tau=0, final_threshold=False)
    h, row = model.stem(x).detach(), model.head.weight[0].detach()
    at_input = method.attribute(x, 0, attribute_to_layer_input=True)
    torch.testing.assert_close(at_input, h * (row + torch.where(h.clamp(min=0) * row > 0, row, 0)))
    torch.testing.assert_close(method.attribute(x, 0), h.clamp(min=0) * row)


@pytest.mark.parametrize("frozen", [False, True])
def test_tokens_can_be_attributed_to_at_their_embedding(frozen: bool) -> None:
    torch.manual_seed(0)
    embedding, rest = (
        nn.Embedding(11, 6),
        nn.Sequential(nn.Flatten(), nn.Linear(30, 40), nn.ReLU(), nn.Linear(40, 3)),
    )
    embedding.requires_grad_(not frozen)
    tokens = torch.randint(11, (4, 5))
    model = nn.Sequential(embedding, rest)
    found = LayerRectGrad(model, embedding, percentile=70).attribute(tokens, target=2)
    expected = RectGrad(rest, percentile=70).attribute(embedding(tokens).detach(), target=2)
    torch.testing.assert_close(found, expected)


def test_a_layer_in_a_checkpointed_block_is_recorded_once() -> None:
    class Checkpointed(nn.Module):
        def __init__(self, net: nn.Sequential) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Tensor:
            hidden = checkpoint(self.net[:4], x, use_reentrant=False)
            y: Tensor = self.net[4:](hidden)
            return y

    net, x = layers(nn.ReLU), batch()
    expected = LayerRectGrad(net, net[2], percentile=80).attribute(x, 1)
    model = Checkpointed(net)
    assert torch.equal(LayerRectGrad(model, net[2], percentile=80).attribute(x, 1), expected)


def test_maps_can_be_enlarged_as_captums() -> None:
    model, x = layers(nn.ReLU), batch()
    found = LayerRectGrad(model, model[4], percentile=50).attribute(x, 0)
    assert found.shape == (3, 6, 4, 4)
    assert LayerAttribution.interpolate(found, (8, 8)).shape == (3, 6, 8, 8)


def test_parts_of_a_batch_are_put_together() -> None:
    model, x = layers(nn.ReLU), batch()
    method = LayerRectGrad(model, [model[1], model[4]], percentile=80)
    whole = method.attribute(x, [0, 1, 2])
    parts = method.attribute(x, [0, 1, 2], internal_batch_size=2)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)


def test_threads_that_record_layers_of_one_model_do_not_see_each_other() -> None:
    model, x = layers(lambda: nn.ReLU(inplace=True)), batch()
    layer = [LayerRectGrad(model, model[k], percentile=60 + k) for k in range(7)]
    neuron = [NeuronRectGrad(model, model[k], percentile=60 + k) for k in (6, 8)]
    one: list[Callable[[], Tensor]] = [
        *(partial(method.attribute, x, k % 3) for k, method in enumerate(layer)),
        *(partial(method.attribute, x, k) for k, method in enumerate(neuron)),
    ]
    expected = [call() for call in one]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda call: call(), one * 20))
    finally:
        sys.setswitchinterval(interval)
    for k, attribution in enumerate(found):
        assert torch.equal(attribution, expected[k % len(one)])


def test_what_cannot_be_attributed_to_is_refused() -> None:
    model = Residual()
    x = torch.randn(2, 10)
    with pytest.raises(RectGradError, match="layer 'unused' was not called"):
        LayerRectGrad(model, model.unused).attribute(x, 0)
    with pytest.raises(ValueError, match="layer Linear is not part of the model"):
        LayerRectGrad(model, nn.Linear(2, 2))
    with pytest.raises(ValueError, match="given twice, as 'stem'"):
        LayerRectGrad(model, [model.stem, model.stem])
    with pytest.raises(ValueError, match="empty list"):
        LayerRectGrad(model, [])
    with pytest.raises(TypeError, match="must be a module of the model"):
        LayerRectGrad(model, "stem")  # type: ignore[arg-type]
    shared = nn.Linear(10, 10)
    twice = nn.Sequential(shared, nn.ReLU(), shared)
    with pytest.raises(RectGradError, match="layer '0' was called 2 times"):
        LayerRectGrad(twice, shared).attribute(x, 0)

    class Detour(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.aside = nn.Linear(10, 3), nn.Linear(10, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.aside(x)
            y: Tensor = self.main(x).relu()
            return y

    detour = Detour()
    with pytest.raises(RectGradError, match=r"no gradient reaches layer 'aside'"):
        LayerRectGrad(detour, detour.aside).attribute(x, 0)

    class Named(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"y": x}

    class Unpack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.named = Named()

        def forward(self, x: Tensor) -> Tensor:
            return self.named(x)["y"].relu()

    unpack = Unpack()
    with pytest.raises(RectGradError, match="layer 'named' returned dict"):
        LayerRectGrad(unpack, unpack.named).attribute(x, 0)


def test_above_every_activation_it_is_the_gradient_and_in_a_model_without_any_it_warns() -> None:
    model, x = layers(nn.ReLU), batch()
    found = LayerRectGrad(model, model[-1], final_threshold=False).attribute(x, 1)
    logits = model(x).detach()
    torch.testing.assert_close(found, logits * torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
    with pytest.warns(RectGradWarning, match="no activation was found"):
        LayerRectGrad(model[-1], model[-1]).attribute(torch.randn(2, 60).double(), 1)


@pytest.mark.parametrize("kind", [LayerRectGrad, NeuronRectGrad])
def test_warnings_name_the_line_that_called_attribute(kind: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 10), nn.ReLU())
    method = kind(model, model[2], percentile=99.5)
    choice = {"neuron_selector": 0} if kind is NeuronRectGrad else {"target": 0}
    with pytest.warns(RectGradWarning, match="all zero") as warned:
        method.attribute(torch.rand(2, 4), **choice)
    assert warned[0].filename == __file__


@pytest.mark.parametrize("wrong", [50, [0.5], nn.ReLU()])
def test_a_percentile_in_the_place_of_device_ids_is_refused(wrong: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    for method in (LayerRectGrad, NeuronRectGrad):
        with pytest.raises(TypeError, match="device_ids must be a list of ints"):
            method(model, model[0], wrong)
