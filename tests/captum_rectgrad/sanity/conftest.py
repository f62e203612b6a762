"""A small network with a batch normalisation, and images."""

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.sanity.explaining import Explaining


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.scale = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1))
        self.unused = nn.Linear(2, 2)
        # In another order than they are called in.
        self.last = nn.Linear(6, 4)
        self.first, self.norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)
        self.second = nn.Conv2d(5, 6, 3)
        self.relu = nn.ReLU()
        self.norm.running_mean = torch.randn(5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.second(self.relu(self.norm(self.first(x * self.scale)))))
        y: Tensor = self.last(h.mean(dim=(2, 3)))
        return y


@pytest.fixture
def net() -> nn.Module:
    return Net().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(12, 3, 10, 10, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def explaining(images: Tensor) -> Explaining:
    (method,) = choose_methods(["guided-bp"])
    return Explaining(method, images, torch.arange(12) % 4, batch_size=5)
