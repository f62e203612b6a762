"""Coherence of maps: by hand, and against naive loops."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies import coherence as module
from captum_rectgrad.studies.coherence import CoherenceConfig, coherence, likeness, measure
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.material import MaskedImages
from rectgrad_zoo.data import to_model_range
from tests.captum_rectgrad.studies.conftest import Tiny

LABELS = torch.tensor([3, 5, 3, 5, 3, 7])


def test_likeness_written_naively() -> None:
    maps = torch.randn(6, 3, 4, 5, generator=torch.manual_seed(0)).round()
    maps[2] = 0  # constant: like nothing
    same, other = likeness(maps, LABELS)
    summed = maps.sum(dim=1).flatten(1).numpy()
    for one in range(6):
        groups: dict[bool, list[float]] = {True: [], False: []}
        for two in {0, 1, 3, 4, 5} - {one}:
            if one != 2:
                found = spearmanr(summed[one], summed[two]).statistic
                groups[bool(LABELS[one] == LABELS[two])].append(found)
        for group, values in ((True, same), (False, other)):
            if groups[group]:
                assert values[one] == pytest.approx(np.mean(groups[group]))
            else:
                assert math.isnan(values[one])


def test_measures_by_hand() -> None:
    # Two images of one class and one of another, two pixels each; the object is the left one.
    maps = torch.tensor([[3.0, 1.0], [9.0, -1.0], [0.0, 5.0]]).view(3, 1, 1, 2)
    masks = torch.tensor([True, False]).expand(3, 1, 2)
    images = torch.zeros(3, 3, 1, 2, dtype=torch.uint8)
    found = measure({"one": maps}, MaskedImages(images, torch.tensor([0, 0, 1]), masks))
    assert found[module.ON]["one"].tolist() == pytest.approx([0.75, 0.9, 0.0])
    assert found[module.OFF]["one"].tolist() == pytest.approx([0.25, 0.1, 1.0])
    assert found[module.SAME]["one"][:2].tolist() == pytest.approx([1.0, 1.0])
    assert math.isnan(found[module.SAME]["one"][2])
    assert found[module.OTHER]["one"].tolist() == pytest.approx([-1.0, -1.0, -1.0])


def test_the_first_of_each_class_that_has_so_many() -> None:
    assert module._first_of_each(LABELS, 1, 2) == [0, 1]
    assert module._first_of_each(LABELS, 2, 9) == [0, 2, 1, 3]
    assert module._first_of_each(LABELS, 3, 9) == [0, 2, 4]
    assert module._first_of_each(LABELS, 4, 9) == []


def test_with_and_without_final_threshold(lab: Callable[..., Lab]) -> None:
    made = lab("saliency", "rectgrad", "random")
    result = coherence(CoherenceConfig(classes=2, pairs=1), made)
    assert [(row["final threshold"], row["method"]) for row in result.rows] == [
        (final, method)
        for final in ("none", "95th percentile")
        for method in ("Saliency", "RectGrad", "Random")
    ]
    by_method = [[row[module.ON] for row in result.rows[n::3]] for n in range(3)]
    assert by_method[0][0] != by_method[0][1]
    assert by_method[1][0] == by_method[1][1]
    titles = [[label.get_text() for label in axes.get_xticklabels()] for axes in result.figure.axes]
    assert titles == [["Saliency", "RectGrad"]] * 4  # the control is not drawn
    only = coherence(CoherenceConfig(), replace(made, final_percentile=None))
    assert [row[module.ON] for row in only.rows] == [values[0] for values in by_method]


class Mislabelled(Tiny):
    def masked(self) -> MaskedImages:
        data = super().masked()
        predicted = self.network("plain").model(to_model_range(data.images)).argmax(dim=1)
        return replace(data, labels=(predicted + 1) % 10)


def test_nothing_is_classified_correctly(lab: Callable[..., Lab]) -> None:
    with pytest.raises(RectGradError, match="is wrong about all 20 images with masks"):
        coherence(CoherenceConfig(), replace(lab("saliency"), material=Mislabelled()))
