"""Sparseness by hand and against Quantus; passes counted."""

import pytest
import torch
from torch import nn

from captum_rectgrad.studies.board.form import cost, gini
from captum_rectgrad.studies.board.rows import rows
from tests.support.board import SIZES, explained, network


def test_gini_by_hand_and_as_in_quantus() -> None:
    # The other three of four pixels are zero: (4 - 1) / 4.
    assert gini(torch.tensor([[[[0.0, 0], [0, -5]]]])) == pytest.approx(0.75, abs=1e-5)
    assert gini(torch.ones(1, 1, 2, 2)) == pytest.approx(0, abs=1e-5)
    quantus = pytest.importorskip("quantus.functions.complexity_func")
    maps = torch.rand(3, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    for row, found in zip(maps[:, 0].numpy(), gini(maps), strict=True):
        # It takes the size of the map from the shape of an image with channels.
        assert quantus.gini_coeffiient(row, row[None]) == pytest.approx(found, abs=1e-4)


def test_passes_are_counted() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()
    made = network(model, torch.rand(3, 1, 8, 8))
    keys = {"random", "sobel", "saliency", "guided-bp", "smoothgrad", "integrated", "rectgrad"}
    keys |= {"expected-gradients", "occlusion", "saliency-abs"}
    chosen = [method for method in rows(made.references, SIZES) if method.key in keys]
    found = {method.key: cost(explained(method, made))[0] for method in chosen}
    assert found["random"] == found["sobel"] == 0
    assert (
        found["saliency"] == found["saliency-abs"] == found["guided-bp"] == found["rectgrad"] == 1
    )
    # One gradient for each sample or step.
    assert found["smoothgrad"] == found["integrated"] == found["expected-gradients"] == 4
    # 8 x 8 windows and the whole image, of forward passes only.
    assert found["occlusion"] == pytest.approx(65 / 3)


def test_passes_of_class_activation_maps_are_counted() -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    made = network(model.eval(), torch.rand(3, 1, 8, 8))
    keys = ("gradcam", "guided-gradcam")
    chosen = [method for method in rows(made.references, SIZES) if method.key in keys]
    # A class activation map takes a gradient, and guided backpropagation another.
    assert [cost(explained(method, made))[0] for method in chosen] == [1, 2]
