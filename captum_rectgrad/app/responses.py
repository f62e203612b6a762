"""From what the browser sends to what it shows."""

import warnings
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from captum_rectgrad.app.answer import Answer, answer
from captum_rectgrad.app.drawings import figure_png, maps_npz
from captum_rectgrad.app.networks import Network, Networks
from captum_rectgrad.app.page_parts import answer_html, layers_html, refusal_html
from captum_rectgrad.app.question import INPUT, PREDICTED, Question
from captum_rectgrad.app.uploads import read_upload
from captum_rectgrad.errors import RectGradError, RectGradWarning
from rectgrad_zoo import ZooError

# Errors whose message is a sentence for the user. Others are programming errors, and are raised.
REFUSALS = (ValueError, TypeError, RuntimeError, OSError, RectGradError, ZooError)

# A choice of a menu: the text, and the value.
Choice = tuple[str, str]

PREDICTED_CLASS: Choice = ("the predicted class", PREDICTED)
NO_LAYER: Choice = ("the input alone", INPUT)


def respond(networks: Networks, photograph: Any, *settings: Any) -> list[Any]:
    """Answer a question about a photograph.

    Args:
        networks: the networks of the page.
        photograph: what Gradio has about the upload: a dict with `path`; None without one.
        settings: the attributes of a `Question`, as the browser sends them.

    Returns:
        Updates of the menu of classes, the menu of layers, the table of layers, the answer, and the
        downloads of the figure and of the maps.
    """
    path = photograph.get("path") if isinstance(photograph, dict) else None
    if not path:
        return _refused("give a photograph: upload one, take one, or use the sample")
    try:
        question = _question(*settings)
        network = networks.get(question.model)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = answer(network, read_upload(path, get_upload_folder()), question)
    except REFUSALS as error:
        return _refused(str(error).rstrip(".") or type(error).__name__)
    notes = [str(each.message) for each in caught if issubclass(each.category, RectGradWarning)]
    # Menus keep their values: the user may have changed them while this was computed.
    return [
        gr.update(choices=_classes(found)),
        gr.update(choices=_layers(network)),
        layers_html(found.layers),
        answer_html(found, list(dict.fromkeys(notes)), overlay=question.overlay),
        _download(figure_png(found, overlay=question.overlay), "rectgrad.png"),
        _download(maps_npz(found), "rectgrad.npz"),
    ]


def _question(
    model: Any,
    target: Any,
    percentile: Any,
    layer: Any,
    methods: Any,
    *switches: Any,
) -> Question:
    another_class, randomised, overlay = map(bool, switches)
    return Question(
        str(model),
        str(target),
        float(percentile),
        str(layer),
        tuple(map(str, methods)),
        another_class,
        randomised,
        overlay,
    )


def _refused(reason: str) -> list[Any]:
    off = gr.update(value=None, visible=False)
    return [gr.skip(), gr.skip(), "", refusal_html(reason), off, off]


def _classes(found: Answer) -> list[Choice]:
    order = found.probabilities.argsort(descending=True).tolist()
    named = [
        (f"{found.classes[index]} ({float(found.probabilities[index]):.1%})", str(index))
        for index in order
    ]
    return [PREDICTED_CLASS, *named]


def _layers(network: Network) -> list[Choice]:
    return [NO_LAYER, *((name, name) for name in network.layers)]


def _download(content: bytes, name: str) -> Any:
    """A button with a file in Gradio's own cache, which is swept."""
    path = save_bytes_to_cache(content, name, get_upload_folder())
    return gr.update(value=path, visible=True)
