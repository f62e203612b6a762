"""Occlusion beside a naive loop that runs the network once for each occlusion."""

import itertools
import math

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

import rectgrad_zoo  # noqa: F401 (registers the architectures)
from captum_rectgrad.studies.kim2019.feature_map_occlusion import verdict_on
from captum_rectgrad.studies.kim2019.occlusion_curves import (
    BY_FRACTION,
    BY_NUMBER,
    UNITS,
    Curves,
    Unit,
    loss,
    margin,
    occluded_logits,
    occlusion_curves,
    random_ranks,
    units_of,
)

IMAGE = torch.randn(1, 2, 5, 6, generator=torch.manual_seed(0)).double()
LABEL = 1


def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 3, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(90, 3),
    ).double()


def region() -> Tensor:
    mask = torch.zeros(5, 6, dtype=torch.bool)
    mask[1:4, 2:4] = True  # 6 of 30 positions
    return mask


def test_margin_by_hand() -> None:
    logits = torch.tensor([[1.0, 4.0, 2.5], [3.0, -1.0, 3.0]])
    assert margin(logits, 1).tolist() == [1.5, -4.0]
    assert margin(logits, 0).tolist() == [-3.0, 0.0]
    assert logits[0, 1] == 4.0


@pytest.mark.parametrize(("unit", "size"), [("single units", 18), ("positions", 6)])
def test_every_order_takes_each_unit_of_the_region_once_and_no_other(unit: Unit, size: int) -> None:
    units = units_of(unit, region(), 3)
    assert units.sum() == size
    ranks = random_ranks(units, 40, np.random.default_rng(0))
    assert ranks.shape == (40, *units.shape)
    for order in ranks:
        assert sorted(order[units].tolist()) == list(range(size))
        assert (order[~units] >= size).all()
    assert len({tuple(order[units].tolist()) for order in ranks}) > 30
    # Each unit is as likely to be the first.
    many = random_ranks(units, 3000, np.random.default_rng(1))[:, units]
    assert ((many == 0).double().mean(dim=0) - 1 / size).abs().max() < 0.03


class TwoChannels(nn.Module):
    """Logits of maps `(N, 2, 1, W)`: their sum; a class that only one occluded unit favours."""

    def forward(self, maps: Tensor) -> Tensor:
        first, second = maps[:, 0, 0, 0], maps[:, 1, 0, 0]
        return torch.stack((maps.sum(dim=(1, 2, 3)), 6 * (first - second).relu()), dim=1)


def test_single_units_and_positions_by_hand() -> None:
    model = nn.Sequential(nn.ReLU(), TwoChannels())
    image = torch.tensor([[[[1.0, 3.0]], [[1.0, 5.0]]]])
    ranks = {
        # Both orders of the two channels at the left position; outside comes last.
        "units": torch.tensor([[[[0, 4]], [[1, 4]]], [[[1, 4]], [[0, 4]]]]),
        "position": torch.tensor([[[[0, 2]]]]),
    }
    found = occlusion_curves(model, model[0], image, 0, ranks, 2, batch_size=10)[BY_FRACTION]
    # Logits are 10 and 0, and 8 and 0 at the end. Half of the units is one: 9 and 0, or 9 and 6.
    # The mean logits are 9 and 3. Half of one position is rounded to none.
    assert found["units"].tolist() == [10, 6, 8]
    assert found["position"].tolist() == [10, 10, 8]


def test_the_margin_is_that_of_the_mean_logits() -> None:
    class Rival(nn.Module):
        def forward(self, maps: Tensor) -> Tensor:
            first, second = maps[:, 0, 0, 0], maps[:, 1, 0, 0]
            return torch.stack((0 * first, 4 * first, 4 * second), dim=1)

    model = nn.Sequential(nn.ReLU(), Rival())
    ranks = {"object": torch.tensor([[[[0]], [[1]]], [[[1]], [[0]]]])}
    found = occlusion_curves(model, model[0], torch.ones(1, 2, 1, 1), 0, ranks, 2, batch_size=10)
    # After one unit either rival has 4 in one of two orders: margins are -4, of the mean logits -2.
    assert found[BY_FRACTION]["object"].tolist() == [-4, -2, 0]


def naive_margins(model: nn.Sequential, layer: int, ranks: Tensor) -> list[float]:
    """The margin of the mean logits with 0, 1, ... units of the region occluded."""
    found = []
    for count in range(int((ranks[0] < ranks[0].numel()).sum()) + 1):
        logits = torch.zeros(3, dtype=torch.float64)
        for order in ranks:
            hidden = model[: layer + 1](IMAGE).detach()[0]
            for where in itertools.product(*map(range, hidden.shape)):
                if order.expand_as(hidden)[where] < count:
                    hidden[where] = 0
            logits += model[layer + 1 :](hidden[None])[0].detach() / len(ranks)
        first, label, last = logits.tolist()
        found.append(label - max(first, last))
    return found


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("layer", "channels"), [(0, 4), (3, 3)])
def test_curves_written_naively(layer: int, channels: int, unit: Unit) -> None:
    model, generator = net(), np.random.default_rng(2)
    ranks = {
        name: random_ranks(units_of(unit, mask, channels), 3, generator)
        for name, mask in (("object", region()), ("background", ~region()))
    }
    found = occlusion_curves(model, model[layer], IMAGE, LABEL, ranks, 4, batch_size=5)
    fractions = np.array([0, 0.25, 0.5, 0.75, 1])
    smaller = 6 * (channels if unit == "single units" else 1)
    for name, orders in ranks.items():
        exact = naive_margins(model, layer, orders)
        counts = [round(fraction * (len(exact) - 1)) for fraction in fractions.tolist()]
        own = [exact[count] for count in counts]
        assert found[BY_FRACTION][name].tolist() == pytest.approx(own)
        between = np.interp(fractions * smaller, counts, own).tolist()
        assert found[BY_NUMBER][name].tolist() == pytest.approx(between)


def test_more_steps_than_positions_and_any_batch_size_are_the_same() -> None:
    model = net()
    ranks = {
        "object": random_ranks(region()[None], 2, np.random.default_rng(3)),
        "background": random_ranks(~region()[None], 2, np.random.default_rng(4)),
    }
    one, other = (
        occlusion_curves(model, model[1], IMAGE, LABEL, ranks, 60, batch_size=size)
        for size in (1, 500)
    )
    for view, name in itertools.product((BY_FRACTION, BY_NUMBER), ranks):
        np.testing.assert_allclose(one[view][name], other[view][name], rtol=1e-9)
    curve = one[BY_FRACTION]["object"]
    assert len(np.unique(curve)) == 7
    np.testing.assert_allclose(one[BY_NUMBER]["object"][::10], curve[::10])


def test_without_an_object_there_is_no_curve() -> None:
    model, nothing = net(), torch.zeros(5, 6, dtype=torch.bool)
    generator = np.random.default_rng(0)
    ranks = {
        "object": random_ranks(nothing[None], 2, generator),
        "background": random_ranks(~nothing[None], 2, generator),
    }
    found = occlusion_curves(model, model[1], IMAGE, LABEL, ranks, 4, batch_size=5)
    assert all(
        math.isnan(value) for view in found.values() for curve in view.values() for value in curve
    )


def test_skip_connections_around_the_layer() -> None:
    torch.manual_seed(0)
    model = timm.create_model("cifar10_resnet", num_classes=10).eval()
    image = torch.randn(1, 3, 32, 32, generator=torch.manual_seed(0))
    layer = model.get_submodule(
        "layer1.0.act1"
    )  # inside a block: the skip connection goes around it
    hidden = torch.rand(3, 1, 32, 32, generator=torch.manual_seed(1)) < 0.5
    found = occluded_logits(model, layer, image, hidden)
    assert not layer._forward_hooks
    for number in range(3):
        keep = (~hidden[number]).float()
        handle = layer.register_forward_hook(lambda _, __, output, keep=keep: output * keep)
        with torch.no_grad():
            expected = model(image)
        handle.remove()
        torch.testing.assert_close(found[number : number + 1], expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_mean_over_the_steps() -> None:
    curve = np.array([[4.0, 3.0, 1.0, -1.0], [1.0, 1.0, 1.0, 1.0]])
    assert loss(curve).tolist() == [3.0, 0.0]


def curves_that_lose(by_object: float, by_background: float) -> Curves:
    noise = np.random.default_rng(0).normal(size=(50, 1))
    fall = np.linspace(0, 1, 5)
    curves = {
        "object": 3 + noise - by_object * fall,
        "background": 3 + noise - by_background * fall * (1 + 0.1 * noise),
    }
    return {BY_FRACTION: curves, BY_NUMBER: curves}


def test_the_claim_is_about_every_layer() -> None:
    more, less = curves_that_lose(4, 1), curves_that_lose(1, 4)
    holds = verdict_on({"conv1": more, "conv2": more}, "single units", BY_FRACTION, 0)
    assert holds.verdict == "holds"
    assert "conv1 1.8" in holds.because
    assert "(single units, by fraction of the region)" in holds.text
    mixed = verdict_on({"conv1": more, "conv2": less}, "positions", BY_NUMBER, 0)
    assert mixed.verdict == "does not hold"
