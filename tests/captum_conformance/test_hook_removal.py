"""Captum's hook-removal check: no hook of ours stays on any module, whatever went wrong."""

from typing import Any

import pytest
import torch
from captum.attr._models.base import _set_deep_layer_value
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tests.support.captum_configs import (
    INPUT_METHODS,
    KINDS,
    LAYER_METHODS,
    NEURON_METHODS,
    Case,
    case_id,
    hooks,
)

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)


class Broken(nn.Module):
    """Stands where another module was, and fails."""

    def __init__(self) -> None:
        super().__init__()
        # What Captum's methods hook is inside it, as in Captum's check.
        self.relu = nn.ReLU()

    def forward(self, *_: Any, **__: Any) -> Tensor:
        raise ZeroDivisionError("in the forward pass")


class BrokenBackward(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    @once_differentiable
    def backward(_: Any, __: Tensor) -> Tensor:
        raise ZeroDivisionError("in the backward pass")


class Late(nn.Module):
    """A module whose first tensor fails on its way back."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, *rest: Any, **keywords: Any) -> Any:
        return self.module(BrokenBackward.apply(x), *rest, **keywords)


def called(case: Case) -> list[str]:
    """The names of the modules without children that the model calls, in order."""
    names: list[str] = []
    fresh = case.fresh()
    inputs = fresh.arguments["inputs"]
    for name, module in fresh.model.named_modules():
        if name and not list(module.children()):
            module.register_forward_hook(lambda *_, name=name: names.append(name))
    further = fresh.arguments.get("additional_forward_args", ())
    fresh.model(*(inputs if isinstance(inputs, tuple) else (inputs,)), *further)
    return names


def first_layer(case: Case) -> str:
    """The layer, or for methods of inputs the last module that is called."""
    if case.layer is None:
        return called(case)[-1]
    return case.layer if isinstance(case.layer, str) else case.layer[0]


@pytest.mark.parametrize("case", KINDS, ids=case_id)
def test_none_is_left(case: Case) -> None:
    case = case.fresh()
    counted: list[int] = []
    case.model.register_forward_hook(lambda *_: counted.append(len(hooks(case.model))))
    before = hooks(case.model)
    case.attribute()
    # Captum's models consist of plain modules of torch.nn, so only layers to be recorded get one.
    names = [case.layer] if isinstance(case.layer, str) else case.layer or []
    assert set(counted) == {len(before) + len(names)}
    assert hooks(case.model) == before


@pytest.mark.parametrize("method", INPUT_METHODS)
def test_those_on_composed_activations_are_removed(method: str) -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.Softsign(), nn.ReLU(), nn.Linear(8, 2)).double()
    counted: list[dict[str, int]] = []
    model.register_forward_hook(lambda *_: counted.append(hooks(model)))
    before = hooks(model)
    INPUT_METHODS[method](model).attribute(torch.rand(2, 3, dtype=torch.float64), target=0)
    # A softsign is several operations, of which only the module knows that they are one activation.
    put_there = {name for name in counted[0] if name not in before}
    is_gradient = method == "Saliency"
    assert {name.partition(".")[0] for name in put_there} == (set() if is_gradient else {"1"})
    assert hooks(model) == before


@pytest.mark.parametrize("case", KINDS, ids=case_id)
def test_none_is_left_after_a_target_or_neuron_that_does_not_exist(case: Case) -> None:
    case = case.fresh()
    choice = "neuron_selector" if case.method in NEURON_METHODS else "target"
    with pytest.raises(AssertionError):
        case.attribute(**{choice: (9999,) * 20})
    assert hooks(case.model) == {}


@pytest.mark.parametrize("case", KINDS, ids=case_id)
def test_none_is_left_after_an_error_in_a_module(case: Case) -> None:
    case = case.fresh()
    _set_deep_layer_value(case.model, first_layer(case), Broken())
    with pytest.raises(ZeroDivisionError, match="forward"):
        case.attribute()
    assert hooks(case.model) == {}


# Behind a hidden layer nothing fails, and a neuron is chosen in the module itself.
IN_FRONT = [c for c in KINDS if c.method not in LAYER_METHODS and c.layer != called(c)[0]]


@pytest.mark.parametrize("case", IN_FRONT, ids=case_id)
def test_none_is_left_after_an_error_in_the_backward_pass(case: Case) -> None:
    case = case.fresh()
    first = called(case)[0]
    module = case.model.get_submodule(first)
    _set_deep_layer_value(case.model, first, Late(module))
    with pytest.raises(ZeroDivisionError, match="backward"):
        case.attribute()
    assert hooks(case.model) == {}
