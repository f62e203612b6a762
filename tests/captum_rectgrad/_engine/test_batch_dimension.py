"""Nets that put another dimension before the samples, even one of the same length."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from captum_rectgrad import LayerRectGrad, RectGrad, RectGradError
from captum_rectgrad._engine.batch_dimension import restored, sample_positions, samples_first
from captum_rectgrad._engine.graph import nodes_between

N, C = 4, 6
W = torch.rand(
    N, C, C, generator=torch.Generator().manual_seed(0)
)  # an ensemble of as many members as there are samples


def labelled(position: int, shape: Sequence[int], samples: int) -> Tensor:
    """Which sample each element belongs to, if the samples are at a position."""
    index = torch.arange(torch.Size(shape).numel())
    return ((index * position * samples // len(index)) % samples).reshape(*shape)


def position_of(function: Callable[[Tensor], Tensor], x: Tensor) -> int | None:
    leaf = x.detach().clone().requires_grad_()
    y = function(leaf)
    node = get_gradient_edge(leaf).node
    assert y.grad_fn is not None
    positions = sample_positions(nodes_between([y.grad_fn], {node}), {node: 1}, len(x))
    position = positions[y.grad_fn]
    if position is not None:
        # Each element depends on the one sample that it is said to belong to.
        owner = labelled(position, y.shape, len(x)).flatten()
        weights = torch.rand(len(owner), generator=torch.manual_seed(0))
        for i in range(len(x)):
            (gradient,) = torch.autograd.grad(
                y.flatten(), leaf, (owner == i) * weights, retain_graph=True
            )
            others = [j for j in range(len(x)) if j != i]
            assert not gradient[others].any()
            assert gradient[i].any()
    return position


def windows(x: Tensor) -> Tensor:
    """`(N, H, W, C)` to `(N * windows, 2 * 2, C)`, as in Swin."""
    n, height, width, channels = x.shape
    x = x.view(n, height // 2, 2, width // 2, 2, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, channels)


def windows_first(x: Tensor) -> Tensor:
    """`(N, H, W, C)` to `(windows * N, 2 * 2, C)`: the samples change faster."""
    n, height, width, channels = x.shape
    x = x.view(n, height // 2, 2, width // 2, 2, channels)
    return x.permute(1, 3, 0, 2, 4, 5).reshape(-1, 4, channels)


def heads(x: Tensor) -> Tensor:
    """`(N, T, C)` to `(N * heads, T, C / heads)`."""
    return x.unflatten(2, (2, -1)).transpose(1, 2).flatten(0, 1)


SEQUENCE, IMAGE = torch.rand(N, 4, C), torch.rand(N, 4, 4, C)


@pytest.mark.parametrize(
    ("function", "x", "position"),
    [
        (lambda x: x * 2, SEQUENCE, 1),
        (lambda x: torch.matmul(x[None], W), torch.rand(N, C), N),
        (lambda x: torch.einsum("nc,ecd->end", x, W), torch.rand(N, C), N),
        (lambda x: torch.einsum("nc,ecd->ned", x, W), torch.rand(N, C), 1),
        (lambda x: torch.cat([x.unsqueeze(0)] * 3), torch.rand(N, C), 3),
        (lambda x: torch.stack([x * 1, x * 2, x * 3]), torch.rand(N, C), 3),
        (lambda x: torch.stack([x * 1, x * 2, x * 3], dim=1), torch.rand(N, C), 1),
        (lambda x: torch.tensordot(W[0], x, dims=([0], [1])), torch.rand(N, C), C),
        (lambda x: torch.tensordot(x, W[0], dims=([1], [0])), torch.rand(N, C), 1),
        (lambda x: x.transpose(0, 1), SEQUENCE, 4),
        (lambda x: x.permute(2, 1, 0), SEQUENCE, C * 4),
        (lambda x: x.mT, SEQUENCE, 1),
        (lambda x: x.t(), torch.rand(N, C), C),
        (lambda x: x.transpose(0, 1).mean(dim=0), SEQUENCE, 1),
        (lambda x: x.transpose(0, 1).sum(dim=-1, keepdim=True), SEQUENCE, 4),
        (lambda x: x.transpose(0, 1)[1], SEQUENCE, 1),
        (lambda x: x.transpose(0, 1)[1:3], SEQUENCE, 2),
        (lambda x: x.transpose(0, 1).softmax(dim=0), SEQUENCE, 4),
        (windows, IMAGE, 1),
        (windows_first, IMAGE, 4),
        (heads, SEQUENCE, 1),
        (lambda x: heads(x) @ heads(x).mT, SEQUENCE, 1),
        (lambda x: x.transpose(0, 1).flatten(0, 1), SEQUENCE, 4),
        (lambda x: x.transpose(0, 1).flatten(0, 1).unflatten(0, (4, N)).sum(0), SEQUENCE, 1),
        (lambda x: x.chunk(2, dim=1)[1], SEQUENCE, 1),
        (lambda x: torch.cat(x.split(2, dim=-1)), SEQUENCE, None),
        (lambda x: x + x.transpose(0, 1), SEQUENCE, None),
    ],
)
def test_position_of_the_samples(
    function: Callable[[Tensor], Tensor], x: Tensor, position: int | None
) -> None:
    assert position_of(function, x) == position


def test_split_behind_a_transposition_is_unknown_or_right() -> None:
    """The parts differ in length, and each has a position of its own."""

    def part(x: Tensor, i: int) -> Tensor:
        return x.transpose(0, 1).split([1, 3])[i]

    for i, length in enumerate((1, 3)):
        assert position_of(partial(part, i=i), SEQUENCE) in {None, length}


def test_samples_first_and_back() -> None:
    tensor = torch.rand(3, N, 5)
    rows = samples_first(tensor, 3, N)
    assert torch.equal(rows[2].flatten(), tensor[:, 2].flatten())
    assert torch.equal(restored(rows, 3, tensor.shape), tensor)
    assert samples_first(tensor.movedim(0, 1), 1, N).shape == (N, 3, 5)


class Around(nn.Module):
    """A function, an activation behind it and a head, and a count of the forward passes."""

    def __init__(
        self, function: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.function, self.back = nn.Linear(C, C), function, back
        self.passes = 0
        self.register_forward_hook(lambda *_: self.__dict__.update(passes=self.passes + 1))
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.function(self.first(x)))
        return self.back(h)


def check_samples_one_by_one(net: Around, x: Tensor, passes: int) -> None:
    """A batch has the maps of its samples, from so many forward passes."""
    method = RectGrad(net, percentile=60, multiply_by_inputs=False)
    alone = torch.cat([method.attribute(x[i : i + 1]) for i in range(len(x))])
    net.passes = 0
    torch.testing.assert_close(method.attribute(x), alone, rtol=1e-12, atol=1e-15)
    assert net.passes == passes
    assert alone.flatten(1).any(dim=1).all()


M = W.double()
FUNCTIONS: list[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], tuple[int, ...]]] = [
    (lambda x: torch.matmul(x[None], M), lambda h: h.sum(dim=(0, 2)), (C,)),
    (lambda x: torch.cat([x[None], x[None] * 2, -x[None]]), lambda h: h.sum(dim=(0, 2)), (C,)),
    (lambda x: torch.tensordot(M[0], x, dims=([0], [1])), lambda h: h.sum(dim=0), (C,)),
    (windows, lambda h: h.view(-1, 4 * 4 * C).sum(dim=1), (4, 4, C)),
    (windows_first, lambda h: h.view(4, -1, 4 * C).sum(dim=(0, 2)), (4, 4, C)),
    (heads, lambda h: h.unflatten(0, (-1, 2)).sum(dim=(1, 2, 3)), (4, C)),
    (lambda x: x.transpose(0, 1), lambda h: h.sum(dim=(0, 2)), (4, C)),
    (lambda x: x.transpose(0, 1)[:3] * 1, lambda h: h.sum(dim=(0, 2)), (4, C)),
    (lambda x: x.chunk(2, dim=-1)[0], lambda h: h.sum(dim=(1, 2)), (4, C)),
]


@pytest.mark.parametrize(("function", "back", "shape"), FUNCTIONS)
def test_nets_whose_samples_are_followed_run_once(
    function: Callable[[Tensor], Tensor],
    back: Callable[[Tensor], Tensor],
    shape: tuple[int, ...],
) -> None:
    x = torch.randn(N, *shape, dtype=torch.float64, generator=torch.manual_seed(1))
    check_samples_one_by_one(Around(function, back), x, passes=1)


class TimeFirst(nn.Module):
    """`(N, T, C)` in, activations of `(T, N, units)`."""

    def __init__(self, move: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.relu, self.last = nn.Linear(4, 40), nn.ReLU(), nn.Linear(40, 2)
        self.move = move

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.relu(self.first(self.move(x)))).sum(dim=0)
        return y


MOVES: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.transpose(0, 1),
    lambda x: x.permute(1, 0, 2),
    lambda x: torch.movedim(x, 1, 0),
    lambda x: x.swapaxes(0, 1),
    lambda x: x.transpose(0, 1).contiguous(),
    lambda x: torch.einsum("ntc->tnc", x),
    lambda x: torch.stack([x[:, t] for t in range(x.shape[1])]),
    lambda x: torch.stack(x.unbind(1)),
    lambda x: x.flatten(1).T.reshape(x.shape[1], -1, x.shape[0]).transpose(1, 2),
]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("samples", [3, 5])
def test_batch_is_its_samples_one_by_one(move: Callable[[Tensor], Tensor], samples: int) -> None:
    """With 5 samples of 5 steps nothing in the shapes tells samples from steps."""
    net, x = TimeFirst(move).double(), torch.randn(samples, 5, 4, dtype=torch.float64)
    method = RectGrad(net, percentile=80)
    alone = torch.cat([method.attribute(x[i : i + 1], 1) for i in range(samples)])
    torch.testing.assert_close(method.attribute(x, 1), alone, rtol=1e-12, atol=1e-15)
    assert alone.flatten(1).any(dim=1).all()


@pytest.mark.parametrize(
    "layer",
    [
        nn.MultiheadAttention(8, 2, batch_first=True),
        nn.MultiheadAttention(8, 2),
        nn.TransformerEncoderLayer(8, 2, 40, batch_first=True),
        nn.TransformerEncoderLayer(8, 2, 40),
    ],
)
def test_transformers_of_either_layout_run_once(layer: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer, self.mlp = layer, nn.Sequential(nn.Linear(8, 40), nn.GELU())

        def forward(self, x: Tensor) -> Tensor:
            attention = isinstance(layer, nn.MultiheadAttention)
            first = (layer if attention else layer.self_attn).batch_first
            h = x if first else x.transpose(0, 1)
            h = layer(h, h, h)[0] if attention else layer(h)
            y: Tensor = self.mlp(h).sum(dim=2).mean(dim=1 if first else 0)
            return y

    net, x = Net().double().eval(), torch.randn(5, 5, 8, dtype=torch.float64)
    sizes: list[int] = []
    net.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    method = RectGrad(net, percentile=80)
    found = method.attribute(x)
    assert sizes == [5]
    alone = torch.cat([method.attribute(one[None]) for one in x])
    torch.testing.assert_close(found, alone, rtol=1e-9, atol=1e-12)
    assert alone.any()


def test_samples_that_are_lost_are_attributed_one_at_a_time() -> None:
    """A permutation by indices: the graph does not tell that it is undone later."""
    order = torch.tensor([2, 0, 3, 1])

    def shuffled(x: Tensor) -> Tensor:
        return x[order[: len(x)]] if len(x) == N else x

    def back(h: Tensor) -> Tensor:
        return (h[order.argsort()] if len(h) == N else h).sum(dim=1)

    x = torch.randn(N, C, dtype=torch.float64, generator=torch.manual_seed(1))
    check_samples_one_by_one(Around(shuffled, back), x, passes=1 + N)


class WithArgument(nn.Module):
    """Indexes the samples, so that their dimension is unknown."""

    def __init__(self, use: Callable[[Tensor, Any], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.use = nn.Linear(4, 40), nn.Linear(40, 2), use
        self.double()

    def forward(self, x: Tensor, argument: Any) -> Tensor:
        hidden = self.use(self.first(x), argument)[range(len(x))].relu()
        y: Tensor = self.last(hidden)
        return y


@pytest.mark.parametrize("argument", [torch.rand(5, 1).double(), {"scale": 2.0}, [1.0]])
def test_arguments_that_may_belong_to_samples_are_refused_if_samples_are_lost(
    argument: Any,
) -> None:
    def use(h: Tensor, argument: Any) -> Tensor:
        return h * (argument if isinstance(argument, Tensor) else 2.0)

    x, net = torch.randn(5, 4).double(), WithArgument(use)
    with pytest.raises(RectGradError, match="unknown which of additional_forward_args"):
        RectGrad(net, percentile=80).attribute(x, 1, argument)


@pytest.mark.parametrize("argument", [2.0, "scale", torch.full((1, 40), 2.0).double()])
def test_arguments_that_cannot_belong_to_samples_are_passed_to_each(argument: Any) -> None:
    def use(h: Tensor, argument: Any) -> Tensor:
        return h * (argument if isinstance(argument, float | Tensor) else 2.0)

    x, net = torch.randn(5, 4).double(), WithArgument(use)
    method = RectGrad(net, percentile=80)
    alone = torch.cat([method.attribute(one[None], 1, argument) for one in x])
    torch.testing.assert_close(method.attribute(x, 1, argument), alone)
    assert alone.any()


def test_masks_as_long_as_the_batch() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 40, batch_first=True)

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.last = layer, nn.Linear(8, 2)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            y: Tensor = self.last(self.layer(x, src_mask=mask).mean(dim=1))
            return y

    net, x = Masked().eval().double(), torch.randn(6, 6, 8).double()
    mask = torch.rand(6, 6).double()
    method = RectGrad(net, percentile=80)
    alone = torch.cat([method.attribute(one[None], 1, mask) for one in x])
    torch.testing.assert_close(method.attribute(x, 1, mask), alone)


@pytest.mark.parametrize("frozen", [False, True])
def test_tokens_through_a_transformer(frozen: bool) -> None:
    torch.manual_seed(0)
    embedding = nn.Embedding(11, 8).requires_grad_(not frozen)
    encoder = nn.TransformerEncoderLayer(8, 2, 40, batch_first=True)
    net = nn.Sequential(embedding, encoder, nn.Flatten(), nn.Linear(32, 2)).eval().double()
    tokens = torch.randint(11, (4, 4))
    found = LayerRectGrad(net, embedding, percentile=70).attribute(tokens, 1)
    expected = RectGrad(net[1:], percentile=70).attribute(embedding(tokens).detach(), 1)
    torch.testing.assert_close(found, expected)


def test_model_that_begins_in_place_and_transposes() -> None:
    class InPlace(TimeFirst):
        def forward(self, x: Tensor) -> Tensor:
            x *= 2
            return super().forward(x)

    net = InPlace(lambda x: x.transpose(0, 1)).double()
    x = torch.randn(5, 5, 4, dtype=torch.float64)
    before, method = x.clone(), RectGrad(net, percentile=80)
    alone = torch.cat([method.attribute(one[None], 1) for one in x])
    torch.testing.assert_close(method.attribute(x, 1), alone)
    assert torch.equal(x, before)


REORDERED: list[Callable[[Tensor], Tensor]] = [
    lambda h: h.transpose_(0, 1),
    lambda h: h.swapaxes_(0, 1),
    lambda h: h.as_strided((4, 4, 40), (40, 160, 1)),
    lambda h: torch.empty(4, 4, 40, dtype=h.dtype).transpose(0, 1).copy_(h).transpose(0, 1),
    lambda h: h.flatten(0, 1).index_select(0, torch.arange(15, -1, -1)).view(4, 4, 40),
    lambda h: torch.gather(h, 0, torch.tensor([[[1]], [[3]], [[0]], [[2]]]).expand(4, 4, 40)),
]


@pytest.mark.parametrize("reorder", REORDERED)
def test_reordered_elements_are_those_of_their_samples(
    reorder: Callable[[Tensor], Tensor],
) -> None:
    """Four samples of four steps, so that sizes do not tell them apart."""
    torch.manual_seed(0)
    first, x = nn.Linear(6, 40).double(), torch.randn(4, 4, 6, dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    output = torch.relu(reorder(first(leaf))).sum()
    edge = get_gradient_edge(leaf).node
    nodes = nodes_between([output.grad_fn], {edge})
    positions = sample_positions(nodes, {edge: 1}, 4)
    relu = next(node for node in nodes if node.name() == "ReluBackward0")
    # Unknown, or such that each row depends on one sample alone.
    position = positions[relu]
    if position is not None:
        z = samples_first(reorder(first(leaf)), position, 4)
        for row in range(4):
            (gradient,) = torch.autograd.grad(z[row].sum(), leaf, retain_graph=True)
            assert int(gradient.flatten(1).any(dim=1).sum()) == 1
