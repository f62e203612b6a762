"""Faithfulness on linear networks, by hand and against Quantus."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from captum_rectgrad.studies.board.columns import choose_columns
from captum_rectgrad.studies.board.faithfulness import (
    captum_infidelity,
    curve_area,
    probabilities,
    road,
)
from tests.support.board import SIZES, Linear, explained, method, network, own

# One pixel of 16 decides: class 0 where it is positive.
DECISIVE = torch.zeros(2, 16)
DECISIVE[0, 5] = 4
INPUTS = torch.ones(12, 1, 4, 4)
DECIDED = network(Linear(DECISIVE).eval(), INPUTS)


def first(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    """The decisive pixel first."""
    maps = torch.zeros_like(x)
    maps[:, :, 1, 1] = 1
    return maps


def last(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return -first(model, x, y)


def test_area_by_hand() -> None:
    full, none = float(torch.tensor(4.0).sigmoid()), 0.5
    found = explained(own(first), DECIDED)
    # With the decisive pixel first, one step of eight (two pixels) leaves the class at one half.
    deletion = curve_area(found, torch.zeros_like, "worst")
    assert deletion == pytest.approx(none * 7 / 8 + (full + none) / 2 / 8)
    insertion = curve_area(found, torch.zeros_like, "best")
    assert insertion == pytest.approx(full * 7 / 8 + (full + none) / 2 / 8)
    swapped = explained(own(last), DECIDED)
    assert curve_area(swapped, torch.zeros_like, "best") == pytest.approx(deletion)


def test_insertion_begins_with_a_blurred_image_and_deletion_ends_in_zeros() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(5, 1, 8, 8, generator=generator)
    model = Linear(torch.randn(3, 64, generator=generator)).eval()
    # One step: the area is the mean of the curve's two ends.
    found = explained("saliency", network(model, inputs), replace(SIZES, steps=1))
    blurred = gaussian_filter(inputs.numpy(), 5, radius=11 // 2, mode="mirror", axes=(2, 3))
    empty = {"insertion": torch.from_numpy(blurred), "deletion": torch.zeros_like(inputs)}
    for column in choose_columns(list(empty)):
        ends = [model(x).softmax(dim=1).detach().numpy() for x in (empty[column.key], inputs)]
        expected = np.mean(ends, axis=0)[np.arange(5), found.network.targets]
        np.testing.assert_allclose(column.measure(found), expected, rtol=1e-5)


def test_deletion_agrees_with_quantus() -> None:
    quantus = pytest.importorskip("quantus")
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(4, 1, 4, 4, generator=generator)
    model = Linear(torch.randn(3, 16, generator=generator)).eval()
    found = explained("gradient-input", network(model, inputs))
    metric = quantus.PixelFlipping(
        features_in_step=2,
        perturb_baseline=0.0,
        abs=False,
        normalise=False,
        disable_warnings=True,
    )
    curves = metric(
        model=model,
        x_batch=inputs.numpy(),
        y_batch=found.network.targets.numpy(),
        a_batch=found.own_maps.float().numpy(),
        softmax=True,
    )
    # Quantus' curve begins after the first step.
    whole = probabilities(model, inputs, found.network.targets).numpy()
    curves = np.column_stack([whole, np.array(curves)])
    area = (curves[:, 1:] + curves[:, :-1]).mean(axis=1) / 2
    np.testing.assert_allclose(curve_area(found, torch.zeros_like, "worst"), area, rtol=1e-5)


def test_road_removes_from_both_ends() -> None:
    assert (road(explained(own(first), DECIDED), least=True) == 1).all()
    # Class 1 wins nowhere: an imputed pixel of a constant image has its value again, but for noise.
    inputs = torch.where(DECISIVE[0].view(1, 1, 4, 4) > 0, 1.0, -1.0).expand(12, 1, 4, 4)
    model = Linear(DECISIVE).eval()
    peaked = network(model, inputs.clone())
    assert (road(explained(own(first), peaked), least=False) == 0).all()
    assert (road(explained(own(first), peaked), least=True) == 1).all()
    assert (road(explained(own(last), peaked), least=True) == 0).all()


def test_roads_noise_follows_the_seed() -> None:
    # Class 0 wins where pixel 5 is brighter than pixel 15. Imputed, it is so by the noise alone.
    weights = torch.zeros(2, 16)
    weights[0, 5] = weights[1, 15] = 1
    inputs = torch.ones(40, 1, 4, 4)
    inputs[:, :, 1, 1] = 2
    values = -torch.arange(16.0)
    values[5] = 1
    maps = values.view(1, 1, 4, 4).expand_as(inputs)
    found = explained(own(lambda *_: maps.clone()), network(Linear(weights).eval(), inputs))
    first, again, other = (
        road(replace(found, seed=seed), least=False).tolist() for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_gradient_of_a_linear_network_has_no_infidelity_at_any_scale() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(4, 1, 4, 4, generator=generator)
    made = network(Linear(torch.randn(3, 16, generator=generator)).eval(), inputs)
    gradient = method("saliency").attribute
    for scale in (1, 7):
        scaled = own(lambda *call, times=scale: times * gradient(*call))
        assert captum_infidelity(explained(scaled, made)) == pytest.approx(0, abs=1e-6)
    assert (captum_infidelity(explained(own(first), made)) > 1e-4).all()


def test_constant_maps_have_no_value() -> None:
    def constant(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
        return torch.full_like(x, 3)

    found = explained(own(constant), DECIDED)
    assert np.isnan(road(found, least=True)).all()
    assert np.isnan(curve_area(found, torch.zeros_like, "best")).all()
