"""Nobody else notices a call: the model afterwards, other threads, memory, other layouts."""

import copy
import gc
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from captum.attr import Saliency
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from captum_rectgrad import RectGrad

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:the map of sample")


def snapshot(model: nn.Module) -> list[Any]:
    """Everything of a model that an attribution might leave changed."""
    return [
        (
            name,
            module.training,
            [
                len(hooks)
                for attribute, hooks in sorted(vars(module).items())
                if attribute.endswith(("hooks", "hooks_with_kwargs", "hooks_always_called"))
            ],
            sorted(vars(module)),
            [(p.requires_grad, p.grad, p.sum().item()) for p in module.parameters(recurse=False)],
        )
        for name, module in model.named_modules()
    ]


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(72, 40),
        nn.SiLU(),
        nn.Linear(40, 3),
    )


def test_the_model_is_afterwards_as_it_was() -> None:
    model = small_net()
    before = snapshot(model)
    RectGrad(model, prr=True, percentile=50).attribute(torch.rand(2, 1, 6, 6), target=0)
    assert snapshot(model) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("where", range(7))
def test_and_after_an_exception_at_any_module(where: int, error: type[BaseException]) -> None:
    model = small_net()

    def fail(*_: object) -> None:
        raise error

    handle = model[where].register_forward_hook(fail)
    before = snapshot(model)
    method = RectGrad(model, prr=True, percentile=50)
    with pytest.raises(error):
        method.attribute(torch.rand(2, 1, 6, 6), target=0)
    assert snapshot(model) == before
    handle.remove()
    x = torch.rand(2, 1, 6, 6)
    expected = RectGrad(copy.deepcopy(model), prr=True, percentile=50).attribute(x, target=0)
    assert torch.equal(method.attribute(x, target=0), expected)


def test_hooks_of_the_user_see_what_the_model_uses() -> None:
    model = small_net()
    seen: list[Tensor] = []
    model[1].register_forward_hook(lambda _m, _a, output: seen.append(output))
    RectGrad(model, percentile=50).attribute(torch.rand(1, 1, 6, 6), target=0)
    assert type(seen[0].grad_fn).__name__ == "RectifyInPlaceBackward"


def test_no_tensor_outlives_the_call() -> None:
    model = small_net()
    alive: list[weakref.ref[Tensor]] = []
    for module in model:
        module.register_forward_hook(lambda _m, _a, output: alive.append(weakref.ref(output)))
    gc.disable()
    try:
        RectGrad(model, percentile=50, prr=True).attribute(torch.rand(2, 1, 6, 6), target=0)
        assert len(alive) == 7
        assert [reference() for reference in alive] == [None] * 7
    finally:
        gc.enable()


class Checkpointed(nn.Module):
    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net[3:](checkpoint(self.net[:3], x, use_reentrant=False))


def test_checkpointed_blocks_and_other_layouts_of_memory_change_nothing() -> None:
    torch.manual_seed(0)
    net, x = small_net(), torch.rand(2, 1, 6, 6)
    expected = RectGrad(net, 50).attribute(x, target=0)
    assert expected.count_nonzero() > 0
    assert torch.equal(RectGrad(Checkpointed(net), 50).attribute(x, target=0), expected)
    last = torch.channels_last
    net = net.to(memory_format=last)
    result = RectGrad(net, 50).attribute(x.to(memory_format=last), target=0)
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net, x = small_net(), torch.rand(8, 1, 6, 6)
    expected = RectGrad(net, tau=0).attribute(x, target=0)
    with torch.autocast("cpu", dtype):
        result = RectGrad(net, tau=0).attribute(x, target=0)
    assert result.dtype == torch.float32
    assert torch.cosine_similarity(result.flatten(), expected.flatten(), dim=0) > 0.99


def test_threads_on_one_model_do_not_notice_each_other() -> None:
    torch.manual_seed(0)
    model = small_net()
    inputs = torch.rand(8, 2, 1, 6, 6)
    methods = [RectGrad(model, percentile=10.0 * i) for i in range(7)]
    expected = [m.attribute(inputs[i], target=i % 3) for i, m in enumerate(methods)]
    assert all(attribution.count_nonzero() > 0 for attribution in expected)
    plain = Saliency(model).attribute(inputs[7].clone().requires_grad_(), target=1)
    start = threading.Barrier(8)

    def wrong(i: int) -> int:
        start.wait()
        if i < 7:
            pairs = (
                (methods[i].attribute(inputs[i], target=i % 3), expected[i]) for _ in range(40)
            )
        else:
            leaves = (inputs[7].clone().requires_grad_() for _ in range(40))
            pairs = ((Saliency(model).attribute(x, target=1), plain) for x in leaves)
        return sum(not torch.equal(result, right) for result, right in pairs)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet in every place they can
    try:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(wrong, range(8))) == [0] * 8
    finally:
        sys.setswitchinterval(interval)
