"""What the page computes, without a browser."""

import pytest
import torch
from torch import Tensor

from captum_rectgrad import RectGrad
from captum_rectgrad.app.answer import answer
from captum_rectgrad.app.networks import Networks
from captum_rectgrad.app.page_parts import answer_html, refusal_html
from captum_rectgrad.app.question import Question
from captum_rectgrad.app.server import is_loopback
from captum_rectgrad.app.uploads import Upload
from captum_rectgrad.plotting.images import sample_images
from captum_rectgrad.sanity.similarity import absolute_ranks

NAME = "cifar10_cnn"
CAT = Upload(sample_images()["chelsea"])


@pytest.mark.bitwise("the page runs the operations of the library")
def test_maps_and_similarities_are_those_of_the_library() -> None:
    network = Networks([NAME], any_name=False).get(NAME)
    found = answer(network, CAT, Question(NAME, target="3", methods=["rectgrad"]))
    x = network.inputs(CAT.image)
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


def test_text_of_a_user_is_escaped() -> None:
    assert "<script>" not in refusal_html("<script>alert(1)</script>")
