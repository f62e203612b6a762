"""Gradients that a hook of the user keeps."""

import pytest
import torch
from torch import Tensor

from captum_rectgrad._engine.kept_gradients import is_kept


@pytest.mark.parametrize("keeps", [False, True])
def test_a_gradient_in_a_list_of_the_user_is_kept(*, keeps: bool) -> None:
    x = torch.ones(3, requires_grad=True)
    doubled = x * 2
    list_of_user: list[Tensor] = []
    doubled.register_hook(lambda g: list_of_user.append(g) if keeps else None)
    found: list[bool] = []
    assert doubled.grad_fn is not None
    doubled.grad_fn.register_prehook(lambda gradients: found.append(is_kept(gradients)))
    torch.autograd.grad(doubled.relu().sum(), x)
    assert found == [keeps]
