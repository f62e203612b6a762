"""Maps of a photograph, each beside the maps of another class and of a randomised network."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, LayerStatistics, RectGrad
from captum_rectgrad.app.networks import Network
from captum_rectgrad.app.question import INPUT, Question
from captum_rectgrad.errors import RectGradWarning
from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import run
from captum_rectgrad.sanity.similarity import absolute_ranks

Map = Tensor | str


@dataclass(frozen=True, eq=False)
class Control:
    """A map that should differ from the explanation.

    Attributes:
        map: `(C, H, W)`, or the reason why there is none.
        similarity: rank correlation of its absolute values with those of the explanation, in
            [-1, 1]; None if there are not two maps, or the explanation is empty.
    """

    map: Map
    similarity: float | None


@dataclass(frozen=True, eq=False)
class MethodMaps:
    """The maps of one method.

    Attributes:
        title: name of the method.
        map: the explanation, `(C, H, W)`, or the reason why there is none.
        another_class: for another class of the same photograph; None if not asked for.
        randomised: for the network with random weights; None if not asked for.
    """

    title: str
    map: Map
    another_class: Control | None
    randomised: Control | None


@dataclass(frozen=True, eq=False)
class Answer:
    """All that the page shows.

    Attributes:
        picture: the photograph as the network sees it, `(H, W, 3)` in [0, 1].
        classes: names of the classes, by index.
        probabilities: `(classes,)`, in [0, 1].
        predicted: index of the most probable class.
        target: index of the explained class.
        other: index of the other class: the most probable one that is not explained.
        methods: the maps of each method.
        layers: RectGrad's statistics, from the output to the input.
    """

    picture: NDArray[np.float32]
    classes: Sequence[str]
    probabilities: Tensor
    predicted: int
    target: int
    other: int
    methods: Sequence[MethodMaps]
    layers: Sequence[LayerStatistics]


def answer(network: Network, photograph: Image.Image, question: Question) -> Answer:
    """Compute the maps. RectGrad's diagnostics of the explanation are warnings, as elsewhere.

    Args:
        network: the network.
        photograph: an RGB image.
        question: the settings.

    Returns:
        The maps and their similarities.

    Raises:
        ValueError: a setting is invalid, or the network is not a classifier of photographs.
        RectGradError: RectGrad does not apply to the network.
    """
    chosen = question.chosen_methods()
    x = network.inputs(photograph)
    probabilities = network.probabilities(x)
    order = probabilities.argsort(descending=True).tolist()
    if len(order) == 1:
        raise ValueError("the network has one output; expected a classifier of several classes")
    wanted = question.target_index(len(order))
    target = order[0] if wanted is None else wanted
    if question.layer != INPUT:
        if question.layer not in network.layers:
            raise ValueError(f"the network has no layer {question.layer!r} with maps")
        chosen = (*chosen, _layer_method(question))
    other = next(index for index in order if index != target)
    _, layers = RectGrad(network.model, question.percentile).attribute(
        x, target=target, return_layer_statistics=True
    )
    with warnings.catch_warnings():
        # They are those of the pass above, or are about maps that are not the explanation.
        warnings.simplefilter("ignore", RectGradWarning)
        rows = [
            _maps(method, network, x, (target, other), question)
            for method in chosen
            if method.applies(network.model, x)
        ]
    return Answer(
        picture=network.picture(x),
        classes=network.classes(len(order)),
        probabilities=probabilities,
        predicted=order[0],
        target=target,
        other=other,
        methods=rows,
        layers=layers,
    )


def _layer_method(question: Question) -> Method:
    """RectGrad of a hidden layer, as a method whose maps have the shape of the layer's output."""
    attribute = partial(_attribute_layer, question.layer, question.percentile)
    return Method("layer-rectgrad", f"Layer {question.layer}", attribute)


def _attribute_layer(
    layer: str, percentile: float, model: nn.Module, x: Tensor, target: Tensor
) -> Tensor:
    method = LayerRectGrad(model, model.get_submodule(layer), percentile=percentile)
    found: Tensor = method.attribute(x, target=target)
    return found


def _maps(
    method: Method, network: Network, x: Tensor, classes: tuple[int, int], question: Question
) -> MethodMaps:
    target, other = classes
    explained = run(method, network.model, x, target)
    another = randomised = None
    if question.another_class:
        another = _control(explained, run(method, network.model, x, other))
    if question.randomised:
        randomised = _control(explained, run(method, network.randomised, x, target))
    return MethodMaps(method.title, explained, another, randomised)


def _control(explained: Map, control: Map) -> Control:
    if isinstance(explained, str) or isinstance(control, str):
        return Control(control, None)
    (similarity,) = absolute_ranks(explained[None], control[None])
    return Control(control, None if np.isnan(similarity) else float(similarity))
