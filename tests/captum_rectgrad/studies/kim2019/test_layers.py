"""One backward pass for all layers, beside one for each; shares by hand; verdicts."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import Saliency
from torch import nn

from captum_rectgrad import RectGrad
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019.layer_attributions import (
    METHODS,
    layer_gradient_times_value,
    layer_rectgrad,
    layer_saliency,
)
from captum_rectgrad.studies.kim2019.layers import background_area, measure, verdicts
from rectgrad_zoo.data.images import to_model_range

IMAGES = torch.randn(3, 2, 8, 8, generator=torch.manual_seed(1)).double()
TARGETS = torch.tensor([2, 0, 1])
NOISE = np.random.default_rng(0).normal(size=100)


def net(*, inplace: bool) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Identity(),
        nn.Conv2d(2, 6, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 4, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.Flatten(),
        nn.Linear(64, 40),
        nn.ReLU(),
        nn.Linear(40, 3),
    ).double()


@pytest.mark.parametrize("inplace", [False, True])
def test_saliency_of_each_layer_is_the_gradient_of_what_follows(inplace: bool) -> None:
    model = net(inplace=inplace)
    chosen = [0, 2, 3, 5]
    passes: list[object] = []
    model.register_forward_hook(lambda *_: passes.append(1))
    found = layer_saliency(model, [model[k] for k in chosen], IMAGES, TARGETS)
    assert len(passes) == 1
    for k, gradient in zip(chosen, found, strict=True):
        hidden = model[: k + 1](IMAGES.clone()).detach().requires_grad_()
        rest = net(inplace=False)[k + 1 :]
        for i, target in enumerate(TARGETS.tolist()):
            (expected,) = torch.autograd.grad(rest(hidden)[i, target], hidden)
            torch.testing.assert_close(gradient[i], expected[i], rtol=1e-9, atol=1e-12)
    assert not any(module._forward_hooks for module in model[:-1])


def test_at_the_input_both_are_the_maps_themselves() -> None:
    model = net(inplace=False)
    gradient = layer_saliency(model, [model[0], model[2]], IMAGES, TARGETS)[0]
    inputs = IMAGES.clone().requires_grad_()
    expected = Saliency(model).attribute(inputs, target=TARGETS, abs=False)
    torch.testing.assert_close(gradient, expected)
    rectified = layer_rectgrad(model, [model[0], model[2]], IMAGES, TARGETS)[0]
    whole = RectGrad(model, final_threshold=False).attribute(IMAGES, target=TARGETS)
    torch.testing.assert_close(rectified, whole)


def test_gradient_times_value_is_the_gradient_times_the_output_of_the_layer() -> None:
    model = net(inplace=True)
    gradient = layer_saliency(model, [model[3]], IMAGES, TARGETS)[0]
    found = layer_gradient_times_value(model, [model[3]], IMAGES, TARGETS)[0]
    torch.testing.assert_close(found, gradient * model[:4](IMAGES.clone()))


def test_background_area_by_hand() -> None:
    masks = torch.zeros(3, 4, 4, dtype=torch.bool)
    masks[0, 0, 0] = True  # too little for a position of 2 x 2
    masks[1, :2] = True
    masks[2] = True
    np.testing.assert_array_equal(background_area(masks, (4, 4)), [15 / 16, 0.5, np.nan])
    np.testing.assert_array_equal(background_area(masks, (2, 2)), [np.nan, 0.5, np.nan])


@pytest.mark.parametrize("name", METHODS)
def test_shares_of_all_images_are_those_of_each(
    name: str, context: Callable[..., StudyContext]
) -> None:
    made = context()  # batches of 7
    model, data = made.network("plain").model, made.masked()
    modules = {"conv2": model.get_submodule("pool1"), "conv4": model.get_submodule("pool2")}
    found = measure(made, model, modules, data, "test", METHODS[name])
    assert {layer: len(share) for layer, share in found.items()} == {"conv2": 20, "conv4": 20}
    for i in (0, 8, 19):
        image = to_model_range(data.images[i : i + 1])
        maps = METHODS[name](model, list(modules.values()), image, data.labels[i : i + 1])
        blocks = data.masks[i].view(8, 4, 8, 4).sum(dim=(1, 3))  # of 16 pixels each
        expected = share_inside(maps[1], (blocks < 8)[None])
        assert found["conv4"][i] == pytest.approx(expected.item(), rel=1e-3)


def test_without_object_or_background_there_is_no_share(
    context: Callable[..., StudyContext],
) -> None:
    made = context()
    model, data = made.network("plain").model, made.masked()
    masks = data.masks.clone()
    masks[3] = False
    masks[8] = True
    masks[12] = False
    masks[12, 0, 0] = True  # nothing at half the resolution
    modules = {"conv2": model.get_submodule("pool1")}
    found = measure(made, model, modules, replace(data, masks=masks), "test", layer_saliency)
    assert np.flatnonzero(np.isnan(found["conv2"])).tolist() == [3, 8, 12]


def excess(saliency: tuple[float, float], rectgrad: tuple[float, float]) -> list[str]:
    values = {
        name: {
            "input": at_input + 0.01 * NOISE,
            "conv1": 5 + NOISE,
            "conv4": at_last + 0.01 * NOISE[::-1],
        }
        for name, (at_input, at_last) in (
            ("Saliency", saliency),
            ("NoBias RectGrad", rectgrad),
            ("Gradient * Value", rectgrad),
            ("RectGrad", saliency),
        )
    }
    *found, background = verdicts(values, 0)
    assert background.source.startswith("section 3.2")
    assert [claim.source.rpartition("; by ")[2] for claim in found] == [
        *["gradient"] * 3,
        *["value times gradient"] * 3,
    ]
    exchanged = {"holds": "does not hold", "does not hold": "holds"}
    assert found[5].verdict == exchanged[found[2].verdict]  # the two methods are exchanged
    return [claim.verdict for claim in (*found[:3], background)]


def test_verdicts_compare_the_input_with_the_last_layer() -> None:
    yes, no = "holds", "does not hold"
    assert excess(saliency=(1.0, 0.5), rectgrad=(0.4, 0.5))[:3] == [yes, yes, yes]
    # A rise within what is allowed, and one beyond it.
    assert excess(saliency=(1.0, 0.5), rectgrad=(0.52, 0.5))[:3] == [yes, yes, yes]
    assert excess(saliency=(1.0, 0.5), rectgrad=(0.7, 0.5))[:3] == [yes, no, yes]
    assert excess(saliency=(0.9, 1.0), rectgrad=(0.3, 0.8)) == [no, yes, yes, no]
    assert excess(saliency=(0.5, 1.0), rectgrad=(0.8, 0.8))[2] == no
    assert excess(saliency=(1.2, 1.0), rectgrad=(0.8, 0.8))[3] == yes  # more than the area
