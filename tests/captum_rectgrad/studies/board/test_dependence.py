"""Sanity columns on networks whose answer is known, and against Quantus."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.studies.board.dependence import (
    captum_sensitivity,
    complexity,
    efficient_randomisation,
    parameter_randomisation,
    random_logit,
)
from tests.support.board import SIZES, Linear, explained, network, own

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.rand(6, 1, 8, 8, generator=GENERATOR)
WEIGHTS = torch.randn(1, 64, generator=GENERATOR)
# The second class is the opposite of the first.
OPPOSITE = network(Linear(torch.cat([WEIGHTS, -WEIGHTS])).eval(), INPUTS)


def image(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return x.detach()


def test_a_method_that_ignores_the_network_does_not_change() -> None:
    found = explained(own(image), OPPOSITE)
    assert parameter_randomisation(found) == pytest.approx(1)
    assert efficient_randomisation(found) == pytest.approx(0)
    assert random_logit(found) == pytest.approx(1)


def test_parameter_randomisation_is_the_mean_over_steps_of_the_cascade() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Linear(8, 4), nn.Linear(4, 2)).eval()
    first = next(model.parameters()).clone()

    def turned(changed: nn.Module, x: Tensor, _: Tensor) -> Tensor:
        """The image, negated once the first layer is random."""
        weight = next(changed.parameters())
        return x.detach() * (1 if torch.equal(weight, first) else -1)

    # Of three steps the last one alone reaches the first layer.
    found = explained(own(turned), network(model, INPUTS), replace(SIZES, random_models=3))
    assert parameter_randomisation(found) == pytest.approx((1 + 1 - 1) / 3)


def test_gradient_of_a_linear_network() -> None:
    found = explained("saliency", OPPOSITE)
    assert random_logit(found) == pytest.approx(-1)
    assert (np.abs(parameter_randomisation(found)) < 0.5).all()
    assert captum_sensitivity(found) == pytest.approx(0)


def test_sensitivity_by_hand() -> None:
    # The map is the image: it changes by the noise, at most 2 % of the range in each pixel.
    values = captum_sensitivity(explained(own(image), OPPOSITE))
    sizes = INPUTS.flatten(1).norm(dim=1)
    radius = 0.02 * float(INPUTS.max() - INPUTS.min())
    assert (values <= (radius * 8 / sizes).numpy()).all()
    assert (values >= (0.4 * radius * 8 / sizes).numpy()).all()


def test_sensitivity_does_not_count_the_random_numbers_of_a_method() -> None:
    assert captum_sensitivity(explained("random", OPPOSITE)) == pytest.approx(0)


def test_complexity_by_hand_and_as_in_quantus() -> None:
    assert complexity(torch.zeros(1, 1, 4, 4)).tolist() == [0]
    halves = torch.arange(16).view(1, 1, 4, 4) % 2
    assert complexity(halves.double()) == pytest.approx(np.log(2))
    quantus = pytest.importorskip("quantus.functions.complexity_func")
    for row, found in zip(INPUTS.numpy(), complexity(INPUTS), strict=True):
        assert quantus.discrete_entropy(row, row) == pytest.approx(found)


def test_random_logit_agrees_with_quantus() -> None:
    quantus = pytest.importorskip("quantus")
    generator = torch.Generator().manual_seed(1)
    made = network(Linear(torch.randn(2, 64, generator=generator)).eval(), INPUTS)
    found = explained("gradient-input", made)

    def explain(*, inputs: object, targets: object, **_: object) -> object:
        maps = found.maps(torch.as_tensor(inputs), torch.as_tensor(targets))
        return maps.numpy()

    metric = quantus.RandomLogit(
        similarity_func=quantus.similarity_func.correlation_spearman,
        num_classes=2,  # so that the other class is the same
        abs=False,
        normalise=False,
        disable_warnings=True,
    )
    expected = metric(
        model=made.model,
        x_batch=INPUTS.numpy(),
        y_batch=made.targets.numpy(),
        a_batch=found.own_maps.numpy(),
        explain_func=explain,
    )
    np.testing.assert_allclose(random_logit(found), expected, atol=1e-6)
