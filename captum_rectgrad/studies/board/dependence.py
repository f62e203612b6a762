"""Sanity: whether maps depend on the parameters, on the class, and how much on the image."""

from functools import partial

import numpy as np
import torch
from captum.metrics import sensitivity_max
from scipy.stats import entropy
from torch import Tensor

from captum_rectgrad.evaluation.map_metrics import rank_correlation
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.parameter_layers import parameter_layers
from captum_rectgrad.sanity.randomisation import measured_layers, randomised_models
from captum_rectgrad.studies.board.column import Column, Values
from captum_rectgrad.studies.board.explained import Explained, batch_size
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.compute.maps import device_of

BINS = 100  # of the histogram of eMPRT
RADIUS = 0.02  # of sensitivity, as a share of the range of all inputs


def parameter_randomisation(explained: Explained) -> Values:
    """MPRT: Spearman's correlation with the maps of a network with random layers.

    Args:
        explained: the method and the network.

    Returns:
        The mean over steps of the cascade from the output, of which the last randomises all layers,
        `(N,)`, in [-1, 1]; NaN where all these maps, or the own one, are constant.
    """
    network = explained.network
    layers = parameter_layers(network.model, network.inputs[:1].to(explained.device))
    measured = measured_layers(len(layers), explained.sizes.random_models, "cascading")
    found = []
    seed = derived_seed(explained.seed, "mprt")
    for place, random in enumerate(randomised_models(network.model, layers, "cascading", seed)):
        if place in measured:
            maps = explained.maps(network.inputs, network.targets, random.model.eval())
            found.append(rank_correlation(explained.own_maps, maps).numpy())
    return _mean_of_defined(np.stack(found))


def efficient_randomisation(explained: Explained) -> Values:
    """EMPRT: relative rise of a map's complexity when all layers are random.

    Args:
        explained: the method and the network.

    Returns:
        `(N,)`, at least -1; NaN for a constant map.
    """
    network = explained.network
    layers = parameter_layers(network.model, network.inputs[:1].to(explained.device))
    seed = derived_seed(explained.seed, "mprt")
    *_, last = randomised_models(network.model, layers, "cascading", seed)
    after = complexity(explained.maps(network.inputs, network.targets, last.model.eval()))
    before = complexity(explained.own_maps)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise: Values = np.where(before > 0, (after - before) / before, np.nan)
    return rise


def complexity(maps: Tensor) -> Values:
    """Entropy of the histogram of a map's values (Hedstroem et al. 2023, equation 5).

    Args:
        maps: `(N, 1, H, W)`.

    Returns:
        `(N,)`, in [0, ln 100]; 0 for a constant map.
    """
    rows = maps.flatten(1).numpy()
    return np.array([entropy(np.histogram(row, bins=BINS)[0]) for row in rows])


def random_logit(explained: Explained) -> Values:
    """Spearman's correlation with the map of another class, drawn for each image.

    Args:
        explained: the method and the network.

    Returns:
        `(N,)`, in [-1, 1]; NaN where one of the two maps is constant.
    """
    network = explained.network
    with torch.no_grad():
        classes = network.model(network.inputs[:1].to(explained.device)).shape[1]
    generator = torch.Generator().manual_seed(derived_seed(explained.seed, "logit"))
    shift = torch.randint(1, classes, network.targets.shape, generator=generator)
    maps = explained.maps(network.inputs, (network.targets + shift) % classes)
    correlation: Values = rank_correlation(explained.own_maps, maps).numpy()
    return correlation


def captum_sensitivity(explained: Explained) -> Values:
    """Captum's `sensitivity_max`: the largest relative change of a map under small noise.

    Args:
        explained: the method and the network.

    Returns:
        `(N,)`, at least 0; NaN for a map that is zero everywhere.
    """
    network, device = explained.network, explained.device
    radius = RADIUS * float(network.inputs.max() - network.inputs.min())
    found, size = [], batch_size(network.inputs)
    for start in range(0, len(network.inputs), size):
        part = slice(start, start + size)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(derived_seed(explained.seed, "sensitivity", start))
            found.append(
                sensitivity_max(
                    partial(_maps_of_captum, explained),
                    network.inputs[part],
                    perturb_radius=radius,
                    n_perturb_samples=explained.sizes.draws,
                    # A call for each draw, so that the images have the same random numbers of the
                    # method as without noise.
                    max_examples_per_batch=len(network.inputs[part]),
                    target=network.targets[part],
                )
            )
    zero = explained.own_maps.abs().flatten(1).amax(dim=1) == 0
    values: Values = torch.where(zero, torch.nan, torch.cat(found).double()).numpy()
    return values


def _maps_of_captum(
    explained: Explained, inputs: Tensor | tuple[Tensor, ...], *, target: Tensor
) -> tuple[Tensor]:
    # Captum passes the images in a tuple, and the noisy ones without.
    images = inputs if isinstance(inputs, Tensor) else inputs[0]
    # It takes a tensor for a tuple of maps.
    return (explained.attributions(images, target).sum(dim=1),)


def _mean_of_defined(values: Values) -> Values:
    """Mean over the first dimension without NaN; NaN where all are."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Values = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    return mean


def _lacks_classes(network: BoardNetwork) -> str | None:
    with torch.no_grad():
        device = device_of(network.model)
        outputs = network.model(network.inputs[:1].to(device)).shape[1]
    return None if outputs > 1 else "the network has one output"


COLUMNS = (
    Column(
        key="mprt",
        title="MPRT",
        family="sanity",
        better="lower",
        meaning="Spearman's correlation of the maps before and after the randomisation of layers "
        "from the output on, averaged over steps of the cascade. A map that does not change does "
        "not depend on what the network has learnt. A negative correlation counts as lower than 0.",
        source="Adebayo et al. 2018",
        measure=parameter_randomisation,
    ),
    Column(
        key="emprt",
        title="eMPRT",
        family="sanity",
        better="higher",
        meaning="Relative rise of the entropy of a map's histogram when all layers are random.",
        source="Hedstroem et al. 2023",
        measure=efficient_randomisation,
    ),
    Column(
        key="random-logit",
        title="Random logit",
        family="sanity",
        better="lower",
        meaning="Spearman's correlation with the map of another, random class. A negative "
        "correlation counts as lower than 0.",
        source="Sixt et al. 2020",
        measure=random_logit,
        lacks=_lacks_classes,
    ),
    Column(
        key="sensitivity",
        title="Sensitivity",
        family="sanity",
        better="lower",
        meaning="Largest relative change of the map under uniform noise of 2 % of the inputs' "
        "range. The random numbers of the method are the same with and without the noise.",
        source="Yeh et al. 2019; captum.metrics.sensitivity_max",
        measure=captum_sensitivity,
    ),
)
