from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.sanity.logits import logits


class Returning(nn.Module):
    def __init__(self, change: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.linear, self.change = nn.Linear(4, 3), change

    def forward(self, x: Tensor) -> object:
        return self.change(self.linear(x))


def test_batches_are_put_together() -> None:
    model, x = nn.Linear(4, 3), torch.rand(7, 4)
    found = logits(model, x, batch_size=3)
    torch.testing.assert_close(found, x @ model.weight.detach().T + model.bias.detach())
    assert not found.requires_grad


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda y: (y, y), "a tuple"),
        (lambda y: {"logits": y}, "a dict"),
        (lambda y: y[:, 0], r"a tensor of shape \(2,\)"),
        (lambda y: y.T, r"a tensor of shape \(3, 2\)"),
        (lambda y: y[:, :, None, None], r"a tensor of shape \(2, 3, 1, 1\)"),
    ],
)
def test_what_is_not_logits_is_refused(change: Callable[[Tensor], object], got: str) -> None:
    with pytest.raises(ValueError, match=rf"\(N, classes\); for 2 images the model returned {got}"):
        logits(Returning(change), torch.rand(2, 4))


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="got no images"):
        logits(nn.Linear(4, 3), torch.rand(0, 4))


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def test_what_a_module_keeps_may_be_changed_afterwards() -> None:
    linear = nn.utils.weight_norm(nn.Linear(4, 3))
    logits(linear, torch.rand(2, 4))
    before = linear.weight.clone()
    with torch.no_grad():
        linear.reset_parameters()  # in place, on the tensor that the forward pass left there
    assert not torch.equal(linear.weight, before)
