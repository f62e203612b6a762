"""The layout of the page, in Gradio."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import skimage.data
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from captum_rectgrad.app.drawings import figure_png, maps_npz
from captum_rectgrad.app.networks import Networks
from captum_rectgrad.app.page_parts import answer_html, layers_html, refusal_html
from captum_rectgrad.app.question import (
    DEFAULT_METHODS,
    DEFAULT_PERCENTILE,
    INPUT,
    PREDICTED,
    Question,
    offered_methods,
)
from captum_rectgrad.app.responses import Response, of_new_model, respond

KEPT_SECONDS = 1800  # age at which uploads and downloads are deleted
SWEEP_SECONDS = 60
WAITING = 100  # users in the queue; further ones are told that it is full
CSS = Path(__file__).with_name("page.css")
# One network call at a time: PyTorch uses all cores for it.
COMPUTE = {"concurrency_limit": 1, "concurrency_id": "compute"}

INTRODUCTION = """# Why does the network see this?
Give a photograph. The page shows the pixels that speak for a class, beside two maps that should
look different: for another class, and from the same network with random weights. If they look the
same, the map does not explain the decision. Photographs stay on the machine that runs this page,
and are deleted after half an hour."""
# Always there: Gradio's own message about a refused camera differs between browsers.
CAMERA = (
    "If the camera was denied or is absent, nothing is taken: allow it in the browser's address "
    "bar, or upload a file."
)


def build_page(networks: Networks) -> gr.Blocks:
    """The page.

    Args:
        networks: the networks that it offers.

    Returns:
        Gradio's blocks, with their queue.
    """
    with gr.Blocks(
        title="RectGrad", analytics_enabled=False, delete_cache=(SWEEP_SECONDS, KEPT_SECONDS)
    ) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                inputs, layers, sample = _settings(networks)
            with gr.Column(scale=5, min_width=320):
                answer = gr.HTML(refusal_html("no photograph yet"), elem_id="answer")
                with gr.Row():
                    figure = gr.DownloadButton("Download the figure (PNG)", interactive=False)
                    maps = gr.DownloadButton("Download the maps (NPZ)", interactive=False)
        photograph, model, target, percentile, layer, *_ = inputs
        outputs = [target, layer, layers, answer, figure, maps]
        gr.on(
            [photograph.change, percentile.release, *(one.input for one in _menus(inputs))],
            partial(_explain, networks),
            inputs,
            outputs,
            api_name="explain",
            trigger_mode="always_last",
            # Gradio would decode the upload itself, without limits.
            preprocess=False,
            **COMPUTE,
        )
        model.input(
            partial(_explain_new_model, networks),
            inputs,
            outputs,
            api_visibility="private",
            trigger_mode="always_last",
            preprocess=False,
            **COMPUTE,
        )
        sample.click(skimage.data.chelsea, None, photograph, api_visibility="private")
    return page.queue(max_size=WAITING)


def _settings(networks: Networks) -> tuple[list[Any], gr.HTML, gr.Button]:
    """The settings, in the order of `_question`; the table of layers; the button of the sample."""
    photograph = gr.Image(
        label="Photograph",
        sources=["upload", "webcam", "clipboard"],
        type="filepath",
        image_mode=None,
        height=280,
        elem_id="photograph",
    )
    sample = gr.Button("Use a sample photograph", size="sm")
    gr.Markdown(CAMERA)
    model = gr.Dropdown(
        list(networks.offered),
        value=networks.offered[0],
        label="Model",
        info=_MODEL_NAMES if networks.any_name else None,
        allow_custom_value=networks.any_name,
    )
    target = gr.Dropdown([("the predicted class", PREDICTED)], value=PREDICTED, label="Class")
    percentile = gr.Slider(
        0,
        100,
        DEFAULT_PERCENTILE,
        step=0.5,
        label="q: RectGrad removes this percentage of the units of each layer",
    )
    layers = gr.HTML()
    methods = gr.CheckboxGroup(
        [(title, key) for key, title in offered_methods()],
        value=list(DEFAULT_METHODS),
        label="Methods",
    )
    another = gr.Checkbox(True, label="Beside it: another class")
    randomised = gr.Checkbox(True, label="Beside it: the network with random weights")
    layer = gr.Dropdown([("the input alone", INPUT)], value=INPUT, label="Layer")
    return (
        [photograph, model, target, percentile, layer, methods, another, randomised],
        layers,
        sample,
    )


_MODEL_NAMES = (
    "A name of the zoo or of timm, hf:OWNER/NAME, or the path of a checkpoint folder. Weights are "
    "downloaded if they are not on this machine."
)


def _menus(inputs: Sequence[Any]) -> Sequence[Any]:
    """The settings but photograph, model and percentile."""
    return [inputs[2], *inputs[4:]]


def _question(settings: Sequence[Any]) -> Question:
    model, target, percentile, layer, methods, another, randomised = settings
    return Question(
        str(model),
        str(target),
        float(percentile),
        str(layer),
        tuple(map(str, methods)),
        bool(another),
        bool(randomised),
    )


def _explain(networks: Networks, photograph: Any, *settings: Any) -> list[Any]:
    return _shown(respond(networks, photograph, _question(settings)))


def _explain_new_model(networks: Networks, photograph: Any, *settings: Any) -> list[Any]:
    return _shown(respond(networks, photograph, of_new_model(_question(settings))))


def _shown(response: Response) -> list[Any]:
    """The values of the outputs."""
    found, question = response.answer, response.question
    if found is None:
        off = gr.update(value=None, interactive=False)
        return [gr.skip(), gr.skip(), "", refusal_html(str(response.refusal)), off, off]
    return [
        gr.update(choices=response.classes, value=question.target),
        gr.update(choices=response.layers, value=question.layer),
        layers_html(found.layers),
        answer_html(found),
        _download(figure_png(found), "rectgrad.png"),
        _download(maps_npz(found), "rectgrad.npz"),
    ]


def _download(content: bytes, name: str) -> Any:
    """A button with a file in Gradio's own cache, which is swept."""
    path = save_bytes_to_cache(content, name, get_upload_folder())
    return gr.update(value=path, interactive=True)
