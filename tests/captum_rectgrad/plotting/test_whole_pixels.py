"""Every lit pixel of a sparse map is in the written file, whoever writes it and how."""

import base64
import io
import re
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from captum_rectgrad.plotting.maps import Row, plot_comparison
from captum_rectgrad.plotting.single_map import plot_map
from captum_rectgrad.plotting.whole_pixels import draw_pixels
from tests.support.drawn_pixels import Pixels, check_drawn, read, red, sparse_map

SIZE = 224


def comparison(figure: Figure | None = None) -> Figure:
    return plot_comparison([Row(np.zeros((SIZE, SIZE, 3)), "cat", {"a": sparse_map(SIZE)})], figure)


def check(pixels: Pixels, zoom: int) -> None:
    check_drawn(pixels, SIZE, zoom)


def saved(save: Callable[..., object], **options: object) -> Pixels:
    written = io.BytesIO()
    save(written, format="png", **options)
    return read(written)


@pytest.mark.parametrize(
    ("options", "zoom"),
    [
        ({}, 1),
        ({"dpi": "figure"}, 1),
        ({"dpi": 280}, 2),
        ({"dpi": 333}, 2),
        ({"dpi": 600}, 4),
        ({"bbox_inches": "tight"}, 1),
        ({"bbox_inches": "tight", "dpi": 451}, 3),
    ],
    ids=str,
)
def test_savefig_of_a_comparison(options: dict[str, object], zoom: int) -> None:
    check(saved(comparison().savefig, **options), zoom)


def test_a_figure_that_is_made_larger_afterwards() -> None:
    figure = comparison()
    width, height = figure.get_size_inches()
    figure.set_size_inches(2 * width, 2 * height)
    check(saved(figure.savefig), 2)
    figure.set_dpi(2 * figure.dpi)  # of the display; the file keeps the first resolution
    check(saved(figure.savefig), 2)
    check(saved(figure.savefig, dpi=figure.dpi), 4)


@pytest.mark.parametrize("dpi", [72, 100, 140, 227])
def test_savefig_of_pyplot(dpi: int) -> None:
    figure = comparison(plt.figure(figsize=(3, 3), dpi=dpi))
    try:
        zoom = -(-16 * dpi // (10 * SIZE))
        check(saved(plt.savefig), zoom)
        check(saved(plt.savefig, bbox_inches="tight"), zoom)
    finally:
        plt.close(figure)


@pytest.mark.parametrize("owner", ["notebook", "caller"])
def test_the_inline_backend_of_notebooks(owner: str) -> None:
    figure = comparison(plt.figure(dpi=72) if owner == "caller" else None)
    try:
        written = io.BytesIO()
        figure.canvas.print_figure(written, dpi=figure.dpi, bbox_inches="tight", format="png")
        check(read(written), 1)
    finally:
        plt.close(figure)


def test_the_display_of_ipython() -> None:
    pytools = pytest.importorskip("IPython.core.pylabtools")
    check(read(io.BytesIO(pytools.print_figure(comparison()))), 1)
    retina, _ = pytools.retina_figure(comparison())
    check(read(io.BytesIO(retina)), 2)


def test_a_notebook_without_pyplot_displays_the_figure() -> None:
    figure = comparison()
    display = getattr(figure, "_repr_png_")  # noqa: B009 (not an attribute of Figure)
    check(read(io.BytesIO(display())), 1)


def test_axes_in_a_layout_of_the_caller() -> None:
    figure = Figure(figsize=(6, 3), dpi=100, layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False)[0]
    right.suptitle("a title")
    left.subplots()
    plot_map(sparse_map(SIZE), right.subplots())
    check(saved(figure.savefig, dpi=120), 1)


@pytest.mark.parametrize("bbox", [None, "tight"])
def test_svg_contains_the_map_at_its_own_size(bbox: str | None) -> None:
    written = io.StringIO()
    comparison().savefig(written, format="svg", bbox_inches=bbox)
    found = re.findall(r"data:image/png;base64,\s*([^\"]+)", written.getvalue())
    images = [read(io.BytesIO(base64.b64decode(each))) for each in found]
    (drawn,) = [image for image in images if red(image).any()]
    assert drawn.shape[:2] == (SIZE, SIZE)
    check(drawn, 1)


def test_pdf_contains_the_map_at_its_own_size() -> None:
    written = io.BytesIO()
    comparison().savefig(written, format="pdf")
    sizes = re.findall(rb"/Width (\d+)", written.getvalue())
    assert sizes == [b"%d" % SIZE] * 2  # the picture and the map


def test_a_figure_smaller_than_the_map_loses_no_pixel() -> None:
    figure = Figure(figsize=(1, 1), dpi=160)
    draw_pixels(
        figure.add_axes((0, 0, 1, 1)), sparse_map(SIZE).numpy(), cmap="Greys", vmin=0, vmax=1
    )
    drawn = saved(figure.savefig)[..., 0]
    for row, column in sparse_map(SIZE)[1:-1, 1:-1].nonzero() + 1:
        y, x = int((row + 0.5) * 160 / SIZE), int((column + 0.5) * 160 / SIZE)
        assert drawn[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].min() < 235
