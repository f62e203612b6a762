import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad.plotting.single_map import plot_map
from captum_rectgrad.studies.figures.figure_layout import new_figure
from captum_rectgrad.studies.figures.map_grid import (
    ImageRow,
    block_size,
    draw_block,
    picture,
)

MAP = torch.randn(3, 16, 16, generator=torch.manual_seed(0))
IMAGE = torch.arange(3 * 16 * 16, dtype=torch.uint8).reshape(3, 16, 16)


def drawn_alone(attribution: Tensor) -> NDArray[np.float64]:
    axes = Figure().subplots()
    plot_map(attribution, axes)
    (image,) = axes.images
    values = image.get_array()
    assert values is not None
    return image.to_rgba(values)[..., :3]


def test_a_picture_is_the_image_whichever_way_it_is_given() -> None:
    expected = IMAGE.permute(1, 2, 0).numpy() / 255
    np.testing.assert_allclose(picture(IMAGE), expected, atol=1e-6)
    np.testing.assert_allclose(picture(IMAGE / 127.5 - 1), expected, atol=1e-6)


def test_panels_lie_where_their_titles_say() -> None:
    lines = [
        ImageRow(IMAGE, "first", {"a": MAP, "b": torch.zeros(3, 16, 16)}),
        ImageRow(IMAGE.flip(0), "second", {"a": -MAP, "b": MAP}),
    ]
    figure = new_figure(*block_size(lines))
    draw_block(figure, lines, "title")
    (axes,) = figure.axes
    canvas = axes.images[0].get_array()
    assert canvas is not None
    for line, y in zip(lines, axes.get_yticks(), strict=True):
        top = round(y - 8)
        np.testing.assert_allclose(canvas[top : top + 16, :16], picture(line.image))
        for name, x in zip(line.maps, axes.get_xticks(), strict=True):
            left = round(x - 8)
            drawn = canvas[top : top + 16, left : left + 16]
            np.testing.assert_allclose(drawn, drawn_alone(line.maps[name]), atol=1e-6)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [
        ("all zero", (axes.get_xticks()[1], axes.get_yticks()[0]))
    ]


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="give at least one line"):
        draw_block(new_figure(1, 1), [], "title")
