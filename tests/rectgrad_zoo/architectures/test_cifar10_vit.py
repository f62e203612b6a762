from typing import Any

import timm
import torch
from torch import nn

import rectgrad_zoo


def test_parameter_count_is_the_one_computed_by_hand() -> None:
    width, hidden, tokens = 96, 192, 8 * 8
    attention = (width + 1) * 3 * width + (width + 1) * width
    mlp = (width + 1) * hidden + (hidden + 1) * width
    norms = 2 * 2 * width
    patches = (4 * 4 * 3 + 1) * width + tokens * width
    head = 2 * width + (width + 1) * 10
    model = timm.create_model("cifar10_vit")
    expected = patches + 6 * (attention + mlp + norms) + head
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_the_head_reads_the_mean_of_the_tokens_of_the_patches() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Any = timm.create_model("cifar10_vit").eval()
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    tokens = model.forward_features(x)
    assert tokens.shape == (2, 8 * 8, 96)
    expected = model.head(model.fc_norm(tokens.mean(dim=1)))
    torch.testing.assert_close(model(x), expected)
    assert sum(type(module) is nn.GELU for module in model.modules()) == 6


def test_pictures_become_its_inputs() -> None:
    model: Any = timm.create_model("cifar10_vit", num_classes=7)
    assert rectgrad_zoo.__name__ == "rectgrad_zoo"
    assert model.pretrained_cfg["input_size"] == (3, 32, 32)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
