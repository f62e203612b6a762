"""Small networks that several tests share."""

from functools import partial

import numpy as np
from torch import nn

from tests.support import naive


def small_net() -> nn.Sequential:
    """Images `(N, 1, 6, 6)` to three logits, with an in-place ReLU, a pooling and a SiLU."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(72, 40),
        nn.SiLU(),
        nn.Linear(40, 3),
    )


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
