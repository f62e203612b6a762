"""Dividing a batch changes the memory that it takes, and no map."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from tests.support.nets import small_net

SAMPLES = 7


def batch() -> Tensor:
    return torch.randn(SAMPLES, 1, 6, 6, dtype=torch.float64, generator=torch.manual_seed(1))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize(
    "target", [1, [0, 1, 2, 0, 1, 2, 0], torch.tensor([2, 1, 0, 2, 1, 0, 2]), torch.tensor([1])]
)
def test_the_maps_of_parts_are_those_of_the_whole(size: int, target: Any) -> None:
    torch.manual_seed(0)
    net, x = small_net().double(), batch()
    method = RectGrad(net, percentile=60, prr=True, final_threshold=False)
    whole = method.attribute(x, target)
    assert (whole != 0).flatten(1).any(dim=1).all()
    parts = method.attribute(x, target, internal_batch_size=size)
    # The same units pass; what passes differs by the rounding of a differently shaped product.
    assert torch.equal(parts != 0, whole != 0)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-15)


def test_each_part_gets_its_samples_of_everything() -> None:
    x, y = torch.arange(5.0)[:, None], torch.arange(5.0)[:, None] + 10
    shared, flag = torch.zeros(3), "as it is"
    targets: list[tuple[int, ...]] = [(0,), (1,), (2,), (3,), (4,)]
    call = ForwardInputs((x, y), targets, (torch.arange(5), shared, flag))
    parts = list(call.parts(2))
    assert [part.samples for part in parts] == [2, 2, 1]
    assert [part.target for part in parts] == [[(0,), (1,)], [(2,), (3,)], [(4,)]]
    assert torch.equal(parts[1].inputs[1], y[2:4])
    assert torch.equal(parts[2].args[0], torch.tensor([4]))
    assert all(part.args[1] is shared and part.args[2] == flag for part in parts)
    one_for_all = next(iter(ForwardInputs((x,), (1, 2), ()).parts(2)))
    assert one_for_all.target == (1, 2)


def test_targets_are_counted_before_they_are_divided() -> None:
    torch.manual_seed(0)
    method = RectGrad(small_net().double())
    with pytest.raises(AssertionError, match="6 targets for 7 samples"):
        method.attribute(batch(), [0, 1, 2, 0, 1, 2], internal_batch_size=3)


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (-2, ValueError), (1.5, TypeError)])
def test_sizes_that_are_no_positive_int_are_refused(size: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="internal_batch_size must be"):
        RectGrad(small_net().double()).attribute(batch(), 0, internal_batch_size=size)


def test_memory_is_bounded_by_the_size_of_a_part() -> None:
    """The bytes that the graph saves for the backward pass, at their peak."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU()).append(
        nn.Linear(500, 3)
    )
    x = torch.randn(64, 20)
    weights = {parameter.untyped_storage().data_ptr() for parameter in net.parameters()}

    class Saved:
        now = peak = 0

        def __init__(self, tensor: Tensor) -> None:
            self.tensor, self.bytes = tensor.detach(), tensor.numel() * tensor.element_size()
            self.bytes *= tensor.untyped_storage().data_ptr() not in weights  # there anyway
            Saved.now += self.bytes
            Saved.peak = max(Saved.peak, Saved.now)

        def __del__(self) -> None:
            Saved.now -= self.bytes

    def peak(samples: int, size: int | None) -> int:
        Saved.peak = 0
        with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
            RectGrad(net, percentile=50).attribute(x[:samples], 0, internal_batch_size=size)
        assert Saved.now == 0
        return Saved.peak

    assert peak(64, 4) == peak(4, None) > 0
    assert peak(64, None) == 16 * peak(4, None)
