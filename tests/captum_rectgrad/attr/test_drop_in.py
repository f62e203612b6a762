"""Drop-in replacements: Captum's signatures, and its results wherever Captum is right."""

import inspect
from collections.abc import Callable
from typing import Any

import captum.attr as captums
import pytest
import torch
from captum.attr import NoiseTunnel
from captum.testing.helpers import basic_models
from torch import Tensor, nn
from torch.nn import functional as F

import captum_rectgrad as ours

# Captum says that it sets hooks.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting (forward|backward|forward, backward)"),
    pytest.mark.filterwarnings("ignore:Input Tensor . did not already require gradients"),
    # Ours says where Captum's is silent: neurons before all activations, or that nothing reaches.
    pytest.mark.filterwarnings("ignore:no activation was found"),
    pytest.mark.filterwarnings("ignore:attribution of sample"),
]

NAMES = [
    "Saliency",
    "GuidedBackprop",
    "Deconvolution",
    "NeuronGuidedBackprop",
    "NeuronDeconvolution",
    "NeuronGradient",
]
AT_INPUTS, AT_NEURONS = NAMES[:3], NAMES[3:]
# Captum names the first argument of some methods so; ours has one name, since it is a module.
RENAMED = {"forward_func": "model"}


def ours_and_captums(name: str) -> tuple[Any, Any]:
    return getattr(ours, name), getattr(captums, name)


def parameters(function: Any) -> list[tuple[str, object]]:
    found = inspect.signature(inspect.unwrap(function)).parameters
    return [(RENAMED.get(name, name), parameter.default) for name, parameter in found.items()]


@pytest.mark.parametrize("name", NAMES)
def test_captums_parameters_are_a_prefix_of_ours(name: str) -> None:
    mine, captum = ours_and_captums(name)
    for method in ("__init__", "attribute"):
        theirs = parameters(getattr(captum, method))
        assert parameters(getattr(mine, method))[: len(theirs)] == theirs


@pytest.mark.parametrize("name", NAMES)
def test_they_are_gradient_attributions_of_captum(name: str) -> None:
    mine, captum = ours_and_captums(name)
    bases = [base for base in captum.__mro__ if base.__module__.startswith("captum.attr._utils")]
    assert all(issubclass(mine, base) for base in bases)


def agree(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    for one, other in pairs:
        torch.testing.assert_close(one, other)


def relu_model() -> nn.Module:
    """Captum's network of three ReLUs, whose two linear layers are all ones there."""
    torch.manual_seed(0)
    model: Any = basic_models.BasicModel_ConvNet()
    with torch.no_grad():
        model.fc1.weight.normal_()
        model.fc2.weight.normal_()
    return model.eval()


def images() -> Tensor:
    return torch.randn(3, 1, 10, 10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("target", [1, [0, 1, 2], torch.tensor([0, 1, 2])], ids=repr)
@pytest.mark.parametrize("name", AT_INPUTS)
# Captum's network ends in a softmax.
@pytest.mark.filterwarnings("ignore:the outputs are non-negative")
def test_a_network_of_captums_tests_has_captums_maps(name: str, target: Any) -> None:
    model = relu_model()
    mine, captum = ours_and_captums(name)
    expected = captum(model).attribute(images(), target=target)
    assert expected.count_nonzero()
    agree(mine(model).attribute(images(), target=target), expected)


@pytest.mark.parametrize("name", AT_INPUTS)
def test_tuples_of_inputs_and_further_arguments_have_captums_maps(name: str) -> None:
    model = basic_models.BasicModel_MultiLayer_MultiInput().double()
    first = torch.tensor([[1.0, 10.0, 0.0], [20.0, 3.0, 5.0]]).double()
    second = torch.tensor([[3.0, 2.0, 4.0], [0.0, 10.0, 2.0]]).double()
    third = torch.tensor([[2.0, 1.0, 0.0], [1.0, -3.0, 5.0]]).double()
    mine, captum = ours_and_captums(name)
    arguments = {"target": [0, 1], "additional_forward_args": (third, 4)}
    expected = captum(model).attribute((first, second), **arguments)
    agree(mine(model).attribute((first, second), **arguments), expected)


@pytest.mark.parametrize("name", AT_INPUTS)
def test_positional_arguments_mean_what_they_mean_in_captum(name: str) -> None:
    model = basic_models.BasicModel_MultiLayer_MultiInput().double()
    generator = torch.Generator().manual_seed(0)
    inputs = tuple(torch.randn(2, 2, 3, generator=generator, dtype=torch.float64))
    rest: tuple[Any, ...] = ((torch.ones(2, 3, dtype=torch.float64), 2),)
    if name == "Saliency":
        rest = (False, *rest)
    mine, captum = ours_and_captums(name)
    agree(
        mine(model).attribute(inputs, 1, *rest),
        captum(model).attribute(inputs, 1, *rest),
    )


def test_saliency_is_signed_without_abs() -> None:
    model = relu_model().double()
    x = images().double()
    signed = ours.Saliency(model).attribute(x, target=1, abs=False)
    agree(signed, captums.Saliency(model).attribute(x, target=1, abs=False))
    assert (signed < 0).any()
    assert torch.equal(ours.Saliency(model).attribute(x, target=1), signed.abs())


def test_functional_relus_have_captums_saliency() -> None:
    model = basic_models.BasicModel5_MultiArgs()
    x = torch.tensor([[3.0], [1.0]]), torch.tensor([[1.0], [2.0]])
    arguments: dict[str, Any] = {"additional_forward_args": ([2, 1], 0)}
    for absolute in (True, False):
        expected = captums.Saliency(model).attribute(x, abs=absolute, **arguments)
        agree(ours.Saliency(model).attribute(x, abs=absolute, **arguments), expected)


@pytest.mark.parametrize("selector", [0, (1,), (slice(0, 2),), lambda h: h.square().sum(1)])
@pytest.mark.parametrize("at_input", [False, True])
@pytest.mark.parametrize("name", AT_NEURONS)
def test_neurons_have_captums_maps(name: str, at_input: bool, selector: Any) -> None:
    model = relu_model()
    mine, captum = ours_and_captums(name)
    arguments = {"neuron_selector": selector, "attribute_to_neuron_input": at_input}
    expected = captum(model, model.fc2).attribute(images(), **arguments)
    agree(mine(model, model.fc2).attribute(images(), **arguments), expected)


@pytest.mark.parametrize("selector", [(0, 1, 1), (slice(0, 2), 1, slice(None))])
@pytest.mark.parametrize("layer", ["conv1", "relu1", "pool1", "conv2", "relu2"])
@pytest.mark.parametrize("name", AT_NEURONS)
def test_neurons_of_feature_maps_have_captums_maps(name: str, layer: str, selector: Any) -> None:
    model = relu_model()
    mine, captum = ours_and_captums(name)
    module = model.get_submodule(layer)
    expected = captum(model, module).attribute(images(), selector)
    agree(mine(model, module).attribute(images(), selector), expected)


@pytest.mark.parametrize("nt_type", ["smoothgrad", "smoothgrad_sq", "vargrad"])
def test_noise_tunnels_around_saliency_have_captums_maps(nt_type: str) -> None:
    model, found = relu_model(), []
    for method in (ours.Saliency(model), captums.Saliency(model)):
        for absolute in (True, False):
            torch.manual_seed(3)
            found.append(
                NoiseTunnel(method).attribute(
                    images(), nt_type=nt_type, nt_samples=4, stdevs=0.1, target=1, abs=absolute
                )
            )
    agree(found[0], found[2])
    agree(found[1], found[3])
    assert not torch.equal(found[0], found[1]) or nt_type == "smoothgrad_sq"


class Skipping(nn.Module):
    """Convolutions whose ReLUs are called in some way, the second beside a skip connection."""

    def __init__(self, relu: Callable[[Tensor], Tensor], other: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(256, 3)
        self.relu, self.other = relu, other

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = self.relu(h)
        h = h + self.second(h)
        logits: Tensor = self.head(h.flatten(1) - self.other(h + 0).flatten(1) / 2)
        return logits


@pytest.mark.parametrize("name", AT_INPUTS)
def test_relus_in_any_form_have_the_maps_of_modules_of_their_own(name: str) -> None:
    mine, captum = ours_and_captums(name)
    one, in_place = nn.ReLU(), nn.ReLU(inplace=True)
    plain = Skipping(nn.ReLU(), nn.ReLU()).eval()
    # Captum filters at the input of a module, which is right where nothing else reads it.
    expected = captum(plain).attribute(images(), target=1)
    agree(mine(plain).attribute(images(), target=1), expected)
    for relu, other in ((F.relu, F.relu), (torch.relu_, Tensor.relu), (one, one), (in_place,) * 2):
        model = Skipping(relu, other).eval()
        agree(mine(model).attribute(images(), target=1), expected)


class InputReadTwice(nn.Module):
    """The input of the ReLU goes on beside it, where Captum filters both."""

    def __init__(self, *, apart: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.relu, self.head = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)
        self.apart = apart

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        logits: Tensor = self.head(h / 2 + self.relu(h * 1 if self.apart else h))
        return logits


@pytest.mark.parametrize("name", ["GuidedBackprop", "Deconvolution"])
def test_what_a_skip_connection_brings_is_not_filtered(name: str) -> None:
    mine, captum = ours_and_captums(name)
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    expected = captum(InputReadTwice(apart=True)).attribute(x, target=1)
    model = InputReadTwice(apart=False)
    agree(mine(model).attribute(x, target=1), expected)
    assert (expected < 0).any()


@pytest.mark.parametrize("name", AT_INPUTS)
def test_a_wrong_number_of_targets_is_an_assertion_error_as_in_captum(name: str) -> None:
    for method in ours_and_captums(name):
        with pytest.raises(AssertionError):
            method(relu_model()).attribute(images(), target=[0, 1])
