"""A model is afterwards as it was, whether the call succeeds or fails, wherever it fails."""

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from captum_rectgrad import RectGrad
from tests.support.failing import ERRORS, PLACES, FailAt, Place, failing
from tests.support.property_nets import (
    NORMS,
    REPRODUCIBLE,
    Activation,
    Block,
    Net,
    NetSpec,
    any_options,
    nets,
)
from tests.support.property_state import snapshot

# Nets this small are sometimes cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

# Every kind of handling in one net: in place, functions, methods, a module used twice, a pool of
# either form, a branch, an activation that only a module hook can see, and an activation whose
# output the next one overwrites, so that a second pass is needed.
EVERYTHING = NetSpec(
    dims=1,
    blocks=(
        Block(Activation("relu", in_place=True), norm=True, skip=True, repeats=2, pool="module"),
        Block(Activation("tanh", "method")),
        Block(Activation("silu", "function", in_place=True), before=True, pool="function"),
    ),
    last=Activation("relu", in_place=True),
    side=Activation("softsign"),
    reuse=True,
)
OPTIONS: dict[str, Any] = {"percentile": 50, "prr": True, "final_threshold": False}


def with_gradients(net: Net) -> Net:
    """As in the middle of somebody's training: some parameters have gradients, some are frozen."""
    for i, parameter in enumerate(net.parameters()):
        parameter.requires_grad_(i % 3 != 0)
        if i % 3 == 1:
            parameter.grad = torch.full_like(parameter, i)
    net.main.train()
    for module in net.modules():
        if isinstance(module, NORMS):
            module.eval()
    net.head.register_forward_hook(lambda *_: None)
    net.stem.register_forward_pre_hook(lambda *_: None)
    net.neck.register_forward_hook(lambda *_: None)
    return net


def map_of(net: Net, spec: NetSpec, chosen: dict[str, Any]) -> Tensor:
    return RectGrad(net, **chosen).attribute(spec.inputs(2), target=spec.targets(2))


@REPRODUCIBLE
@given(nets(), any_options())
def test_after_success(spec: NetSpec, chosen: dict[str, Any]) -> None:
    net = with_gradients(spec.net())
    before = snapshot(net)
    first = map_of(net, spec, chosen)
    assert snapshot(net) == before
    assert torch.equal(map_of(net, spec, chosen), first)


def called_modules(net: Net, spec: NetSpec) -> list[nn.Module]:
    called: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, *_: called.append(module))
        for module in net.modules()
    ]
    net(spec.inputs(2))
    for handle in handles:
        handle.remove()
    return list(dict.fromkeys(called))


def check_failure_at(
    module: nn.Module, place: Place, error: type[BaseException], net: Net, attribute: Any
) -> None:
    with failing(module, place, error):
        before = snapshot(net)
        with pytest.raises(error):
            attribute()
        assert snapshot(net) == before


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("place", PLACES)
def test_after_an_exception_at_every_module_in_turn(
    place: Place, error: type[BaseException]
) -> None:
    net = with_gradients(EVERYTHING.net())
    attribute = partial(map_of, net, EVERYTHING, OPTIONS)
    expected = attribute()
    for module in called_modules(net, EVERYTHING):
        check_failure_at(module, place, error, net, attribute)
    assert torch.equal(attribute(), expected)


@REPRODUCIBLE
@given(nets(), any_options(), st.sampled_from(PLACES), st.sampled_from(ERRORS), st.data())
def test_after_an_exception_at_any_module_of_any_net(
    spec: NetSpec,
    chosen: dict[str, Any],
    place: Place,
    error: type[BaseException],
    data: st.DataObject,
) -> None:
    net = with_gradients(spec.net())
    attribute = partial(map_of, net, spec, chosen)
    expected = attribute()
    module = data.draw(st.sampled_from(called_modules(net, spec)))
    check_failure_at(module, place, error, net, attribute)
    assert torch.equal(attribute(), expected)


@pytest.mark.parametrize("error", ERRORS)
def test_after_an_exception_at_every_operation_in_turn(error: type[BaseException]) -> None:
    net = with_gradients(EVERYTHING.net())
    attribute = partial(map_of, net, EVERYTHING, OPTIONS)
    with FailAt(None) as counting:
        expected = attribute()
    assert counting.calls > 80
    before = snapshot(net)
    for index in range(counting.calls):
        with pytest.raises(error), FailAt(index, error):
            attribute()
        assert snapshot(net) == before
    assert torch.equal(attribute(), expected)


def test_an_interrupt_while_hooks_are_removed_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 30), nn.Softsign(), nn.Linear(30, 30), nn.Softsign())
    before = snapshot(net)
    remove, left = RemovableHandle.remove, [1]

    def interrupted(handle: RemovableHandle) -> None:
        remove(handle)
        if left:
            left.pop()
            raise KeyboardInterrupt

    monkeypatch.setattr(RemovableHandle, "remove", interrupted)
    with pytest.raises(KeyboardInterrupt):
        RectGrad(net, percentile=50).attribute(torch.rand(2, 4), 0)
    assert snapshot(net) == before
