"""The parts of the page that are made for an answer, as HTML. All text is escaped."""

import base64
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from captum_rectgrad import LayerStatistics
from captum_rectgrad.app.answer import Answer, Control, Map, MethodMaps
from captum_rectgrad.app.drawings import map_png, picture_png
from captum_rectgrad.sanity.defaults import BOUND

Picture = NDArray[np.float32]

SHOWN_CLASSES = 5
HINT = "<p class='rg-hint'>The maps of your photograph appear here.</p>"


def answer_html(answer: Answer, notes: Sequence[str] = (), *, overlay: bool = False) -> str:
    """The photograph with its classes, then a row of maps for each method.

    Args:
        answer: the maps.
        notes: sentences about the photograph and the maps.
        overlay: draw the maps over the photograph in grey.
    """
    target = answer.classes[answer.target]
    photograph = _figure(
        _image(picture_png(answer.picture), "The photograph as the network sees it"),
        "What the network sees",
    )
    said = "".join(f"<p class='rg-note'>{escape(note)}</p>" for note in notes)
    over = answer.picture if overlay else None
    methods = "".join(_method(answer, one, over) for one in answer.methods)
    return (
        f"<div class='rg-answer'><h2>Why “{escape(target)}”?</h2>"
        f"<div class='rg-row'>{photograph}{_classes(answer)}</div>{said}{methods}"
        "<p class='rg-key'>Red pixels speak for the class, blue ones against it.</p></div>"
    )


def refusal_html(reason: str) -> str:
    """A sentence about what is wrong."""
    return f"<p class='rg-refusal' role='alert'>{escape(reason[:1].upper() + reason[1:])}.</p>"


def layers_html(layers: Sequence[LayerStatistics]) -> str:
    """A table of the share of units that pass, from the input to the output."""
    rows = "".join(
        f"<tr><td>{escape(layer.name)}</td><td>{layer.units:,}</td>"
        f"<td><meter min='0' max='1' value='{float(layer.share):.4f}'></meter> "
        f"{float(layer.share):.2%}</td></tr>"
        for layer in reversed(layers)
    )
    return (
        "<div class='rg-layers' tabindex='0' role='region' aria-label='Units that pass'><table>"
        "<thead><tr><th>layer</th><th>units</th><th>share that passes</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _classes(answer: Answer) -> str:
    order = answer.probabilities.argsort(descending=True)[:SHOWN_CLASSES].tolist()
    rows = "".join(
        f"<tr><td>{escape(answer.classes[index])}</td>"
        f"<td><meter min='0' max='1' value='{float(answer.probabilities[index]):.4f}'></meter></td>"
        f"<td>{float(answer.probabilities[index]):.1%}</td></tr>"
        for index in order
    )
    return f"<div class='rg-classes'><h3>Most probable classes</h3><table>{rows}</table></div>"


def _method(answer: Answer, one: MethodMaps, over: Picture | None) -> str:
    target, other = answer.classes[answer.target], answer.classes[answer.other]
    figures = [_panel(one.map, f"{one.title} map for {target}", f"Map for “{target}”", over)]
    controls = {
        f"another class, {other}": one.another_class,
        "a network with random weights": one.randomised,
    }
    for what, control in controls.items():
        if control is not None:
            similarity = control.similarity
            words = "" if similarity is None else f": rank correlation {similarity:.2f}"
            title = f"Map for {what}"
            figures.append(_panel(control.map, f"{one.title} map for {what}", title + words, over))
    return (
        f"<section><h3>{escape(one.title)}</h3><div class='rg-row'>{''.join(figures)}</div>"
        f"{_verdict(one, other)}</section>"
    )


def _verdict(one: MethodMaps, other: str) -> str:
    """What the similarities mean for a reader who would trust the map."""
    said = []
    if _similar(one.another_class):
        said.append(f"The map for “{other}” is similar, so this map says little about the class.")
    if _similar(one.randomised):
        said.append(
            "The map of a network with random weights is similar, so this map says little about "
            "what the network has learnt."
        )
    return f"<p class='rg-verdict'>{escape(' '.join(said))}</p>" if said else ""


def _similar(control: Control | None) -> bool:
    return control is not None and control.similarity is not None and control.similarity > BOUND


def _panel(found: Map, words: str, caption: str, over: Picture | None) -> str:
    if not isinstance(found, Tensor):
        return _figure(f"<div class='rg-missing'>{escape(found)}</div>", caption)
    if not found.any():
        caption += " (all zero)"
    return _figure(_image(map_png(found, over), words), caption)


def _figure(content: str, caption: str) -> str:
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(png: bytes, words: str) -> str:
    """An image inside the page: no file is written, and no second request is made."""
    data = base64.b64encode(png).decode("ascii")
    return f"<img src='data:image/png;base64,{data}' alt='{escape(words, quote=True)}'>"
