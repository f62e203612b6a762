"""Nets that put another dimension before the samples, even one of the same length."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad
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
    assert may_move_samples("permute", x, x.permute(1, 0, 2), {})
    assert not may_move_samples("permute", x, x.permute(0, 2, 1), {})
    assert not may_move_samples("mT", x, x.mT, {})
    assert not may_move_samples("stack", [x, x], torch.stack([x, x], dim=1), {"dim": 1})
    assert not may_move_samples("relu", x, x, {})
