"""From what the browser sends to what it shows."""

from dataclasses import dataclass, replace
from typing import Any

from captum_rectgrad.app.answer import Answer, answer
from captum_rectgrad.app.network import Network
from captum_rectgrad.app.networks import Networks
from captum_rectgrad.app.question import INPUT, PREDICTED, Question
from captum_rectgrad.app.uploads import read_upload
from captum_rectgrad.errors import RectGradError
from rectgrad_zoo import ZooError

# Errors whose message is a sentence for the user. Others are programming errors, and are raised.
REFUSALS = (ValueError, TypeError, RuntimeError, OSError, RectGradError, ZooError)

# A choice of a menu: the text, and the value.
Choice = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Response:
    """What changes on the page.

    Attributes:
        answer: the maps; None if there are none.
        refusal: a sentence that says why there is no answer; None if there is one.
        question: the settings that were used.
        classes: the menu of classes, the most probable ones first; None: as it is.
        layers: the menu of layers; None: as it is.
    """

    answer: Answer | None
    refusal: str | None
    question: Question
    classes: list[Choice] | None = None
    layers: list[Choice] | None = None


def respond(networks: Networks, photograph: Any, question: Question) -> Response:
    """Answer a question about a photograph.

    Args:
        networks: the networks of the page.
        photograph: what Gradio has about the upload: a dict with `path`; None without one.
        question: the settings.

    Returns:
        The maps, or the sentence that says why there are none.
    """
    path = photograph.get("path") if isinstance(photograph, dict) else None
    if not path:
        return Response(
            None, "give a photograph: upload one, take one, or use the sample", question
        )
    try:
        network = networks.get(question.model)
        found = answer(network, read_upload(path), question)
    except REFUSALS as error:
        return Response(None, str(error).rstrip(".") or type(error).__name__, question)
    return Response(found, None, question, _classes(found), _layers(network))


def of_new_model(question: Question) -> Question:
    """The settings after a change of the model: class and layer belong to the model before."""
    return replace(question, target=PREDICTED, layer=INPUT)


def _classes(found: Answer) -> list[Choice]:
    order = found.probabilities.argsort(descending=True).tolist()
    named = [
        (f"{found.classes[index]} ({float(found.probabilities[index]):.1%})", str(index))
        for index in order
    ]
    return [("the predicted class", PREDICTED), *named]


def _layers(network: Network) -> list[Choice]:
    return [("the input alone", INPUT), *((name, name) for name in network.layers)]
