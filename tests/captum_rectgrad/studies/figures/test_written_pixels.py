"""Every lit pixel of a sparse map is in the figure that a study writes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from captum_rectgrad.plotting.single_map import plot_map
from captum_rectgrad.studies.figures import legends
from captum_rectgrad.studies.figures.figure_layout import new_figure, sheet, show_image
from captum_rectgrad.studies.figures.map_grid import ImageRow, block_dpi, block_size, draw_block
from captum_rectgrad.studies.framework.registry import find
from captum_rectgrad.studies.framework.result import Result
from captum_rectgrad.studies.report.report import FIGURE
from captum_rectgrad.studies.report.run_folder import record
from tests.support.drawn_pixels import Pixels, check_drawn, sparse_map


def written(figure: Figure, folder: Path) -> Pixels:
    """The picture that a study with this figure writes."""
    config = {"preset": "smoke", "material": "shapes", "images": 1}
    record(folder, find("patch"), Result([], [], figure), config, {"date": "today", "used": {}})
    return np.asarray(Image.open(folder / FIGURE).convert("RGB"))


def two_blocks(size: int) -> Figure:
    """Two blocks side by side, with two maps each, above curves."""
    grey = torch.zeros(3, size, size)
    lines = [ImageRow(grey, "a caption", {"a": sparse_map(size), "b": torch.zeros(size, size)})]
    width, height = block_size(lines)
    figure = new_figure(2 * width, height + 3, block_dpi(lines))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[height, 3])[:, 0]
    for part in above.subfigures(1, 2):
        draw_block(part, lines, "title")
    for axes in below.subplots(1, 3):
        axes.set_title("curves")
        axes.plot([0, 1], [0, 1e-6], color="black")
    return figure


@pytest.mark.parametrize(("size", "zoom"), [(10, 12), (32, 4), (224, 1)])
def test_blocks_of_maps(size: int, zoom: int, tmp_path: Path) -> None:
    drawn = written(two_blocks(size), tmp_path)
    middle = drawn.shape[1] // 2
    for half in (drawn[:, :middle], drawn[:, middle:]):
        check_drawn(half, size, zoom)


@pytest.mark.parametrize(("size", "zoom"), [(8, 33), (32, 8), (131, 2), (224, 1)])
def test_pictures_above_plots(size: int, zoom: int, tmp_path: Path) -> None:
    made = sheet(2, 3)
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[: size // 2] = True
    show_image(made.pictures[0, 0], torch.full((3, size, size), 99, dtype=torch.uint8), mask)
    plot_map(sparse_map(size), made.pictures[1, 2])
    made.pictures[1, 0].set_ylabel("label")
    made.plots[0].plot([0, 1], [0, 1e-6], color="black")
    legends.draw_legend(made.below, "one line", "another line")
    check_drawn(written(made.figure, tmp_path), size, zoom)
