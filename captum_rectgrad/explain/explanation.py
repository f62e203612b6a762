"""Attribution maps of photographs."""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from captum_rectgrad._engine.outputs import OutputChoice, SelectedOutput
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import run
from captum_rectgrad.explain.classes import class_names, find_class
from captum_rectgrad.explain.preprocessing import model_input, picture
from captum_rectgrad.plotting.maps import Row
from rectgrad_zoo.written_whole import write_bytes

Target = int | str | None  # index or name of a class; None: the predicted class


@dataclass(frozen=True)
class Explanation:
    """The attribution maps of one image.

    Attributes:
        name: name of the image.
        picture: `(H, W, 3)` in [0, 1], at the model's input size.
        predicted: name of the class with the highest logit.
        probability: probability of that class, in [0, 1].
        target: name of the explained class.
        maps: by title of the method, `(C, H, W)`, or the reason why there is none.
    """

    name: str
    picture: NDArray[np.float32]
    predicted: str
    probability: float
    target: str
    maps: dict[str, Tensor | str] = field(default_factory=dict)

    def row(self) -> Row:
        """The explanation as a row of `plot_comparison`."""
        caption = f"{self.predicted} {self.probability:.0%}"
        if self.target != self.predicted:
            caption += f"; shown: {self.target}"
        return Row(self.picture, caption, self.maps)


def explain(
    model: nn.Module,
    images: Mapping[str, Image.Image | Tensor],
    methods: Sequence[Method],
    target: Target | Sequence[Target] = None,
    *,
    transform: Any = None,
    labels: Sequence[str] | None = None,
    output: OutputChoice = None,
) -> list[Explanation]:
    """Run the methods on the images, with a progress bar.

    Args:
        model: any image classifier in eval mode.
        images: RGB images, or tensors `(C, H, W)` that are preprocessed already, by name.
        methods: see `methods.methods`; methods that do not apply to the model are left out.
        target: index or name of the class to explain, or a list with one for each image; None: the
            predicted class of each image.
        transform: preprocessing, as `given` of `find_transform`.
        labels: names of the classes; None: see `class_names`. Names that do not fit the number of
            classes, such as those of ImageNet for a fine-tuned network, are not used, with a
            warning.
        output: the logits in the model's return value, as in `RectGrad`.

    Returns:
        One explanation per image, in order.

    Raises:
        ValueError: the preprocessing is not known; the model does not return logits of the shape
            `(N, classes)`, or they are NaN or infinite; there is no such class, or another number
            of labels than of classes, or of targets than of images.
        TypeError: the model returns no tensor, or the transform something else than one.
    """
    targets = _one_for_each_image(target, len(images))
    names = class_names(model, labels, transform)
    first = model_input(model, next(iter(images.values())), transform)
    network = returning_logits(model, first, output)
    methods = [method for method in methods if method.applies(network, first)]
    explanations = []
    with tqdm(total=len(images) * len(methods), unit="map", disable=None) as progress:
        for (name, image), wanted in zip(images.items(), targets, strict=True):
            x = model_input(model, image, transform)
            probabilities = _probabilities(network, x)
            names = fitting_names(names, len(probabilities), given=labels is not None)
            known = names or [f"class {index}" for index in range(len(probabilities))]
            predicted = int(probabilities.argmax())
            index = (
                predicted if wanted is None else find_class(str(wanted), names or [], len(known))
            )
            explanation = Explanation(
                name=name,
                picture=picture(model, x[0], transform),
                predicted=known[predicted],
                probability=float(probabilities[predicted]),
                target=known[index],
            )
            for method in methods:
                progress.set_description(f"{name}: {method.title}")
                explanation.maps[method.title] = run(method, network, x, index)
                progress.update()
            explanations.append(explanation)
    return explanations


def returning_logits(model: nn.Module, x: Tensor, output: OutputChoice) -> nn.Module:
    """A model that returns its logits as a tensor.

    Args:
        model: any classifier.
        x: an input of the model.
        output: the logits in the model's return value, as in `RectGrad`.

    Returns:
        The model itself if it can be: methods keep copies and doubts by model, between calls.
    """
    with torch.no_grad():
        if output is None and isinstance(model(x), Tensor):
            return model
    return SelectedOutput(model, output)


def _probabilities(network: nn.Module, x: Tensor) -> Tensor:
    """Probabilities of the classes, `(classes,)`."""
    with torch.no_grad():
        logits = network(x)
    if logits.ndim != 2 or len(logits) != 1:  # noqa: PLR2004
        raise ValueError(
            f"the model returned a tensor of shape {tuple(logits.shape)} for one image, expected "
            "logits of shape (1, classes); choose them with output=, a key, an index or a function"
        )
    probabilities: Tensor = logits[0].float().softmax(dim=0)
    if not bool(probabilities.isfinite().all()):
        raise ValueError(
            "the probabilities of the classes are not finite (NaN or inf in the logits); check the "
            "weights and the normalisation of the model for damage, and the image for extreme "
            "values"
        )
    return probabilities


def _one_for_each_image(target: Target | Sequence[Target], count: int) -> Sequence[Target]:
    if not isinstance(target, list | tuple):
        return [target] * count  # type: ignore[list-item]  # a str is a Sequence
    if len(target) != count:
        raise ValueError(
            f"got {len(target)} targets for {count} images; give one class, or a list with one "
            "for each image"
        )
    return target


def fitting_names(names: list[str] | None, count: int, *, given: bool) -> list[str] | None:
    """The names of the classes if there is one per class; a fine-tuned network may have ImageNet's.

    Args:
        names: the names, or None.
        count: number of the model's classes.
        given: whether the user gave the names.

    Returns:
        The names; None, with a warning, if they were not given and do not fit.

    Raises:
        ValueError: the given names do not fit.
    """
    if names is None or len(names) == count:
        return names
    if given:
        raise ValueError(
            f"the list of labels has {len(names)} names, but the model has {count} classes; give "
            "labels= with one name per class"
        )
    warnings.warn(
        f"the weights name {len(names)} classes and the model has {count}; classes are shown by "
        "number: pass labels=",
        RectGradWarning,
        stacklevel=3,
    )
    return None


def save_maps(explanations: Sequence[Explanation], path: Path) -> None:
    """Write the maps as one `.npz` file.

    For each image: `IMAGE/METHOD`, float32 `(C, H, W)`, for every available method;
    `IMAGE/input`, `(H, W, 3)` in [0, 1]; `IMAGE/target`, `IMAGE/predicted` (class names);
    `IMAGE/probability`.

    Args:
        explanations: the result of `explain`.
        path: file to write.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for explanation in explanations:
        for key, value in _arrays(explanation):
            arrays[f"{explanation.name}/{key}"] = value
    # In memory, because NumPy adds an ending to other names than `.npz`.
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    write_bytes(path, stream.getbuffer())


def _arrays(explanation: Explanation) -> Iterator[tuple[str, NDArray[np.generic]]]:
    yield "input", explanation.picture
    yield "target", np.array(explanation.target)
    yield "predicted", np.array(explanation.predicted)
    yield "probability", np.array(explanation.probability)
    for title, attribution in explanation.maps.items():
        if isinstance(attribution, Tensor):
            yield title, attribution.float().cpu().numpy()
