"""Occlusion beside a naive loop that runs the network once for each occlusion."""

import itertools
import math

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

import rectgrad_zoo  # noqa: F401 (registers the architectures)
from captum_rectgrad.studies.kim2019.feature_map_occlusion import (
    BY_FRACTION,
    BY_NUMBER,
    Curves,
    loss,
    margin,
    occluded_margins,
    occlusion_curves,
    random_ranks,
    verdict_on,
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


def test_every_order_takes_each_position_of_the_region_once_and_no_other() -> None:
    ranks = random_ranks(region(), 40, np.random.default_rng(0))
    assert ranks.shape == (40, 5, 6)
    for order in ranks:
        assert sorted(order[region()].tolist()) == list(range(6))
        assert (order[~region()] >= 6).all()
    assert len({tuple(order[region()].tolist()) for order in ranks}) > 30
    # Each position is as likely to be the first.
    many = random_ranks(region(), 3000, np.random.default_rng(1))[:, region()]
    assert ((many == 0).double().mean(dim=0) - 1 / 6).abs().max() < 0.03


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_curves_written_naively(layer: int) -> None:
    model, steps = net(), 4
    generator = np.random.default_rng(2)
    ranks = {
        "object": random_ranks(region(), 3, generator),
        "background": random_ranks(~region(), 3, generator),
    }
    found = occlusion_curves(model, model[layer], IMAGE, LABEL, ranks, steps, batch_size=5)
    exact: dict[str, list[float]] = {}
    for name, size in (("object", 6), ("background", 24)):
        exact[name] = []
        for count in range(size + 1):
            total = 0.0
            for order in ranks[name]:
                hidden = model[: layer + 1](IMAGE).detach()
                for row, column in itertools.product(range(5), range(6)):
                    if order[row, column] < count:
                        hidden[0, :, row, column] = 0
                logits = model[layer + 1 :](hidden)[0].tolist()
                total += logits[LABEL] - max(logits[0], logits[2])
            exact[name].append(total / 3)
    # A quarter of 6 positions is 1.5: two; three quarters are 4.5: four.
    expected = [exact["object"][count] for count in (0, 2, 3, 4, 6)]
    assert found[BY_FRACTION]["object"].tolist() == pytest.approx(expected)
    expected = [exact["background"][count] for count in (0, 6, 12, 18, 24)]
    assert found[BY_FRACTION]["background"].tolist() == pytest.approx(expected)
    # By number: after 0, 1.5, 3, 4.5, 6 positions; the background's first step is at 6.
    start, first = exact["background"][0], exact["background"][6]
    expected = [start + share * (first - start) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert found[BY_NUMBER]["background"].tolist() == pytest.approx(expected)
    one_and_a_half = exact["object"][0] + 0.75 * (exact["object"][2] - exact["object"][0])
    assert found[BY_NUMBER]["object"][1] == pytest.approx(one_and_a_half)
    assert found[BY_NUMBER]["object"][4] == pytest.approx(exact["object"][6])


def test_more_steps_than_positions_and_any_batch_size_are_the_same() -> None:
    model = net()
    ranks = {
        "object": random_ranks(region(), 2, np.random.default_rng(3)),
        "background": random_ranks(~region(), 2, np.random.default_rng(4)),
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
        "object": random_ranks(nothing, 2, generator),
        "background": random_ranks(~nothing, 2, generator),
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
    hidden = torch.rand(3, 32, 32, generator=torch.manual_seed(1)) < 0.5
    found = occluded_margins(model, layer, image, LABEL, hidden)
    assert not layer._forward_hooks
    for number in range(3):
        keep = (~hidden[number]).float()
        handle = layer.register_forward_hook(lambda _, __, output, keep=keep: output * keep)
        with torch.no_grad():
            expected = margin(model(image), LABEL)
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
    holds = verdict_on({"conv1": more, "conv2": more}, BY_FRACTION, 0)
    assert holds.verdict == "holds"
    assert "conv1 1.8" in holds.because
    assert verdict_on({"conv1": more, "conv2": less}, BY_NUMBER, 0).verdict == "does not hold"
