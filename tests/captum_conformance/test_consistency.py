"""Captum's consistency checks: inputs, layers and neurons are three views of one computation."""

from typing import Any

import pytest
import torch
from captum.attr import (
    Deconvolution,
    GuidedBackprop,
    InputXGradient,
    LayerGradientXActivation,
    NeuronDeconvolution,
    NeuronGradient,
    NeuronGuidedBackprop,
    Saliency,
)
from captum.attr._utils.input_layer_wrapper import ModelInputWrapper
from torch import Tensor, nn

import captum_rectgrad
from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad
from captum_rectgrad._engine.captum_compat import as_tuple, select_neuron
from tests.support.captum_configs import FORMS, OPEN, Arguments, Case, flat, kind

pytestmark = [
    # Nets this small are often cut off whole, for some sample.
    pytest.mark.filterwarnings("ignore:attribution of sample"),
    # Some networks of Captum end in a softmax.
    pytest.mark.filterwarnings("ignore:the outputs are non-negative"),
    # Captum's own methods say it at every call.
    pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations"),
    pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients"),
    pytest.mark.filterwarnings("ignore:Input Tensor 1 did not already require gradients"),
]

OPTIONS: dict[str, Arguments] = {
    "open": OPEN,
    "PRR": {**OPEN, "prr": True},
    "Mod": {**OPEN, "rule": "Mod"},
    "constant": {"tau": 0.0, "padding_trick": False},
    "NoBias": {**OPEN, "multiply_by_inputs": False},
}


def in_turn(cases: list[Case]) -> list[tuple[Case, list[Arguments]]]:
    """Each case with the open setting and others in turn: all for each kind of model and layer."""
    others = [options for name, options in OPTIONS.items() if name != "open"]
    of_kind: dict[str, list[Case]] = {}
    for case in cases:
        of_kind.setdefault(kind(case), []).append(case)
    return [
        (case, [OPEN, *(others[i :: len(same)] or [others[i % len(others)]])])
        for same in of_kind.values()
        for i, case in enumerate(same)
    ]


# Settings with which the rules are other people's, and what those people call it.
GRADIENT: Arguments = {"rule": "PR3", "tau": 0.0}
GUIDED: Arguments = {"rule": "PR1", "tau": 0.0}
DECONVOLUTION: Arguments = {"rule": "PR4", "tau": 0.0}
BARE: Arguments = {"padding_trick": False, "final_threshold": False}
UNMULTIPLIED: Arguments = {**BARE, "multiply_by_inputs": False}


def of(kind: str) -> list[Case]:
    """One case of each form of entry, with the main method."""
    layered = {"inputs": "RectGrad", "layers": "LayerRectGrad", "neurons": "NeuronRectGrad"}[kind]
    cases = [case for same in FORMS.values() for case in same]
    return [case for case in cases if case.method == layered and not case.noise_tunnel]


def name_of(part: Case | list[Arguments]) -> str:
    """The name of the case; of settings those that are not the open one."""
    if isinstance(part, Case):
        return part.name
    return "+".join(name for name, options in OPTIONS.items() if options in part[1:])


def plain(case: Case) -> Arguments:
    """The arguments that Captum's gradients take too."""
    return {key: value for key, value in case.arguments.items() if key != "internal_batch_size"}


def assert_same(ours: Any, theirs: Any) -> None:
    for one, other in zip(flat(ours), flat(theirs), strict=True):
        torch.testing.assert_close(one, other)


class EndsAt(nn.Module):
    """A model that returns a neuron of a hidden layer."""

    def __init__(self, model: nn.Module, layer: nn.Module, selector: Any) -> None:
        super().__init__()
        self.model, self.layer, self.selector = model, layer, selector

    def forward(self, *args: Any) -> Tensor:
        seen: list[Tensor] = []

        def select(_: nn.Module, __: Any, output: Any) -> None:
            # At once: the model may change it in place later.
            tensors: Any = as_tuple(output)
            seen.append(select_neuron(tuple(t.clone() for t in tensors), self.selector))

        handle = self.layer.register_forward_hook(select)
        try:
            self.model(*args)
        finally:
            handle.remove()
        return seen[0]


@pytest.mark.parametrize(("case", "settings"), in_turn(of("neurons")), ids=name_of)
def test_a_neuron_is_the_output_of_a_model_that_returns_it(
    case: Case, settings: list[Arguments]
) -> None:
    case = case.fresh()
    arguments = dict(case.arguments)
    layer = case.model.get_submodule(str(case.layer))
    model = EndsAt(case.model, layer, arguments["neuron_selector"])
    for options in settings:
        ours = NeuronRectGrad(case.model, layer, **options).attribute(**arguments)
        returned = {key: value for key, value in arguments.items() if key != "neuron_selector"}
        assert_same(ours, RectGrad(model, **options).attribute(**returned))


@pytest.mark.parametrize(("case", "settings"), in_turn(of("inputs")), ids=name_of)
def test_a_neuron_of_the_whole_model_is_its_output(case: Case, settings: list[Arguments]) -> None:
    case = case.fresh()
    arguments = plain(case)
    target = arguments.pop("target", None)
    if isinstance(target, list | Tensor):
        # One neuron for each sample: a selector may choose any number per sample.
        picks = [t if isinstance(t, tuple) else (t,) for t in target]
        picks = picks * case.samples if len(picks) == 1 else picks
        selector: Any = lambda y: torch.stack(  # noqa: E731
            [row[pick] for row, pick in zip(y, picks, strict=True)]
        )
    else:
        selector = 0 if target is None else target
    for options in settings:
        ours = RectGrad(case.model, **options).attribute(target=target, **arguments)
        method = NeuronRectGrad(case.model, case.model, **options)
        assert_same(method.attribute(neuron_selector=selector, **arguments), ours)


@pytest.mark.parametrize(("case", "settings"), in_turn(of("inputs")), ids=name_of)
def test_a_layer_that_the_inputs_enter_has_their_attributions(
    case: Case, settings: list[Arguments]
) -> None:
    case = case.fresh()
    # Captum's wrapper sends each input through a module of its own.
    wrapper = ModelInputWrapper(case.model)
    several = case.arguments["inputs"]
    number = len(several) if isinstance(several, tuple) else 1
    entrances = [wrapper.input_maps[name] for name in wrapper.arg_name_list[:number]]
    for options in settings:
        expected = RectGrad(case.model, **options).attribute(**case.arguments)
        for at_input in (False, True):
            ours = LayerRectGrad(wrapper, entrances, **options).attribute(
                **case.arguments, attribute_to_layer_input=at_input
            )
            assert_same(ours, expected)


@pytest.mark.parametrize("case", of("inputs"), ids=name_of)
def test_of_inputs_with_the_rules_of_captums_methods(case: Case) -> None:
    case = case.fresh()
    model, arguments = case.model, plain(case)
    times_input = RectGrad(model, **GRADIENT, **BARE).attribute(**arguments)
    assert_same(times_input, InputXGradient(model).attribute(**arguments))
    gradient = RectGrad(model, **GRADIENT, **UNMULTIPLIED).attribute(**arguments)
    assert_same(gradient, Saliency(model).attribute(**arguments, abs=False))
    guided = RectGrad(model, **GUIDED, **UNMULTIPLIED).attribute(**arguments)
    assert_same(guided, GuidedBackprop(model).attribute(**arguments))
    deconvolution = RectGrad(model, **DECONVOLUTION, **UNMULTIPLIED).attribute(**arguments)
    assert_same(deconvolution, Deconvolution(model).attribute(**arguments))
    ours = captum_rectgrad.GuidedBackprop(model).attribute(**arguments)
    assert_same(ours, guided)
    ours = captum_rectgrad.Deconvolution(model).attribute(**arguments)
    assert_same(ours, deconvolution)
    ours = captum_rectgrad.Saliency(model).attribute(**arguments, abs=False)
    assert_same(ours, gradient)
    ours = captum_rectgrad.Saliency(model).attribute(**arguments)
    assert_same(ours, Saliency(model).attribute(**arguments))


@pytest.mark.parametrize("case", of("layers"), ids=name_of)
def test_of_layers_with_the_rule_of_captums_gradient(case: Case) -> None:
    case = case.fresh()
    layers = case.on(case.model).layer
    for at_input in (False, True):
        arguments = {**plain(case), "attribute_to_layer_input": at_input}
        ours = LayerRectGrad(case.model, layers, **GRADIENT, **BARE).attribute(**arguments)
        assert_same(ours, LayerGradientXActivation(case.model, layers).attribute(**arguments))
        # Captum has no guided backpropagation or deconvolution of layers.
        for named, rule in (
            (captum_rectgrad.LayerGuidedBackprop, GUIDED),
            (captum_rectgrad.LayerDeconvolution, DECONVOLUTION),
        ):
            ours = LayerRectGrad(case.model, layers, **rule, **UNMULTIPLIED).attribute(**arguments)
            assert_same(named(case.model, layers).attribute(**arguments), ours)


# Between the inputs and what enters the first activation there is none.
@pytest.mark.filterwarnings("ignore:no activation was found")
@pytest.mark.parametrize("case", of("neurons"), ids=name_of)
def test_of_neurons_with_the_rules_of_captums_methods(case: Case) -> None:
    case = case.fresh()
    model, layer = case.model, case.model.get_submodule(str(case.layer))
    for at_input in (False, True):
        arguments = {**plain(case), "attribute_to_neuron_input": at_input}
        for theirs, named, rule in (
            (NeuronGradient, captum_rectgrad.NeuronGradient, GRADIENT),
            (NeuronGuidedBackprop, captum_rectgrad.NeuronGuidedBackprop, GUIDED),
            (NeuronDeconvolution, captum_rectgrad.NeuronDeconvolution, DECONVOLUTION),
        ):
            expected = theirs(model, layer).attribute(**arguments)
            ours = NeuronRectGrad(model, layer, **rule, **UNMULTIPLIED).attribute(**arguments)
            assert_same(ours, expected)
            assert_same(named(model, layer).attribute(**arguments), expected)
