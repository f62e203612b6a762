"""Maps become pictures in which sparse ones stay visible."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from captum_rectgrad.plotting.maps import Row, plot_comparison
from captum_rectgrad.plotting.single_map import capped_map, plot_map


def test_channels_are_summed_and_outliers_capped_by_hand() -> None:
    # 0, 1, ..., 1000 in one channel and the same in another: 2 i, capped at the ranks 5 and 995.
    channel = np.arange(1001.0).reshape(7, 143)
    capped = capped_map(np.stack([channel, channel]))
    assert capped.shape == (7, 143)
    assert capped.min() == 10
    assert capped.max() == 1990
    assert capped[3, 70] == 2 * channel[3, 70]
    assert np.array_equal(capped, capped_map(torch.from_numpy(2 * channel)))


def test_clipping_keeps_a_map_sparser_than_the_percentile() -> None:
    sparse = np.zeros((100, 100))
    sparse[:2, 0] = [4, 8]
    # The 99.5th percentile of all is 0; of the two values it is 8 - 0.005 * 4.
    assert np.percentile(sparse, 99.5) == 0
    capped = capped_map(sparse)
    assert capped[0, 0] == 4
    assert capped[1, 0] == pytest.approx(7.98)
    assert np.array_equal(capped_map(-sparse), -capped)


def test_clipping_keeps_a_map_of_zeros() -> None:
    assert capped_map(torch.zeros(3, 4, 5)).tolist() == np.zeros((4, 5)).tolist()


@pytest.mark.parametrize("shape", [(5,), (1, 3, 4, 5), (0, 4)])
def test_other_shapes_raise_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(C, H, W\) or \(H, W\)"):
        capped_map(torch.zeros(shape))


def test_maps_that_are_not_finite() -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        capped_map(torch.tensor([[1.0, torch.nan]]))


def pixels(figure: Figure) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    canvas = figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())  # type: ignore[attr-defined]


def test_one_positive_pixel_is_drawn_red_and_one_negative_blue() -> None:
    figure = Figure(figsize=(2, 2))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    values = torch.zeros(3, 224, 224)
    values[:, 50:53, 50:53] = 1
    values[:, 150:153, 150:153] = -1
    plot_map(values, axes)
    drawn = pixels(figure).reshape(-1, 4).astype(int)
    red, green, blue = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    assert ((red > 100) & (green < 50) & (blue < 50)).any()
    assert ((blue > 60) & (green < 50) & (red < 50)).any()
    assert (drawn[:, :3] > 250).all(axis=1).mean() > 0.9


def test_the_figure_has_a_row_for_each_image_and_a_column_for_each_method() -> None:
    image = np.full((8, 8, 3), 0.5)
    rows = [
        Row(image, "cat 90%", {"RectGrad": torch.rand(3, 8, 8), "DeepLIFT": "not available: why"}),
        Row(image, "dog 80%", {"RectGrad": torch.rand(8, 8)}),
    ]
    figure = plot_comparison(rows)
    shown = [axes.get_title() for axes in figure.axes]
    assert shown == ["cat 90%", "RectGrad", "DeepLIFT", "dog 80%", "", ""]
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said == ["not available: why", "not computed"]
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 0, 1, 1, 0]


@pytest.mark.parametrize("size", [32, 224, 299])
def test_every_pixel_of_a_map_is_drawn_in_one_size(size: int) -> None:
    image = np.zeros((size, size, 3))
    # Every second row and column lit: a skipped or doubled one would show in the count.
    lattice = torch.zeros(size, size)
    lattice[::2, ::2] = 1
    figure = plot_comparison([Row(image, "cat 90%", {"a": lattice, "b": lattice})] * 2)
    zoom = -(-224 // size)
    panel = figure.axes[1].get_window_extent()
    assert panel.width == pytest.approx(size * zoom, abs=1e-6)
    drawn = pixels(figure)[..., :3].astype(int)
    lit = (drawn[..., 0] > drawn[..., 1] + 60) & (drawn[..., 0] > drawn[..., 2] + 60)
    # The frame covers a little of the outermost row and column of each of the four panels.
    expected = 4 * lattice.sum().item() * zoom**2
    assert lit.sum() == pytest.approx(expected, rel=0.05)


def test_a_comparison_in_a_figure_of_the_caller_keeps_its_resolution() -> None:
    rows = [Row(np.full((8, 8, 3), 0.5), "cat 90%", {"RectGrad": torch.eye(8)})]
    given = plt.figure(figsize=(9, 1), dpi=30)
    try:
        assert plot_comparison(rows, given) is given
        assert plt.gcf() is given
        assert given.dpi == 30
        assert given.axes[1].get_window_extent().width == pytest.approx(48)  # 1.6 inches
    finally:
        plt.close(given)


def test_a_map_over_its_image_and_its_colour_scale() -> None:
    image = np.full((8, 8, 3), 0.5)
    values = torch.zeros(8, 8)
    values[2], values[5] = 4, -4  # more than the half percent that is clipped
    figure = plot_comparison([Row(image, "", {"a": values})], overlay=True, colorbar=True)
    (shown,) = figure.axes[1].images
    drawn = np.asarray(shown.get_array())
    assert np.ptp(drawn[0, 0]) < 1e-9  # grey
    assert drawn[2, 3].argmax() == 0  # red
    assert drawn[5, 6].argmax() == 2  # blue
    (bar,) = figure.axes[1].child_axes
    assert [label.get_text() for label in bar.get_xticklabels()] == ["-4.0e+00", "0", "4.0e+00"]
    with pytest.raises(ValueError, match="same height and width"):
        plot_comparison([Row(image[:4], "", {"a": values})], overlay=True)


def test_the_colour_bar_of_an_overlay_has_the_colours_of_the_map() -> None:
    values = torch.linspace(-4, 4, 64).reshape(8, 8)
    rows = [Row(np.full((8, 8, 3), 0.5), "", {"a": values})]
    figure = plot_comparison(rows, overlay=True, colorbar=True)
    pixels(figure)
    (shown,) = figure.axes[1].images
    (bar,) = figure.axes[1].child_axes
    strip = next(each for each in bar.collections if isinstance(each, QuadMesh))
    scale = float(bar.get_xlim()[1])
    expected = strip.to_rgba(np.clip(values.numpy(), -scale, scale))[..., :3]
    assert expected[0, 0] == pytest.approx((0, 0, 0.4), abs=0.1)  # dark blue
    assert expected[3, 7] == pytest.approx((0.6,) * 3, abs=0.2)  # grey
    np.testing.assert_allclose(np.asarray(shown.get_array()), expected, atol=0.02)


def test_a_map_of_zeros_is_labelled_all_zero() -> None:
    image = np.zeros((8, 8, 3))
    figure = plot_comparison([Row(image, "cat 90%", {"RectGrad": torch.zeros(3, 8, 8)})])
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["all zero"]


def test_no_text_of_the_figure_overlaps_another() -> None:
    image = np.zeros((8, 8, 3))
    panels: dict[str, torch.Tensor | str] = {
        "IntegratedGrad.": torch.rand(8, 8),
        "Gradient * Input": "not available: " + "a long reason that goes on for a while " * 3,
    }
    caption = "a class with a rather long name 100%; shown: another one"
    figure = plot_comparison([Row(image, caption, panels)] * 3)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    figure.draw(renderer)
    boxes = [
        artist.get_window_extent(renderer)
        for axes in figure.axes
        for artist in (axes.title, *axes.texts)
        if artist.get_text()
    ]
    assert len(boxes) == 2 + 3 + 3
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        plot_comparison([])


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    image, maps = np.zeros((4, 4, 3)), {"Saliency": torch.ones(4, 4)}
    names = ("cat.png", "IMG_20230401_123456_edited.jpg")
    figure = plot_comparison([Row(image, "cat", maps, name) for name in names])
    shown = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert shown == ["cat.png", "IMG_2023040..._edited.jpg"]
