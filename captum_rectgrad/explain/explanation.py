"""Attribution maps of photographs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

import rectgrad_zoo
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import run
from captum_rectgrad.explain.classes import class_name
from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.maps import Row


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
    images: Mapping[str, Image.Image],
    methods: Sequence[Method],
    target: int | None = None,
) -> list[Explanation]:
    """Run the methods on the images, with a progress bar.

    Args:
        model: from `rectgrad_zoo.load`, or any model with timm's data configuration.
        images: images by name.
        methods: see `methods.methods`; methods that do not apply to the model are left out.
        target: index of the class to explain; None: the predicted class of each image.

    Returns:
        One explanation per image, in order.
    """
    transform = rectgrad_zoo.transform(model)
    device = next(model.parameters()).device
    first = transform(next(iter(images.values())))[None].to(device)
    methods = [method for method in methods if method.applies(model, first)]
    explanations = []
    with tqdm(total=len(images) * len(methods), unit="map", disable=None) as progress:
        for name, image in images.items():
            x = transform(image)[None].to(device)
            explanation, index = _predict(model, x, name, target)
            for method in methods:
                progress.set_description(f"{name}: {method.title}")
                explanation.maps[method.title] = run(method, model, x, index)
                progress.update()
            explanations.append(explanation)
    return explanations


def _predict(model: nn.Module, x: Tensor, name: str, target: int | None) -> tuple[Explanation, int]:
    with torch.no_grad():
        probabilities = model(x)[0].float().softmax(dim=0)
    predicted = int(probabilities.argmax())
    index = predicted if target is None else target
    explanation = Explanation(
        name=name,
        picture=picture(model, x[0]),
        predicted=class_name(model, predicted),
        probability=float(probabilities[predicted]),
        target=class_name(model, index),
    )
    return explanation, index


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
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _arrays(explanation: Explanation) -> Iterator[tuple[str, NDArray[np.generic]]]:
    yield "input", explanation.picture
    yield "target", np.array(explanation.target)
    yield "predicted", np.array(explanation.predicted)
    yield "probability", np.array(explanation.probability)
    for title, attribution in explanation.maps.items():
        if isinstance(attribution, Tensor):
            yield title, attribution.float().cpu().numpy()
