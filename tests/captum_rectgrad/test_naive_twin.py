"""The method on random small nets against the same net written naively in NumPy."""

import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from captum_rectgrad import RectGrad
from tests.captum_rectgrad import naive

# Nets this small are often cut off whole.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")


def sigmoid(z: naive.Array) -> naive.Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def silu_derivative(z: naive.Array) -> naive.Array:
    return sigmoid(z) * (1 + z * (1 - sigmoid(z)))


def silu() -> naive.Activation:
    return naive.Activation(lambda z: z * sigmoid(z), silu_derivative, nn.SiLU)


def relu6() -> naive.Activation:
    return naive.Activation(
        lambda z: np.clip(z, 0, 6),
        lambda z: ((z > 0) & (z < 6)).astype(float),
        lambda: nn.ReLU6(inplace=True),
    )


def tanh() -> naive.Activation:
    return naive.Activation(np.tanh, lambda z: np.asarray(1 - np.tanh(z) ** 2), nn.Tanh)


def random_dense(rng: np.random.Generator, inp: int, out: int) -> naive.Dense:
    return naive.Dense(rng.normal(0, (2 / inp) ** 0.5, (out, inp)), rng.normal(0, 0.1, out))


def random_conv(
    rng: np.random.Generator, inp: int, out: int, k: int, stride: int = 1, padding: int = 0
) -> naive.Conv:
    weight = rng.normal(0, (2 / (inp * k * k)) ** 0.5, (out, inp, k, k))
    return naive.Conv(weight, rng.normal(0, 0.1, out), stride, padding)


def random_net(kind: str, seed: int) -> tuple[list[naive.Layer], tuple[int, ...]]:
    """Layers, and the shape of one input."""
    rng = np.random.default_rng(seed)
    dense, conv, relu = partial(random_dense, rng), partial(random_conv, rng), naive.Activation
    nets: dict[str, tuple[list[naive.Layer], tuple[int, ...]]] = {
        "mlp": ([dense(9, 40), relu(), dense(40, 21), relu(), dense(21, 3)], (9,)),
        "conv": (
            [
                conv(2, 4, 3, padding=1),
                relu(),
                naive.MaxPool(2, 2),
                conv(4, 5, 3, stride=2, padding=1),
                relu(),
                naive.Flatten(),
                dense(20, 3),
            ],
            (2, 8, 8),
        ),
        "pools": (
            [
                conv(1, 3, 3),
                relu(),
                naive.MaxPool(3, 2, padding=1, ceil_mode=True),
                conv(3, 4, 2, padding=1),
                naive.MaxPool(2, 1, dilation=2),
                relu(),
                naive.Flatten(),
                dense(36, 3),
            ],
            (1, 9, 9),
        ),
        "residual": (
            [
                conv(1, 3, 3, padding=1),
                # As in a pre-activation ResNet: the block's first ReLU shares its input with the
                # skip connection.
                naive.Residual([relu(), conv(3, 3, 3, padding=1), relu(), conv(3, 3, 1)]),
                naive.Residual([relu(), conv(3, 3, 3, padding=1)]),
                relu(),
                naive.Flatten(),
                dense(75, 3),
            ],
            (1, 5, 5),
        ),
        "smooth": (
            [
                conv(1, 4, 3, padding=1),
                silu(),
                conv(4, 4, 3),
                relu6(),
                naive.Flatten(),
                dense(36, 12),
                tanh(),
                dense(12, 3),
            ],
            (1, 5, 5),
        ),
    }
    return nets[kind]


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
