"""From a model and an image to a figure.

`from captum_rectgrad import *` imports this module, also where torch, captum and numpy are
installed alone. What needs the other dependencies is imported when `show` is called.
"""
# ruff: noqa: PLC0415

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from captum_rectgrad._engine.outputs import OutputChoice
    from captum_rectgrad.explain.explanation import Target
    from captum_rectgrad.explain.image_inputs import ImageInput


def show(
    model: nn.Module,
    image: "ImageInput | Sequence[ImageInput] | Mapping[str, ImageInput]",
    *,
    transform: Any = None,
    target: "Target | Sequence[Target]" = None,
    labels: Sequence[str] | None = None,
    methods: Sequence[str] = ("saliency", "rectgrad"),
    output: "OutputChoice" = None,
    overlay: bool = False,
    colorbar: bool = False,
) -> "Figure":
    """Plot attribution maps of an image classifier.

    Args:
        model: classifier in eval mode, on any device. It returns logits `(N, classes)`, or a dict,
            tuple or `ModelOutput` of transformers with them.
        image: path, PIL image, array `(H, W)` or `(H, W, 3)` of uint8 or of floating point numbers
            in [0, 1], tensor `(C, H, W)` that is preprocessed already, or a list or dict of these.
            They give one row per image, with the name of its file or its key.
        transform: preprocessing: a function from an RGB image of PIL to a tensor `(C, H, W)`, a
            weights enum member of torchvision, or an image processor of transformers. None: that of
            a model of rectgrad_zoo or timm.
        target: index or name of the class to explain, or a list with one for each image. None: the
            predicted class of each image.
        labels: names of the classes, in the order of the logits. None: those of torchvision's
            weights, of the model's configuration (timm, transformers), else "class INDEX". Names of
            another number than the classes are an error here, and not used if they are the
            weights' (a fine-tuned network), with a warning.
        methods: the columns: `"saliency"`, `"gradient-input"`, `"guided-bp"`, `"smoothgrad"`,
            `"integrated"`, `"deeplift"`, `"rectgrad"`, `"rectgrad-prr"`, `"random"`, or
            `"MODULE:NAME"` to import.
        output: the logits in the model's return value: a key, an index or a function, as in
            `RectGrad`.
        overlay: draw the maps over the image in grey.
        colorbar: draw the colour scale of each map.

    Returns:
        A figure with a row for each image: the image, with the predicted class and its
        probability, and the maps, red where positive and blue where negative. A notebook
        displays it as the last line of a cell; `figure.savefig("maps.png")` writes it.
            Each pixel of a map is a whole number of figure pixels; with a lower `dpi` or after
            `figure.set_size_inches` to a smaller size, pixels are averaged.

    Raises:
        ValueError: the model is in training mode; its preprocessing is not known; an image cannot
            be read; there is no such class or method; the number of labels is not that of the
            classes, or of targets not that of the images; or the model returns no logits
            `(N, classes)`.
        TypeError: the model, an image, the labels or the transform is of another type, or the model
            returns no tensor.

    Examples:
        >>> import rectgrad_zoo
        >>> from PIL import Image
        >>> from captum_rectgrad import show
        >>> figure = show(rectgrad_zoo.load("cifar10_cnn"), Image.new("RGB", (64, 64)))
        >>> [axes.get_title() for axes in figure.axes[1:]]
        ['Saliency', 'RectGrad']
    """
    from captum_rectgrad.evaluation.methods import choose_methods
    from captum_rectgrad.explain.explanation import explain
    from captum_rectgrad.explain.image_inputs import as_image
    from captum_rectgrad.plotting.maps import plot_comparison

    _check_types(model, labels)
    if any(module.training for module in model.modules()):
        raise ValueError(
            f"{type(model).__name__} is in training mode, in which dropout and batch normalisation "
            "change the prediction; call model.eval() first"
        )
    chosen = choose_methods([methods] if isinstance(methods, str) else methods)
    names, images = _named(image)
    if not images:
        raise ValueError("got an empty list of images, expected at least one")
    inputs = {f"image {number}": as_image(each) for number, each in enumerate(images, start=1)}
    found = explain(
        model, inputs, chosen, target, transform=transform, labels=labels, output=output
    )
    rows = [replace(each.row(), name=name) for each, name in zip(found, names, strict=True)]
    return plot_comparison(rows, overlay=overlay, colorbar=colorbar)


def _check_types(model: Any, labels: Any) -> None:
    """Refuse a network that is not built yet, and names that are not read yet."""
    if not isinstance(model, nn.Module):
        found, remedy = f"a model of type {type(model).__name__}", "build the network first"
        if isinstance(model, Mapping):
            found, remedy = "a state dict", "build the network, then model.load_state_dict(...)"
        elif isinstance(model, str | Path):
            found = f"{str(model)!r}"
            remedy = "load a named network with rectgrad_zoo.load(name)"
        raise TypeError(f"got {found} as the model, expected a torch.nn.Module; {remedy}")
    if isinstance(labels, str | Path):
        raise TypeError(
            f"got labels={str(labels)!r}, expected a list of names; read the names of a file into "
            "a list: Path(file).read_text().splitlines()"
        )


def _named(image: Any) -> tuple[list[str], list[Any]]:
    """The images, and the name of each: its key, the name of its file, or nothing."""
    if isinstance(image, Mapping):
        return [str(key) for key in image], list(image.values())
    images = list(image) if isinstance(image, list | tuple) else [image]
    return [Path(each).name if isinstance(each, str | Path) else "" for each in images], images
