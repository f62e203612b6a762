"""The method on random small nets against the same net written naively in NumPy."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from captum_rectgrad import RectGrad
from tests.support import naive
from tests.support.nets import random_net

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


@pytest.mark.parametrize("rule", ["PR1", "PR2", "PR3", "PR4", "Mod"])
@pytest.mark.parametrize("kind", ["mlp", "conv", "pools", "residual", "smooth"])
def test_agrees_with_the_naive_twin(kind: str, rule: Any) -> None:
    layers, shape = random_net(kind, seed=len(kind))
    model = naive.as_module(layers)
    x = np.random.default_rng(1).normal(size=(3, *shape))
    targets = [0, 2, 1]
    thresholds: list[dict[str, float]] = [
        {"percentile": 0},
        {"percentile": 70},
        {"percentile": 95},
        {"tau": 0},
        {"tau": -0.05},
        {"tau": 0.02},
    ]
    flags = list(itertools.product([False, True], repeat=2))
    for threshold, (padding_trick, prr) in itertools.product(thresholds, flags):
        options: dict[str, Any] = {"percentile": None, **threshold}
        options |= {"rule": rule, "padding_trick": padding_trick, "prr": prr}
        method = RectGrad(
            model,
            threshold.get("percentile"),
            threshold.get("tau"),
            rule=rule,
            padding_trick=padding_trick,
            prr=prr,
            final_threshold=False,
        )
        result = method.attribute(torch.from_numpy(x), target=targets).numpy()
        expected = np.stack(
            [
                naive.attribute(layers, sample, t, naive.Options(**options, final_threshold=False))
                for sample, t in zip(x, targets, strict=True)
            ]
        )
        np.testing.assert_allclose(
            result, expected, rtol=0, atol=1e-9 * max(abs(expected).max(), 1e-30)
        )


@pytest.mark.parametrize(
    ("final_threshold", "multiply_by_inputs"), list(itertools.product([False, True], repeat=2))
)
def test_last_steps_agree_with_the_naive_twin(
    final_threshold: bool, multiply_by_inputs: bool
) -> None:
    layers, shape = random_net("conv", seed=7)
    x = np.random.default_rng(2).normal(size=shape)
    flags: dict[str, Any] = {
        "final_threshold": final_threshold,
        "multiply_by_inputs": multiply_by_inputs,
    }
    method = RectGrad(naive.as_module(layers), percentile=80, **flags)
    expected = naive.attribute(layers, x, 1, naive.Options(percentile=80, **flags))
    result = method.attribute(torch.from_numpy(x)[None], target=1)[0]
    assert abs(expected).max() > 0
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=1e-12)
    assert method.multiplies_by_inputs is multiply_by_inputs
