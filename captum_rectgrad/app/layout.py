"""The layout of the page and its server, in Gradio."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import skimage.data

from captum_rectgrad.app.networks import Networks
from captum_rectgrad.app.page_parts import HINT, refusal_html
from captum_rectgrad.app.question import (
    DEFAULT_METHODS,
    DEFAULT_PERCENTILE,
    INPUT,
    PREDICTED,
    offered_methods,
)
from captum_rectgrad.app.responses import NO_LAYER, PREDICTED_CLASS, respond
from captum_rectgrad.app.uploads import MAX_BYTES

KEPT_SECONDS = 1800  # age at which uploads and downloads are deleted
SWEEP_SECONDS = 60
WAITING = 100  # users in the queue; further ones are told that it is full
CSS = Path(__file__).with_name("page.css")
SYSTEM = ("system-ui", "sans-serif")

INTRODUCTION = """# Why does the network see this?
Give a photograph. The page shows the pixels that speak for a class, beside two maps that should
look different: for another class, and from the same network with random weights. If they look the
same, the map does not explain the decision. Photographs stay on the machine that runs this page,
and are deleted after half an hour."""
MODEL_NAMES = (
    "A name of the zoo or of timm, hf:OWNER/NAME, or the path of a checkpoint folder. Weights are "
    "downloaded if they are not on this machine."
)
NO_CAMERA = (
    "the browser gave no picture of a camera; allow the camera in the browser's address bar, or "
    "upload a file"
)
# Gradio says nothing if the camera is refused or absent. Browsers have no `mediaDevices` on pages
# that are neither encrypted nor of this machine.
# The style is here, since Gradio confines those of the file to its own elements.
CAMERA_SCRIPT = """<style>
#rg-camera { display: none; }
.rg-no-camera #rg-camera { display: block; }
</style>
<script>
const cameras = navigator.mediaDevices;
const refused = (is) => document.documentElement.classList.toggle("rg-no-camera", is);
const request = cameras?.getUserMedia.bind(cameras);
if (request) {
  cameras.getUserMedia = async (wanted) => {
    try { const stream = await request(wanted); refused(false); return stream; }
    catch (error) { refused(true); throw error; }
  };
} else { refused(true); }
</script>"""
# Class and layer belong to the model before. In the browser, since an answer may be on its way.
FORGET = f"() => [{PREDICTED!r}, {INPUT!r}]"


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
        with gr.Row(elem_id="rg-page"):
            with gr.Column(elem_id="rg-photograph", min_width=0):
                photograph, sample = _photograph()
            with gr.Column(elem_id="rg-settings", min_width=0):
                settings, layers = _settings(networks)
            with gr.Column(elem_id="rg-result", min_width=0):
                answer = gr.HTML(HINT, elem_id="answer")
                with gr.Row():
                    figure = gr.DownloadButton("Download the figure (PNG)", visible=False)
                    maps = gr.DownloadButton("Download the maps (NPZ)", visible=False)
        model, target, percentile, layer, *menus = settings
        explain: dict[str, Any] = {
            "fn": partial(respond, networks),
            "inputs": [photograph, *settings],
            "outputs": [target, layer, layers, answer, figure, maps],
            "trigger_mode": "always_last",
            "show_progress_on": [answer],  # and not on menus that the user may be about to open
            # Gradio would decode the upload itself, without limits.
            "preprocess": False,
            # One network call at a time: PyTorch uses all cores for it.
            "concurrency_limit": 1,
            "concurrency_id": "compute",
        }
        # `release` of a slider is for the mouse alone, `change` for the keyboard, too.
        changes = [photograph.change, percentile.change]
        changes += [menu.input for menu in (target, layer, *menus)]
        gr.on(changes, **explain, api_name="explain")
        private = {"api_visibility": "private"}
        model.input(None, None, [target, layer], js=FORGET, **private).then(**explain, **private)
        sample.click(skimage.data.chelsea, None, photograph, **private)
    # Requests that skip the queue would compute at the same time.
    return page.queue(max_size=WAITING, api_open=False)


def _photograph() -> tuple[gr.Image, gr.Button]:
    """The photograph, and the button of the sample."""
    photograph = gr.Image(
        label="Photograph",
        sources=["upload", "webcam", "clipboard"],
        type="filepath",
        image_mode=None,
        format="png",  # of the sample; the default loses details
        height=280,
        elem_id="photograph",
    )
    # A subclass would do, but Gradio writes a file beside the module of each subclass.
    photograph.async_move_resource_to_block_cache = partial(
        _keep_file, photograph.async_move_resource_to_block_cache
    )
    gr.HTML(refusal_html(NO_CAMERA), elem_id="rg-camera")
    return photograph, gr.Button("Use a sample photograph", size="sm")


async def _keep_file(keep: Callable[[Any], Awaitable[str | None]], path: Any) -> str | None:
    """Keep an upload; the server does not fetch an address that a client sends instead."""
    if str(path).lower().startswith(("http:", "https:")):
        raise ValueError("got the address of a photograph; upload the photograph itself")
    return await keep(path)


def _settings(networks: Networks) -> tuple[list[Any], gr.HTML]:
    """The settings, in the order of the attributes of `Question`; the table of layers."""
    model = gr.Dropdown(
        list(networks.offered),
        value=networks.offered[0],
        label="Model",
        info=MODEL_NAMES if networks.any_name else None,
        allow_custom_value=networks.any_name,
    )
    target = gr.Dropdown([PREDICTED_CLASS], value=PREDICTED, label="Class")
    percentile = gr.Slider(
        0,
        100,
        DEFAULT_PERCENTILE,
        step=0.5,
        label="q: RectGrad removes this percentage of the units of each layer",
    )
    methods = gr.CheckboxGroup(
        [(title, key) for key, title in offered_methods()],
        value=list(DEFAULT_METHODS),
        label="Methods",
    )
    switches = [
        gr.Checkbox(True, label="Beside it: another class"),
        gr.Checkbox(True, label="Beside it: the network with random weights"),
        gr.Checkbox(False, label="Maps over the photograph in grey"),
    ]
    layer = gr.Dropdown([NO_LAYER], value=INPUT, label="RectGrad of a hidden layer")
    layers = gr.HTML()  # below the settings, since it can be long
    return [model, target, percentile, layer, methods, *switches], layers


def launch(page: gr.Blocks, host: str, port: int) -> str:
    """Start the server in threads of its own, with nothing that reaches other machines.

    Args:
        page: from `build_page`.
        host: address to listen on.
        port: port to listen on; 0 for any free port.

    Returns:
        The address of the page.

    Raises:
        OSError: the port is in use.
    """
    # Gradio's own subdued grey is too pale to read.
    theme = gr.themes.Default(
        primary_hue="indigo", font=SYSTEM, font_mono=("ui-monospace", "monospace")
    ).set(body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300")
    _, address, _ = page.launch(
        server_name=host,
        server_port=port or None,  # Gradio counts up from its default port if it is given none
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=True,
        max_file_size=MAX_BYTES,
        footer_links=[],
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=theme,
        css_paths=CSS,
        head=CAMERA_SCRIPT,
    )
    return str(address)
