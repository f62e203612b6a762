"""Nobody else notices a call: hooks of the user, memory, other layouts.

The model afterwards, other threads and many calls in a row: `properties/`.
"""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from captum_rectgrad import RectGrad

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


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


@pytest.mark.parametrize(
    "activation",
    [
        torch.relu,
        Tensor.relu,
        lambda z: z.relu_(),
        lambda z: z.clamp(min=0),
        lambda z: torch.where(z > 0, z, 0),
        lambda z: z * (z > 0),
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
            self.conv, self.second = nn.Conv1d(1, 9, 3, padding=1), nn.Conv1d(9, 9, 3)
            self.last = nn.Linear(54, 3)
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
