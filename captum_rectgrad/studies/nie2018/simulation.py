"""Simulation of the random networks of theorems 1 and 2 and proposition 1 under all rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad import Deconvolution, GuidedBackprop, RectGrad
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.attr.layer_gradients import layer_gradients
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.nie2018.random_networks import (
    RandomCNN,
    gaussian_scale,
    guided_limit,
    random_dense,
)

Array: TypeAlias = NDArray[np.float64]
PERCENTILES = (80.0, 98.0)
_VALUES = 24  # number of values of each map or signal for the test of normality


def _rule_alone(percentile: float) -> Callable[[nn.Module], ModifiedGradient]:
    def make(model: nn.Module) -> ModifiedGradient:
        return RectGrad(
            model,
            percentile,
            padding_trick=False,
            final_threshold=False,
            multiply_by_inputs=False,
        )

    return make


# The rule of RectGrad alone, so that only rules are compared.
RULES: Mapping[str, Callable[[nn.Module], ModifiedGradient]] = {
    "Saliency": signed_gradient,
    "DeconvNet": Deconvolution,
    "Guided BP": GuidedBackprop,
    **{f"RectGrad, q = {q:g}": _rule_alone(q) for q in PERCENTILES},
}


@dataclass(frozen=True, eq=False)
class Sample:
    """Results of one rule on the random networks of one size.

    Attributes:
        with_input: correlation of each map with its image, `(R,)`.
        with_other: correlation of each map with another image, `(R,)`.
        with_limit: correlation with the limit in the proof of theorem 1, before patches are
            assumed to be equally long, `(R,)`.
        values: some values of each map, divided by their theoretical standard deviation, `(R, P)`.
        pairs: for each map the mean product of different values, the mean square, and the mean,
            `(R, 3)`.
    """

    with_input: Array
    with_other: Array
    with_limit: Array
    values: Array
    pairs: Array


def simulate_maps(filters: int, images: Tensor, networks: int, seed: int) -> dict[str, Sample]:
    """Maps of random networks with one layer of filters.

    Args:
        filters: number of filters, N.
        images: `(M, C, H, W)`, in [-1, 1]; network r gets image r modulo M.
        networks: number of networks, R.
        seed: seed of the weights.

    Returns:
        Results by rule; pixels at the border are left out, pairs are of one channel.
    """
    found: dict[str, list[tuple[Array, ...]]] = {name: [] for name in RULES}
    for number in tqdm(range(networks), desc=f"{filters} filters", unit="network", disable=None):
        image = images[number % len(images)]
        generator = torch.Generator().manual_seed(derived_seed(seed, "filters", filters, number))
        shape = (image.shape[0], image.shape[1], image.shape[2])
        model = RandomCNN(filters, shape, generator).eval()
        limit = guided_limit(image)
        for name, make in RULES.items():
            (found_map,) = make(model).attribute(image[None], target=0).double()
            inner = found_map[:, 1:-1, 1:-1] / gaussian_scale(filters)
            found[name].append(
                (
                    np.array(correlation(found_map, image)),
                    np.array(correlation(found_map, images[(number + 1) % len(images)])),
                    np.array(correlation(found_map, limit)),
                    inner.flatten()[:: max(1, inner.numel() // _VALUES)][:_VALUES].numpy(),
                    np.mean([_pairs(channel.flatten()) for channel in inner], axis=0),
                )
            )
    return {name: _stacked(rows) for name, rows in found.items()}


def simulate_signals(width: int, images: Tensor, networks: int, seed: int) -> dict[str, Sample]:
    """Gradients at the first hidden layer of random dense networks.

    Args:
        width: number of units of each of the three hidden layers.
        images: see `simulate_maps`.
        networks: number of networks, R.
        seed: seed of the weights.

    Returns:
        Results by rule. The "input" and the "limit" are both the hidden layer's activations;
        values are divided by their root mean square.
    """
    found: dict[str, list[tuple[Array, ...]]] = {name: [] for name in RULES}
    for number in tqdm(range(networks), desc=f"width {width}", unit="network", disable=None):
        x = images[number % len(images)].flatten()[None]
        generator = torch.Generator().manual_seed(derived_seed(seed, "width", width, number))
        model = random_dense(width, x.shape[1], generator).eval()
        with torch.no_grad():
            hidden = model[:2](x)[0]
            other = model[:2](images[(number + 1) % len(images)].flatten()[None])[0]
        for name, make in RULES.items():
            (signal,) = layer_gradients(
                make(model), model, {"second": model[2]}, x, lambda output, *_: output[:, 0]
            )
            values = signal[0].double()
            size = values.square().mean().sqrt()
            standardised = values / torch.where(size > 0, size, 1)
            own = np.array(correlation(values, hidden))
            another = np.array(correlation(values, other))
            kept = standardised[:_VALUES].numpy()
            found[name].append((own, another, own, kept, _pairs(standardised)))
    return {name: _stacked(rows) for name, rows in found.items()}


def correlation(one: Tensor, other: Tensor) -> float:
    """Pearson's correlation of all values of two tensors.

    Args:
        one: of any shape.
        other: of the same.

    Returns:
        In [-1, 1]; NaN where one of the two is constant.
    """
    pair = [values.double().flatten() for values in (one, other)]
    first, second = (values - values.mean() for values in pair)
    norms = float(first.norm() * second.norm())
    return float(first @ second) / norms if norms else float("nan")


def _pairs(values: Tensor) -> Array:
    """Mean product of different values, mean square, and mean."""
    count, square, total = len(values), float(values.square().sum()), float(values.sum())
    product = (total**2 - square) / (count * (count - 1))
    return np.array([product, square / count, total / count])


def _stacked(rows: Sequence[tuple[Array, ...]]) -> Sample:
    return Sample(*(np.stack(column) for column in zip(*rows, strict=True)))
