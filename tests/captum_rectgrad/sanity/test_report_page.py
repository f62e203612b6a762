"""The figure of a check shows every pixel of the maps."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from captum_rectgrad.sanity.attribution_task import AttributionTask
from captum_rectgrad.sanity.check import CheckOptions, check
from captum_rectgrad.sanity.report_page import draw
from tests.support.drawn_pixels import check_drawn, read, sparse_map


@pytest.mark.parametrize(("size", "zoom"), [(32, 5), (224, 1)])
def test_every_lit_pixel_is_written(
    net: nn.Module, task: AttributionTask, size: int, zoom: int
) -> None:
    options = CheckOptions(repeats=1)
    found = check(task, net, options)
    empty = torch.zeros(len(found.cascade.layers), size, size)
    cascade = replace(found.cascade, first=empty)
    shown = replace(found, original=sparse_map(size)[None], cascade=cascade)
    written = io.BytesIO()
    draw(shown, np.zeros((size, size, 3)), "a title", options).savefig(written, format="png")
    page = read(written)
    check_drawn(page[: len(page) // 4], size, zoom)  # the curves below are red as well
