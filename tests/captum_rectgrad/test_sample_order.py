"""Nets that put another dimension before the samples, even one of the same length."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, RectGrad, RectGradError
from captum_rectgrad.sample_order import may_move_samples


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
    lambda x: x.flatten(1).T.reshape(x.shape[1], -1, x.shape[0]).transpose(1, 2),
]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("samples", [3, 5])
def test_a_batch_is_its_samples_one_by_one(move: Callable[[Tensor], Tensor], samples: int) -> None:
    """With 5 samples of 5 steps nothing in the shapes tells samples from steps."""
    net, x = TimeFirst(move).double(), torch.randn(samples, 5, 4, dtype=torch.float64)
    method = RectGrad(net, percentile=80)
    alone = torch.cat([method.attribute(x[i : i + 1], 1) for i in range(samples)])
    torch.testing.assert_close(method.attribute(x, 1), alone, rtol=1e-12, atol=1e-15)
    assert alone.flatten(1).any(dim=1).all()


def test_nets_that_keep_the_order_are_not_run_one_by_one() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(8, 40), nn.GELU(), nn.Linear(40, 2))

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.mlp(self.attend(x, x, x)[0]).mean(dim=1)
            return y

    net, x = Attention(), torch.randn(5, 5, 8)
    sizes = []
    net.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    RectGrad(net, percentile=80).attribute(x, 1)
    # One pass for the batch, and one sample to see that dimension 0 is the samples.
    assert sizes == [5, 1]
    sizes.clear()
    plain = nn.Sequential(nn.Conv2d(1, 9, 3), nn.ReLU(), nn.Flatten(), nn.Linear(81, 2))
    plain.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    RectGrad(plain, percentile=80).attribute(torch.randn(9, 1, 5, 5), 1)
    assert sizes == [9]


def test_what_may_move_samples() -> None:
    x = torch.zeros(3, 3, 3)
    pair = torch.stack([x, x], dim=1)
    assert may_move_samples("permute", (x, 1, 0, 2), {}, x.permute(1, 0, 2))
    assert may_move_samples("t", (), {"input": x[0]}, x[0].t())
    assert may_move_samples("stack", ([x, x],), {}, torch.stack([x, x]))
    assert not may_move_samples("permute", (x, 0, 2, 1), {}, x.permute(0, 2, 1))
    assert not may_move_samples("mT", (x,), {}, x.mT)
    assert not may_move_samples("stack", ([x, x],), {"dim": 1}, pair)
    assert not may_move_samples("stack", ([x, x], 1), {}, pair)
    assert not may_move_samples("relu", (x,), {}, x)


class WithArgument(nn.Module):
    """Time first, and something else that is as long as the batch may be."""

    def __init__(self, use: Callable[[Tensor, Any], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.use = nn.Linear(4, 40), nn.Linear(40, 2), use

    def forward(self, x: Tensor, argument: Any) -> Tensor:
        hidden = self.first(x.transpose(0, 1)).relu()
        y: Tensor = self.last(self.use(hidden, argument)).sum(dim=0)
        return y


def test_arguments_are_divided_with_the_samples_only_where_they_belong_to_them() -> None:
    x = torch.randn(5, 5, 4, dtype=torch.float64)
    mask, scale = torch.rand(5, 5).double(), torch.rand(5).double()

    def alone(net: nn.Module, arguments: list[Any]) -> Tensor:
        method = RectGrad(net, percentile=80)
        pairs = zip(x, arguments, strict=True)
        return torch.cat([method.attribute(one[None], 1, argument) for one, argument in pairs])

    shared = WithArgument(lambda h, m: torch.einsum("st,tnf->snf", m, h)).double()
    found = RectGrad(shared, percentile=80).attribute(x, 1, mask)
    torch.testing.assert_close(found, alone(shared, [mask] * 5))

    own = WithArgument(lambda h, s: h * s[None, :, None]).double()
    found = RectGrad(own, percentile=80).attribute(x, 1, scale)
    torch.testing.assert_close(found, alone(own, [one[None] for one in scale]))

    hidden_inside = WithArgument(lambda h, d: h * d["scale"][None, :, None]).double()
    with pytest.raises(RectGradError, match="cannot be told which of additional_forward_args"):
        RectGrad(hidden_inside, percentile=80).attribute(x, 1, {"scale": scale})


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


def test_a_model_that_begins_in_place_and_transposes() -> None:
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
