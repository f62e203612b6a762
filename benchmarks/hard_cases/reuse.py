"""Cases: one module called several times, in branches, in blocks, in another order."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from benchmarks.hard_cases.nets import CHANNELS, CLASSES, SIZE, WIDTH, Net, chain, plain, relus
from benchmarks.hard_cases.outcome import Case, twins

STATE = 64  # units of the recurrent cell
MAIN, BRANCH, LAST = 0, 1, 2  # the calls of activations in the nets with two branches


def _one(n: int, *, inplace: bool = False) -> list[Callable[[Tensor], Tensor]]:
    return [nn.ReLU(inplace=inplace)] * n


def _branches(net: Any, x: Tensor) -> Tensor:
    h = net.conv0(x)
    h = net.act(MAIN, net.conv1(h)) - net.act(BRANCH, net.conv2(h))
    return net.head(net.act(LAST, h).flatten(1))


def _auxiliary(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    main = net.act(1, net.conv1(h))
    net.act(2, net.conv2(h))  # an auxiliary output, called last, that no logit depends on
    return net.head(main.flatten(1))


def _without_auxiliary(net: Any, x: Tensor) -> Tensor:
    h = net.act(0, net.conv0(x))
    return net.head(net.act(1, net.conv1(h)).flatten(1))


def _input_shared(net: Any, x: Tensor) -> Tensor:
    h = net.conv0(x)
    h = h - net.conv1(net.act(0, h))
    h = h - net.conv2(net.act(1, h))
    return net.head(net.act(2, h).flatten(1))


def _input_apart(net: Any, x: Tensor) -> Tensor:
    h = net.conv0(x)
    h = h - net.conv1(net.act(0, h.clone()))
    h = h - net.conv2(net.act(1, h.clone()))
    return net.head(net.act(2, h).flatten(1))


def _read_after(net: Any, x: Tensor) -> Tensor:
    h = net.conv0(x)
    h = net.conv1(net.act(0, h)) - h  # in place: the activation, not what it was applied to
    return net.head(net.act(1, h).flatten(1))


def _read_after_plainly(net: Any, x: Tensor) -> Tensor:
    a = net.act(0, net.conv0(x))
    return net.head(net.act(1, net.conv1(a) - a).flatten(1))


def _backwards(net: Any, x: Tensor) -> Tensor:
    h = net.act(2, net.conv0(x))
    h = net.act(1, net.conv1(h))
    return net.head(net.act(0, net.conv2(h)).flatten(1))


class _Block(nn.Module):
    def __init__(self, relu: nn.Module) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), relu

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.relu(self.conv(x))
        return h


class _Blocks(nn.Module):
    """A stem and two blocks, which may be one and the same, or share their activation."""

    def __init__(self, *, shared_block: bool = False, shared_relu: bool = False) -> None:
        super().__init__()
        one = nn.ReLU()
        self.stem = nn.Conv2d(CHANNELS, WIDTH, 3, padding=1)
        first = _Block(one)
        second = _Block(one if shared_relu else nn.ReLU())
        self.blocks = nn.ModuleList([first, first if shared_block else second])
        self.head = nn.Linear(WIDTH * SIZE * SIZE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        for block in self.blocks:
            h = block(h)
        logits: Tensor = self.head(h.flatten(1))
        return logits


def _tied_blocks() -> _Blocks:
    """Two blocks, each with a ReLU of its own, on one convolution."""
    net = _Blocks()
    first, second = net.blocks
    second.conv = first.conv
    return net


class _Recurrent(nn.Module):
    """Rows of the image as time steps: one cell called at each, or an activation for each."""

    def __init__(self, n_relus: int) -> None:
        super().__init__()
        self.inputs, self.state = nn.Linear(CHANNELS * SIZE, STATE), nn.Linear(STATE, STATE)
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(n_relus))
        self.head = nn.Linear(STATE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), STATE)
        for t in range(SIZE):
            relu = self.relus[t % len(self.relus)]
            h = relu(self.inputs(x[:, :, t].flatten(1)) + self.state(h))
        logits: Tensor = self.head(h)
        return logits


REUSE: tuple[Case, ...] = (
    twins("one `nn.ReLU` called three times in series", lambda: Net(chain, _one(3)), plain),
    twins(
        "one `nn.ReLU(inplace=True)` in series", lambda: Net(chain, _one(3, inplace=True)), plain
    ),
    twins(
        "one `nn.ReLU` in parallel branches",
        lambda: Net(_branches, _one(3)),
        lambda: Net(_branches, relus(3)),
    ),
    twins(
        "one `nn.ReLU(inplace=True)` in parallel branches",
        lambda: Net(_branches, _one(3, inplace=True)),
        lambda: Net(_branches, relus(3)),
    ),
    twins(
        "called last in a branch that no logit depends on",
        lambda: Net(_auxiliary, _one(3)),
        lambda: Net(_without_auxiliary, relus(3)),
    ),
    twins(
        "its input feeds a skip connection too",
        lambda: Net(_input_shared, relus(3)),
        lambda: Net(_input_apart, relus(3)),
    ),
    twins(
        "the input of an in-place ReLU read afterwards",
        lambda: Net(_read_after, [nn.ReLU(inplace=True) for _ in range(2)]),
        lambda: Net(_read_after_plainly, relus(2)),
    ),
    twins(
        "called in another order than registered (RectGrad with the rule Mod)",
        lambda: Net(_backwards, relus(3)),
        plain,
        options={"rule": "Mod"},
    ),
    twins("one `nn.ReLU` registered in two blocks", lambda: _Blocks(shared_relu=True), _Blocks),
    twins("one block called twice", lambda: _Blocks(shared_block=True), _tied_blocks),
    twins("a recurrent cell", lambda: _Recurrent(1), lambda: _Recurrent(SIZE)),
)
