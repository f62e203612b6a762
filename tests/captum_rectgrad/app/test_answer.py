"""What the page computes, without a browser."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from captum_rectgrad import RectGrad
from captum_rectgrad.app.answer import answer
from captum_rectgrad.app.drawings import figure_png, map_png
from captum_rectgrad.app.networks import Networks
from captum_rectgrad.app.page_parts import answer_html, refusal_html
from captum_rectgrad.app.question import Question
from captum_rectgrad.app.server import is_loopback
from captum_rectgrad.plotting.images import sample_images
from captum_rectgrad.sanity.similarity import absolute_ranks

NAME = "cifar10_cnn"
CAT = sample_images()["chelsea"]


@pytest.mark.bitwise("the page runs the operations of the library")
def test_maps_and_similarities_are_those_of_the_library() -> None:
    network = Networks([NAME], any_name=False).get(NAME)
    found = answer(network, CAT, Question(NAME, target="3", methods=["rectgrad"]))
    x = network.inputs(CAT)
    expected = RectGrad(network.model, 98).attribute(x, target=3)
    other = RectGrad(network.model, 98).attribute(x, target=found.other)
    (one,) = found.methods
    assert isinstance(one.map, Tensor)
    torch.testing.assert_close(one.map, expected[0])
    assert one.another_class is not None
    assert one.another_class.similarity == pytest.approx(absolute_ranks(expected, other)[0])
    assert found.other != 3
    assert "rank correlation" in answer_html(found)


def test_the_randomised_network_leaves_the_network_as_it_was() -> None:
    network = Networks([NAME], any_name=False).get(NAME)
    before = {name: value.clone() for name, value in network.model.state_dict().items()}
    assert not torch.equal(network.randomised.state_dict()["conv1.weight"], before["conv1.weight"])
    after = network.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_other_models_than_the_offered_are_refused_on_a_public_address() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "192.0.2.1")] == [
        True,
        True,
        True,
        False,
    ]
    with pytest.raises(ValueError, match="is not offered here; choose one of cifar10_cnn"):
        Networks([NAME], any_name=False).get("/etc")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"methods": ["os:system"]}, "choose at least one"),
        ({"target": "10"}, "has classes 0 to 9"),
        ({"layer": "no"}, "no layer 'no'"),
        ({"percentile": 101.0}, "percentile"),
    ],
)
def test_settings_that_no_menu_has_are_refused(settings: dict[str, object], reason: str) -> None:
    network = Networks([NAME], any_name=False).get(NAME)
    with pytest.raises(ValueError, match=reason):
        answer(network, CAT, Question(NAME, **settings))  # type: ignore[arg-type]


def test_text_of_a_user_and_of_a_model_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    network = Networks([NAME], any_name=False).get(NAME)
    found = replace(answer(network, CAT, Question(NAME)), classes=[evil] * 10)
    for html in (refusal_html(evil), answer_html(found, notes=[evil])):
        assert "<script" not in html
        assert "&lt;script" in html


@pytest.mark.parametrize("size", [8, 4])  # 4: the map of a hidden layer
def test_an_overlay_shows_the_photograph_where_the_map_is_zero(size: int) -> None:
    photograph = np.linspace(0, 1, 8 * 8 * 3, dtype=np.float32).reshape(8, 8, 3)
    attribution = torch.zeros(3, size, size)
    attribution[:, 0, 0] = 1
    with Image.open(io.BytesIO(map_png(attribution, photograph))) as image:
        pixels = np.asarray(image).astype(int)
    lit = 8 // size
    assert (pixels[:lit, :lit, 0] > pixels[:lit, :lit, 2] + 50).all()  # red
    rest = pixels[lit:]
    assert (rest == rest[..., :1]).all()  # grey
    assert (np.diff(rest[..., 0].flatten()) >= 0).all()  # as bright as the photograph
    with Image.open(io.BytesIO(map_png(attribution))) as image:
        assert image.size == (size, size)


def test_an_overlay_of_a_hidden_layer_is_part_of_the_figure() -> None:
    network = Networks([NAME], any_name=False).get(NAME)
    found = answer(network, CAT, Question(NAME, layer="conv3", methods=["rectgrad"]))
    assert figure_png(found, overlay=True) != figure_png(found)
