"""Coherence of maps: by hand, and against naive loops."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.map_metrics import share_inside
from captum_rectgrad.studies.data.study_data import MaskedImages
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019 import coherence as module
from captum_rectgrad.studies.kim2019.coherence import CoherenceConfig, coherence
from captum_rectgrad.studies.options import FINAL_TITLES
from rectgrad_zoo.data.images import to_model_range
from tests.captum_rectgrad.studies.conftest import Tiny

LABELS = torch.tensor([3, 5, 3, 5, 3, 7])


def test_the_first_of_each_class_that_has_so_many() -> None:
    assert module._first_of_each(LABELS, 1, 2) == [0, 1]
    assert module._first_of_each(LABELS, 2, 9) == [0, 2, 1, 3]
    assert module._first_of_each(LABELS, 3, 9) == [0, 2, 4]
    assert module._first_of_each(LABELS, 4, 9) == []


@pytest.mark.bitwise("the maps are the same before their final threshold")
def test_with_and_without_final_threshold(context: Callable[..., StudyContext]) -> None:
    made = context("saliency", "rectgrad", "random")
    result = coherence(CoherenceConfig(classes=2, pairs=1), made)
    assert [(row["final threshold"], row["method"]) for row in result.rows] == [
        (final, method)
        for final in FINAL_TITLES.values()
        for method in ("Saliency", "RectGrad", "Random")
    ]
    by_method = [[row[module.ON] for row in result.rows[n::3]] for n in range(3)]
    assert by_method[0][0] != by_method[0][2]
    assert by_method[1][0] == by_method[1][1] == by_method[1][2]
    titles = [[label.get_text() for label in axes.get_xticklabels()] for axes in result.figure.axes]
    assert titles == [["Saliency", "RectGrad"]] * 4  # the control is not drawn
    for row in result.rows:
        of_map = row[module.ON]
        assert isinstance(of_map, Estimate)
        assert 0 < of_map.value < 1
    only = coherence(CoherenceConfig(), replace(made, final_percentile=None))
    assert [row[module.ON] for row in only.rows] == [values[2] for values in by_method]


def test_shares_are_those_of_the_maps(context: Callable[..., StudyContext]) -> None:
    made = replace(context("saliency"), final_percentile=None)
    (row,) = coherence(CoherenceConfig(), made).rows
    drawn, network = made.masked(), made.network("plain")
    right = torch.arange(20) % 2 == 0  # as the data have it
    maps = made.few_maps(made.methods[0], network, drawn.images[right], drawn.labels[right])
    expected = share_inside(maps, drawn.masks[right]).mean().item()
    found = row[module.ON]
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(expected, rel=1e-3)


class Mislabelled(Tiny):
    def masked(self) -> MaskedImages:
        data = super().masked()
        predicted = self.networks("plain")[0].model(to_model_range(data.images)).argmax(dim=1)
        return replace(data, labels=(predicted + 1) % 10)


def test_nothing_is_classified_correctly(context: Callable[..., StudyContext]) -> None:
    with pytest.raises(RectGradError, match="is wrong about all 20 images with masks"):
        coherence(CoherenceConfig(), replace(context("saliency"), study_data=Mislabelled()))
