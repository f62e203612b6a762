"""Captum's data-parallel check: wrapped models and other devices have the attributions of one."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.captum_configs import CASES, FORMS, KINDS, Case, case_id, flat, hooks

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)

GPUS = torch.cuda.device_count()


def on_gpu(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(map(on_gpu, argument))
    return argument.cuda() if isinstance(argument, Tensor) else argument


@pytest.mark.parametrize("cases", FORMS.values(), ids=FORMS)
def test_a_wrapped_model_on_the_cpu(cases: list[Case]) -> None:
    for case in (case.fresh() for case in cases):
        bare = case.attribute()
        wrapped = nn.DataParallel(case.model)
        calls: list[nn.Module] = []
        handle = wrapped.register_forward_hook(lambda module, *_, calls=calls: calls.append(module))
        # The layer is the bare model's, as where a user picked it before wrapping.
        inside = flat(case.on(wrapped, case.model).attribute(**case.arguments))
        for one, other in zip(bare, inside, strict=True):
            assert torch.equal(one, other), case.method
        assert calls == []  # it is the model inside that is run: a wrapper may use other threads
        handle.remove()
        assert hooks(wrapped) == {}


@pytest.mark.parametrize("case", [c for c in KINDS if c.layer is not None], ids=case_id)
def test_layers_looked_up_in_the_wrapper_and_device_ids(case: Case) -> None:
    case = case.fresh()
    bare = case.attribute()
    wrapped = nn.DataParallel(case.model)
    names = [case.layer] if isinstance(case.layer, str) else case.layer or []
    found = [wrapped.get_submodule(f"module.{name}") for name in names]
    layers = found[0] if isinstance(case.layer, str) else found
    method = case.factory(wrapped, layers, device_ids=[0, 1])
    for one, other in zip(bare, flat(method.attribute(**case.arguments)), strict=True):
        assert torch.equal(one, other)


# The cases are gone through inside these, since they are skipped where most people work.
@pytest.mark.skipif(GPUS < 1, reason="needs a GPU")
def test_the_gpu_agrees_with_the_cpu() -> None:
    for case in (case.fresh() for case in CASES):
        expected = case.attribute()
        arguments = {key: on_gpu(value) for key, value in case.arguments.items()}
        found = flat(case.on(case.model.cuda()).attribute(**arguments))
        for one, other in zip(expected, found, strict=True):
            assert other.is_cuda
            torch.testing.assert_close(other.cpu(), one)


def all_gpus(model: nn.Module) -> nn.Module:
    return nn.DataParallel(model)


def first_gpu_then_the_others_backwards(model: nn.Module) -> nn.Module:
    return nn.DataParallel(model, device_ids=[0, *range(GPUS - 1, 0, -1)])


@pytest.mark.skipif(GPUS < 2, reason="needs two GPUs")
@pytest.mark.parametrize("wrap", [all_gpus, first_gpu_then_the_others_backwards])
def test_a_model_spread_over_gpus(wrap: Callable[[nn.Module], nn.Module]) -> None:
    for case in (case.fresh() for case in CASES):
        case.model.cuda()
        arguments = {key: on_gpu(value) for key, value in case.arguments.items()}
        bare = flat(case.on(case.model).attribute(**arguments))
        spread = flat(case.on(wrap(case.model), case.model).attribute(**arguments))
        for one, other in zip(bare, spread, strict=True):
            assert torch.equal(one, other)
