"""An attribution reads no values but in its checks: so it can be queued, and captured.

Tensors of the meta device have no values, and PyTorch refuses to read them: what works there waits
for nothing on a GPU. `tests/gpu` tests the same on a real one.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import LayerRectGrad, RectGrad
from captum_rectgrad._engine.validation import has_concrete_values
from captum_rectgrad.rules.threshold import RULES, RuleName

META = torch.device("meta")


class Net(nn.Module):
    """Activations in place, as functions and with a derivative; a skip connection; pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.gelu = nn.GELU()
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(8 * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv1(x)))
        x = self.pool(x + self.gelu(self.conv2(x)))
        logits: Tensor = self.head(F.relu(x).flatten(1))
        return logits


def net() -> nn.Module:
    with META:
        return Net().eval()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("target", [3, [1, 2, 3], torch.zeros(3, dtype=torch.long, device=META)])
def test_attribution_reads_no_value(rule: RuleName, target: int | list[int] | Tensor) -> None:
    images = torch.empty(3, 3, 16, 16, device=META)
    for prr in (False, True):
        maps = RectGrad(net(), rule=rule, prr=prr).attribute(images, target=target)
        assert (maps.shape, maps.device) == (images.shape, META)


def test_layer_attribution_reads_no_value() -> None:
    model = net()
    images = torch.empty(3, 3, 16, 16, device=META)
    maps = LayerRectGrad(model, model.get_submodule("conv2")).attribute(images, target=0)
    assert maps.shape == (3, 8, 16, 16)


def test_pytorch_refuses_to_read_meta_tensors() -> None:
    """So that the tests above could fail."""
    nothing = torch.empty(2, device=META)
    assert not has_concrete_values(nothing)
    with pytest.raises(RuntimeError):
        bool(nothing.any())
    assert has_concrete_values(torch.zeros(2))
