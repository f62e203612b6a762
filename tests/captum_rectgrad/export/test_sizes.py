"""Numbers that differ between recordings of one graph."""

import pytest
import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from captum_rectgrad.export.sizes import DifferentGraphsError, Size, common_operations


def graphs(function: object, *batches: int) -> list[fx.GraphModule]:
    return [make_fx(function)(torch.zeros(n, 6)) for n in batches]  # type: ignore[arg-type]


def test_numbers_that_differ_become_sizes() -> None:
    def function(x: Tensor) -> Tensor:
        return x.view(len(x) * 2, 3).sum(1, keepdim=True) + 4

    placeholder, view, total, _, _ = common_operations(graphs(function, 2, 5))
    assert placeholder.shapes == ((Size((2, 5)), 6),)
    assert view.args[1] == [Size((4, 10)), 3]
    assert total.args[1:] == ([1], True)


def test_operations_that_differ_are_refused() -> None:
    def function(x: Tensor) -> Tensor:
        return x.sum() if len(x) > 2 else x

    with pytest.raises(DifferentGraphsError):
        common_operations(graphs(function, 2, 5))


def test_constants_that_differ_are_refused() -> None:
    def function(x: Tensor) -> Tensor:
        return x + torch.tensor([float(len(x))])

    with pytest.raises(DifferentGraphsError):
        common_operations(graphs(function, 2, 5))
