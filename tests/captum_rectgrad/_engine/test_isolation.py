"""A call leaves no trace: the user's hooks, memory, other layouts, checkpoints, threads.

The model afterwards and many calls in a row: `properties/`.
"""

import gc
import threading
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from captum_rectgrad import RectGrad
from tests.support.nets import small_net

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


def test_hooks_of_the_user_see_the_ordinary_graph() -> None:
    model = small_net()
    seen: list[str] = []
    for module in model:
        module.register_forward_hook(lambda _m, _a, y: seen.append(y.grad_fn.name()))
    x = torch.rand(1, 1, 6, 6)
    model(x.clone().requires_grad_())
    ordinary = seen.copy()
    seen.clear()
    RectGrad(model, percentile=50).attribute(x, target=0)
    assert seen == ordinary


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


class Keeping(nn.Module):
    """A model that keeps its output, and so the graph and all that is attached to it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 32, 3, padding=1)
        self.kept: list[Tensor] = []
        self.gradients: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        h.register_hook(self.gradients.append)
        h = h.relu()
        h.register_hook(self.gradients.append)
        self.kept.append(h.mean(dim=(2, 3)))
        return self.kept[-1]


def test_maps_and_gradients_of_a_call_are_not_overwritten_by_the_next() -> None:
    net, x = Keeping(), torch.rand(4, 3, 64, 64)
    method = RectGrad(net, percentile=50)
    first = method.attribute(x, target=0)
    held = [gradient.clone() for gradient in net.gradients]
    assert len(held) == 2
    assert any(gradient.count_nonzero() for gradient in held)
    expected = first.clone()
    method.attribute(x.flip(0) * 2, target=1)
    assert torch.equal(first, expected)
    for gradient, before in zip(net.gradients, held, strict=False):
        assert torch.equal(gradient, before)


def test_graph_that_outlives_the_call_is_ordinary_again() -> None:
    net, x = Keeping(), torch.rand(4, 3, 8, 8)
    assert not RectGrad(net, tau=float("inf")).attribute(x, 0, create_graph=True).any()
    net(x)
    # The first and the last forward pass; between them, the reason of the all-zero map is sought.
    left, fresh = (
        torch.autograd.grad(output.sum(), net.conv.weight)[0]
        for output in (net.kept[0], net.kept[-1])
    )
    assert fresh.any()
    torch.testing.assert_close(left, fresh)


def test_activations_in_threads_of_the_model_are_rectified() -> None:
    class Threaded(nn.Module):
        def __init__(self, starts_thread: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(6, 50), nn.Linear(50, 2)
            self.starts_thread = starts_thread

        def forward(self, x: Tensor) -> Tensor:
            h, made = self.first(x), []
            if self.starts_thread:
                thread = threading.Thread(target=lambda: made.append(h.relu()))
                thread.start()
                thread.join()
            else:
                made.append(h.relu())
            y: Tensor = self.last(made[0])
            return y

    x = torch.rand(3, 6)
    expected = RectGrad(Threaded(False), percentile=60).attribute(x, 0)
    found = RectGrad(Threaded(True), percentile=60).attribute(x, 0)
    torch.testing.assert_close(found, expected)
    assert expected.any()


class Checkpointed(nn.Module):
    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net[3:](checkpoint(self.net[:3], x, use_reentrant=False))


@pytest.mark.parametrize(
    "activation",
    [
        torch.relu,
        lambda z: z.relu_(),
        lambda z: z.clamp(min=0),
        lambda z: nn.functional.threshold(z, 0.1, 0.0),
        torch.tanh,
        nn.functional.silu,
    ],
)
@pytest.mark.parametrize("prr", [False, True])
def test_functions_in_checkpointed_blocks(
    activation: Callable[[Tensor], Tensor], prr: bool
) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.second = nn.Conv1d(1, 8, 3, padding=1), nn.Conv1d(8, 8, 3)
            self.last = nn.Linear(48, 3)
            self.checkpointed = True

        def block(self, x: Tensor) -> Tensor:
            hidden = nn.functional.max_pool1d(activation(self.conv(x)), 2)
            return activation(self.second(hidden))

        def forward(self, x: Tensor) -> Tensor:
            hidden = (
                checkpoint(self.block, x, use_reentrant=False)
                if self.checkpointed
                else self.block(x)
            )
            y: Tensor = self.last(torch.tanh(hidden).flatten(1))
            return y

    net, x = Net().double(), torch.rand(2, 1, 16, dtype=torch.float64)
    method = RectGrad(net, percentile=50, prr=prr)
    found = method.attribute(x, target=0)
    net.checkpointed = False
    torch.testing.assert_close(found, method.attribute(x, target=0))
    assert found.any()


def test_checkpointed_blocks_and_other_layouts_of_memory_change_nothing() -> None:
    torch.manual_seed(0)
    net, x = small_net().double(), torch.rand(2, 1, 6, 6, dtype=torch.float64)
    expected = RectGrad(net, 50).attribute(x, target=0)
    assert expected.count_nonzero() > 0
    result = RectGrad(Checkpointed(net), 50).attribute(x, target=0)
    torch.testing.assert_close(result, expected)
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
