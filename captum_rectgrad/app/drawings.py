"""Pictures and files of an answer, in memory."""

import io

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from captum_rectgrad.app.answer import Answer, Map, MethodMaps
from captum_rectgrad.plotting.maps import Row, plot_comparison
from captum_rectgrad.plotting.single_map import COLOURS, blend, capped_map


def map_png(attribution: Tensor, over: NDArray[np.floating] | None = None) -> bytes:
    """A map in the colours of `plot_map`, one pixel per value, as PNG.

    Args:
        attribution: `(C, H, W)`, finite.
        over: an image, `(H, W, 3)` in [0, 1], to draw in grey below the map; a map of another size
            is scaled to it. None: no image.
    """
    if over is not None:
        attribution = _scaled(attribution, over)
    values = capped_map(attribution)
    shares = values / (abs(values).max() or 1.0)
    if over is not None:
        return picture_png(blend(shares, np.asarray(over, dtype=np.float64)))
    return picture_png(mpl.colormaps[COLOURS]((shares + 1) / 2)[..., :3])


def picture_png(picture: NDArray[np.floating]) -> bytes:
    """An image, `(H, W, 3)` in [0, 1], as PNG."""
    pixels = (np.asarray(picture) * 255).round().astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def figure_png(answer: Answer, *, overlay: bool = False) -> bytes:
    """All maps as one figure: a row per question, a column per method.

    Args:
        answer: the maps.
        overlay: draw them over the photograph in grey.
    """
    caption = f"{answer.classes[answer.target]} {float(answer.probabilities[answer.target]):.0%}"
    rows = {caption: {one.title: one.map for one in answer.methods}, **_controls(answer)}
    if overlay:
        rows = {name: _all_scaled(maps, answer.picture) for name, maps in rows.items()}
    stream = io.BytesIO()
    figure = plot_comparison(
        [Row(answer.picture, name, maps) for name, maps in rows.items()], overlay=overlay
    )
    figure.savefig(stream, format="png")
    return stream.getvalue()


def maps_npz(answer: Answer) -> bytes:
    """All maps as an `.npz` file.

    `maps/METHOD`, `another class/METHOD` and `randomised network/METHOD` are float32 `(C, H, W)`.
    `input` is `(H, W, 3)` in [0, 1]. `target`, `other` and `predicted` are names of classes;
    `probabilities` is `(classes,)`.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        "input": answer.picture,
        "target": np.array(answer.classes[answer.target]),
        "other": np.array(answer.classes[answer.other]),
        "predicted": np.array(answer.classes[answer.predicted]),
        "probabilities": answer.probabilities.numpy(),
    }
    for one in answer.methods:
        for place, found in _placed(one).items():
            if isinstance(found, Tensor):
                arrays[f"{place}/{one.title}"] = found.float().cpu().numpy()
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _placed(one: MethodMaps) -> dict[str, Map]:
    placed = {"maps": one.map}
    if one.another_class is not None:
        placed["another class"] = one.another_class.map
    if one.randomised is not None:
        placed["randomised network"] = one.randomised.map
    return placed


def _controls(answer: Answer) -> dict[str, dict[str, Map]]:
    """By caption of the row, the maps of each method that should differ from the explanation."""
    another = {one.title: one.another_class.map for one in answer.methods if one.another_class}
    randomised = {one.title: one.randomised.map for one in answer.methods if one.randomised}
    rows = {
        f"another class: {answer.classes[answer.other]}": another,
        "randomised network": randomised,
    }
    return {caption: maps for caption, maps in rows.items() if maps}


def _all_scaled(maps: dict[str, Map], picture: NDArray[np.floating]) -> dict[str, Map]:
    return {
        title: _scaled(found, picture) if isinstance(found, Tensor) else found
        for title, found in maps.items()
    }


def _scaled(attribution: Tensor, picture: NDArray[np.floating]) -> Tensor:
    """A map in the size of the picture, as the maps of hidden layers are smaller."""
    return interpolate(attribution[None], picture.shape[:2], mode="nearest")[0]
