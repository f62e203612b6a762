"""The second way: the model runs once more, with the same random numbers, and is recorded."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad

PERCENTILE = 60


class Net(nn.Module):
    """Two layers around an operation, which `middle` computes one way or the other."""

    def __init__(self, middle: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.relu, self.gelu = nn.ReLU(), nn.GELU()
        self.tanhshrink, self.threshold = nn.Tanhshrink(), nn.Threshold(0.1, 0.0)
        self.softshrink, self.pool = nn.Softshrink(0.1), nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.LazyLinear(3)
        self.middle, self.runs = middle, 0
        self.double()
        with torch.no_grad():
            self(torch.zeros(1, 2, 6, 6, dtype=torch.float64))
        generator = torch.Generator().manual_seed(4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.normal_(0, 0.3, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        logits: Tensor = self.head(self.middle(self, x).flatten(1))
        return logits


def images(samples: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(samples, 2, 6, 6, dtype=torch.float64, generator=generator)


def attribute(model: nn.Module, **options: Any) -> Tensor:
    method = RectGrad(model, PERCENTILE, final_threshold=False, **options)
    return method.attribute(images(), target=1)


def overwritten(net: Any, x: Tensor) -> Tensor:
    h = net.first(x).relu()
    h += net.second(h.detach())
    return h


def not_overwritten(net: Any, x: Tensor) -> Tensor:
    h = net.relu(net.first(x))
    return h + net.second(h.detach())


def gelu_overwritten(net: Any, x: Tensor) -> Tensor:
    z = net.first(x)
    h = F.gelu(z)
    z.mul_(2)  # what the node of the GELU has saved
    return net.second(h.mul_(2))


def gelu_kept(net: Any, x: Tensor) -> Tensor:
    return net.second(2 * net.gelu(net.first(x)))


def on_a_view(net: Any, x: Tensor) -> Tensor:
    h = net.first(x)
    h[:, :2].relu_()
    F.elu_(h[:, 2:])
    return net.second(h)


def in_two_parts(net: Any, x: Tensor) -> Tensor:
    h = net.first(x)
    return net.second(torch.cat([net.relu(h[:, :2]), nn.functional.elu(h[:, 2:])], dim=1))


def checkpointed(net: Any, x: Tensor) -> Tensor:
    def block(h: Tensor) -> Tensor:
        return F.max_pool2d(F.relu(net.second(net.gelu(net.first(h)))), 2)

    return checkpoint(block, x, use_reentrant=False)


def not_checkpointed(net: Any, x: Tensor) -> Tensor:
    return net.pool(net.relu(net.second(net.gelu(net.first(x)))))


PAIRS: dict[str, tuple[Callable[[Any, Tensor], Tensor], Callable[[Any, Tensor], Tensor]]] = {
    "relu, overwritten": (overwritten, not_overwritten),
    "gelu and its input, overwritten": (gelu_overwritten, gelu_kept),
    "in place on views": (on_a_view, in_two_parts),
    "checkpoint": (checkpointed, not_checkpointed),
    "F.threshold": (
        lambda net, x: net.second(F.threshold(net.first(x), 0.1, 0.0)),
        lambda net, x: net.second(net.threshold(net.first(x))),
    ),
    "F.threshold_": (
        lambda net, x: net.second(torch.threshold_(net.first(x), 0.1, 0.0)),
        lambda net, x: net.second(net.threshold(net.first(x))),
    ),
    "F.tanhshrink": (
        lambda net, x: net.second(F.tanhshrink(net.first(x))),
        lambda net, x: net.second(net.tanhshrink(net.first(x))),
    ),
    "torch.threshold, positional": (
        lambda net, x: net.second(torch.threshold(net.first(x), 0.1, 0.0)),
        lambda net, x: net.second(net.threshold(net.first(x))),
    ),
}


@pytest.mark.parametrize("options", [{}, {"prr": True}, {"rule": "Mod"}, {"tau": 0.01}], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_the_map_is_that_of_the_plain_twin(name: str, options: dict[str, Any]) -> None:
    hard, plain = map(Net, PAIRS[name])
    torch.testing.assert_close(hard(images()), plain(images()))
    threshold: dict[str, Any] = {} if "tau" in options else {"percentile": PERCENTILE}
    maps = [
        RectGrad(model, **threshold, **options, final_threshold=False).attribute(images(), target=1)
        for model in (hard, plain)
    ]
    assert maps[1].count_nonzero()
    torch.testing.assert_close(maps[0], maps[1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", PAIRS)
def test_layers_and_neurons_are_those_of_the_plain_twin(name: str) -> None:
    found: list[list[Tensor]] = []
    for model in map(Net, PAIRS[name]):
        layer = LayerRectGrad(model, model.first, percentile=PERCENTILE, final_threshold=False)
        neuron = NeuronRectGrad(model, model.head, percentile=PERCENTILE, final_threshold=False)
        found.append([layer.attribute(images(), 1), neuron.attribute(images(), 2)])
    for hard, plain in zip(*found, strict=True):
        assert plain.count_nonzero()
        torch.testing.assert_close(hard, plain, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", PAIRS)
def test_statistics_are_those_of_the_plain_twin(name: str) -> None:
    hard, plain = (
        RectGrad(model, PERCENTILE).attribute(images(), 1, return_layer_statistics=True)[1]
        for model in map(Net, PAIRS[name])
    )
    assert [layer.units for layer in hard] == [layer.units for layer in plain]
    for one, other in zip(hard, plain, strict=True):
        assert one.threshold is not None
        assert other.threshold is not None
        torch.testing.assert_close(one.threshold, other.threshold)
        torch.testing.assert_close(one.share, other.share)


def random_numbers(middle: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    def noisy(net: Any, x: Tensor) -> Tensor:
        x = net.dropout(x) + 0.1 * torch.rand_like(x)
        h = middle(net, x)
        return net.dropout(h) * (1 + torch.randn((), dtype=h.dtype))

    return noisy


@pytest.mark.parametrize("name", PAIRS)
def test_a_stochastic_model_gets_the_same_random_numbers(name: str) -> None:
    found = []
    for middle in PAIRS[name]:
        model = Net(random_numbers(middle)).train()
        torch.manual_seed(7)
        model(images())
        after_one_run = torch.get_rng_state()
        torch.manual_seed(7)
        found.append(attribute(model))
        # The generator is where one forward pass leaves it.
        assert torch.equal(torch.get_rng_state(), after_one_run)
    assert found[1].count_nonzero()
    torch.testing.assert_close(found[0], found[1], rtol=1e-10, atol=1e-14)


def test_a_plain_model_runs_once_and_a_hard_one_twice() -> None:
    for middle, runs in ((not_overwritten, 1), (overwritten, 2), (on_a_view, 2)):
        model = Net(middle)
        model.runs = 0
        attribute(model)
        assert model.runs == runs


class Counting(TorchFunctionMode):
    """A mode of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        self.calls += 1
        return func(*args, **(kwargs or {}))


def test_a_function_mode_of_the_users_goes_on() -> None:
    model = Net(overwritten)
    expected = attribute(model)
    with Counting() as counting:
        assert torch.equal(attribute(model), expected)
        before = counting.calls
        torch.zeros(2).relu()
        assert counting.calls > before


def test_memory_of_a_recorded_pass_is_freed() -> None:
    model = Net(overwritten)
    maps = attribute(model)
    assert sys.getrefcount(maps) == 2
    assert maps.grad_fn is None


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_quotient_in_a_checkpoint_counts_as_its_parts() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(5, 40), nn.Linear(40, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = checkpoint(lambda z: z / (1 + z.abs()), self.first(x), use_reentrant=False)
            y: Tensor = self.last(torch.relu(h))
            return y

    x = torch.randn(4, 5, dtype=torch.float64)
    method = RectGrad(Net().double(), percentile=60)
    _, layers = method.attribute(x, target=0, return_layer_statistics=True)
    assert [layer.activation for layer in layers] == ["ReLU"]
