"""The random networks against their formulas, written out."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from captum_rectgrad import Deconvolution, GuidedBackprop
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.studies.nie2018.random_networks import (
    RandomCNN,
    gaussian_scale,
    guided_limit,
    random_dense,
)

IMAGE = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(3))


def patches() -> dict[tuple[int, int], torch.Tensor]:
    """All 3 x 3 patches, zeros beyond the border, by their middle."""
    padded = torch.zeros(2, 7, 6)
    padded[:, 1:-1, 1:-1] = IMAGE
    return {
        (i, j): padded[:, i : i + 3, j : j + 3] for i, j in itertools.product(range(5), range(4))
    }


def test_the_logit_is_equation_4() -> None:
    model = RandomCNN(6, (2, 5, 4), torch.Generator().manual_seed(0))
    weights = model.filters.weight.detach()
    logits = model.logit.weight.detach().view(6, 5, 4)
    expected = sum(
        logits[n, i, j] * (weights[n] * patch).sum().clamp(min=0)
        for (i, j), patch in patches().items()
        for n in range(6)
    )
    torch.testing.assert_close(model(IMAGE[None])[0, 0], expected, rtol=1e-4, atol=1e-4)


def test_the_limit_is_every_patch_over_its_length_at_its_place() -> None:
    expected = torch.zeros(2, 7, 6)
    for (i, j), patch in patches().items():
        expected[:, i : i + 3, j : j + 3] += patch / patch.norm()
    torch.testing.assert_close(guided_limit(IMAGE), expected[:, 1:-1, 1:-1])


def test_the_limit_of_a_black_image_is_zero() -> None:
    assert guided_limit(torch.zeros(2, 5, 4)).abs().max() == 0


def test_guided_backpropagation_of_many_filters_is_near_its_limit() -> None:
    limit = guided_limit(IMAGE).flatten()
    near = []
    for filters in (50, 5000):
        model = RandomCNN(filters, (2, 5, 4), torch.Generator().manual_seed(1)).eval()
        found = GuidedBackprop(model).attribute(IMAGE[None], target=0)[0].flatten()
        near.append(float(torch.corrcoef(torch.stack([found, limit]))[0, 1]))
    assert near[1] > 0.99
    assert near[1] > near[0]


@pytest.mark.parametrize("rule", [signed_gradient, Deconvolution])
def test_the_scale_of_maps(rule: Callable[[nn.Module], ModifiedGradient]) -> None:
    values = []
    for seed in range(120):
        model = RandomCNN(40, (2, 5, 4), torch.Generator().manual_seed(seed)).eval()
        values.append(rule(model).attribute(IMAGE[None], target=0)[0, :, 1:-1, 1:-1])
    # 120 networks, 12 values each, those of a channel of a DeconvNet map correlated by 1 / pi: the
    # deviation of such an estimate is less than sqrt((1 + 5 / pi) / (2 * 1440)) = 3 %.
    size = float(torch.stack(values).square().mean().sqrt())
    assert abs(size / gaussian_scale(40) - 1) < 0.1


def test_dense_signals_keep_their_size() -> None:
    model = random_dense(400, 300, torch.Generator().manual_seed(0))
    x = torch.randn(50, 300, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        sizes = [float(model[: 2 * n - 1](x).square().mean()) for n in (1, 2, 3)]
    np.testing.assert_allclose(sizes, 2, atol=0.4)  # before the ReLU, which keeps half of it
    assert [type(layer).__name__ for layer in model] == ["Linear", "ReLU"] * 3 + ["Linear"]
