from collections.abc import Mapping

import numpy as np
import pytest
from matplotlib.axes import Axes

from captum_rectgrad.evaluation.methods import methods
from captum_rectgrad.studies.figures.boxplots import ALIKE, Panel, boxplots
from captum_rectgrad.studies.framework.map_measurements import MapMeasurements

VALUES = np.arange(101.0)


def measured(values: Mapping[str, object]) -> MapMeasurements:
    known = {method.key: method for method in methods()}
    arrays = {key: np.asarray(numbers, dtype=float) for key, numbers in values.items()}
    return MapMeasurements(tuple(known[key] for key in values), {"length": arrays})


def names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_a_panel_for_each_title() -> None:
    one = measured({"saliency": VALUES, "rectgrad": np.full(101, np.nan)})
    figure = boxplots(dict.fromkeys(("a", "b", "c"), Panel(one, "length", 0.5)))
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in shown] == ["a", "b", "c"]
    assert names(shown[0]) == ["Saliency", "RectGrad"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_number_of_panels(count: int) -> None:
    one = measured({"saliency": VALUES})
    panels = {str(number): Panel(one, "length") for number in range(count)}
    assert len([axes for axes in boxplots(panels).axes if axes.axison]) == count


def test_boxes_and_whiskers_are_what_the_figure_says_of_them() -> None:
    figure = boxplots({"a": Panel(measured({"saliency": VALUES}), "length")})
    (axes,) = figure.axes
    lengths = {tuple(sorted(set(np.asarray(line.get_xdata()).tolist()))) for line in axes.lines}
    assert {(25.0, 75.0), (50.0,), (5.0, 25.0), (75.0, 95.0)} <= lengths
    (said,) = (text.get_text() for text in figure.texts)
    assert said == (
        "box: quartiles; line in it: median; whiskers: 5th to 95th percentile of the images"
    )


def test_the_row_of_a_control_without_a_scale_is_empty_and_says_why() -> None:
    one = measured({"saliency": VALUES, "random": 1e6 * VALUES})
    panels = {"amount": Panel(one, "length", scaled=True), "share": Panel(one, "length", 1.0)}
    figure = boxplots(panels)
    amount, share = figure.axes
    assert names(amount) == names(share) == ["Saliency", "Random"]
    assert amount.get_xlim()[1] < 1000 < share.get_xlim()[1]
    assert [text.get_text() for text in amount.texts] == ["not drawn: arbitrary scale"]
    assert not share.texts
    assert ALIKE in figure.texts[0].get_text()
