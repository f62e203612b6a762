"""Captum's visualization draws the maps, and says what it cannot draw."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pytest
import torch
from captum.attr import visualization
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from captum_rectgrad import RectGrad
from tests.support.captum_configs import ENTRIES

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)

Array = NDArray[np.float64]

# A map with values of either sign, and one that is not multiplied by the inputs.
DRAWN = {case.method: case for case in ENTRIES["conv_with_perturbations_per_eval"]}


@pytest.fixture(autouse=True)
def agg() -> Iterator[None]:
    backend = mpl.get_backend()
    mpl.use("Agg")
    yield
    plt.close("all")
    mpl.use(backend)


def channels_last(tensor: torch.Tensor) -> Array:
    """`(C, H, W)` as `(H, W, C)`, the way Captum's tutorials hand maps over."""
    transposed: Array = np.transpose(tensor.detach().numpy(), (1, 2, 0))
    return transposed


def drawn(method: str) -> tuple[Array, Array]:
    """A picture of 10 by 10 pixels and its map."""
    case = DRAWN[method].fresh()
    (maps,) = case.attribute()
    picture = channels_last(case.arguments["inputs"][0]) / 400
    return channels_last(maps[0]), picture


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("sign", ["positive", "all", "absolute_value"])
def test_a_map_is_drawn_as_it_is(name: str, sign: str) -> None:
    attribution, picture = drawn(name)
    figure, axes = visualization.visualize_image_attr(
        attribution, picture, method="heat_map", sign=sign, show_colorbar=True, use_pyplot=False
    )
    figure.canvas.draw()
    shown = np.asarray(axes.images[0].get_array())
    values = attribution.sum(axis=2)
    expected = {"all": values, "positive": values.clip(min=0), "absolute_value": abs(values)}[sign]
    assert shown.shape == (10, 10)
    # Proportional to the map where Captum does not cap it.
    inside = (abs(shown) < 1) & (expected != 0)
    ratios = shown[inside] / expected[inside]
    assert len(ratios) > 2
    np.testing.assert_allclose(ratios, ratios[0])
    assert (shown[expected == 0] == 0).all()


@pytest.mark.parametrize("name", DRAWN)
def test_several_ways_side_by_side(name: str) -> None:
    attribution, picture = drawn(name)
    methods = ["original_image", "heat_map", "blended_heat_map", "masked_image", "alpha_scaling"]
    figure, axes = visualization.visualize_image_attr_multiple(
        attribution,
        picture.repeat(3, axis=2),
        methods,
        ["all", "positive", "absolute_value", "positive", "absolute_value"],
        titles=methods,
        show_colorbar=True,
        use_pyplot=False,
    )
    figure.canvas.draw()
    assert [axis.get_title() for axis in axes] == methods
    assert all(axis.images for axis in axes)


@pytest.mark.parametrize("method", ["heat_map", "blended_heat_map", "masked_image"])
def test_an_all_zero_map_is_refused_by_captum(method: str) -> None:
    case = ENTRIES["conv_neuron"][0].fresh()
    x = case.arguments["inputs"][:1]
    # The paper's percentile closes the layer of eight units.
    empty = RectGrad(case.model).attribute(x, target=0)
    assert empty.count_nonzero() == 0
    with pytest.raises(AssertionError, match="Cannot normalize by scale factor = 0"):
        visualization.visualize_image_attr(
            channels_last(empty[0]),
            channels_last(x[0]) / 400,
            method=method,
            sign="positive",
            use_pyplot=False,
        )


def test_captum_warns_of_maps_as_small_as_those_of_a_softmax() -> None:
    attribution, picture = drawn("RectGrad")
    small = attribution / abs(attribution).max() * 1e-6
    with pytest.warns(UserWarning, match="normalize by value approximately 0"):
        visualization.visualize_image_attr(
            small, picture, method="heat_map", sign="positive", use_pyplot=False
        )
