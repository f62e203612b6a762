"""Models that return a ModelOutput, a dict or a tuple, with every kind of method."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from captum.attr import Saliency as CaptumSaliency
from torch import Tensor, nn

from captum_rectgrad import (
    Deconvolution,
    GuidedBackprop,
    LayerGuidedBackprop,
    LayerRectGrad,
    NeuronRectGrad,
    NoBiasRectGrad,
    RectGrad,
    RectGradConst,
    RectGradMod,
    RectGradPRR,
    Saliency,
    SelectedOutput,
)

pytestmark = pytest.mark.bitwise("the same operations on the tensor that is chosen")
Named = namedtuple("Named", ["features", "logits"])  # noqa: PYI024 (as in torchvision's GoogLeNet)


@dataclass
class Record:
    loss: None
    scores: Tensor


class Returns(nn.Module):
    """A net of which `end` makes the return value, from the features and the logits."""

    def __init__(self, end: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3)
        self.features = nn.Sequential(self.conv, nn.ReLU())
        self.head = nn.Linear(8, 5)
        self.end = end
        for parameter in self.parameters():
            parameter.data.normal_(generator=generator)

    def forward(self, x: Tensor) -> Any:
        features = self.features(x).mean(dim=(2, 3))
        return self.end(features, self.head(features))


def images() -> Tensor:
    return torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def plain() -> Returns:
    return Returns(lambda _, y: y)


LOGITS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "dict with logits": lambda f, y: {"features": f, "logits": y},
    "dict with out": lambda f, y: {"aux": f, "out": y},
    "tuple with one tensor": lambda _, y: (None, y, "text"),
    "list with one tensor": lambda _, y: [y],
    "namedtuple": Named,
    "dataclass": lambda _, y: Record(None, y),
}


@pytest.mark.parametrize("kind", LOGITS)
def test_logits_are_found(kind: str) -> None:
    expected = RectGrad(plain(), 60).attribute(images(), target=[1, 4])
    found = RectGrad(Returns(LOGITS[kind]), 60).attribute(images(), target=[1, 4])
    assert expected.any()
    assert torch.equal(found, expected)


@pytest.mark.parametrize("output", ["b", 1, -1, lambda returned: returned["b"]])
def test_output_chooses_a_tensor_for_every_method(output: Any) -> None:
    model, reference = Returns(lambda f, y: {"logits": f, "b": y}), plain()
    methods: list[Callable[..., Any]] = [
        RectGrad,
        RectGradPRR,
        RectGradMod,
        RectGradConst,
        NoBiasRectGrad,
        Saliency,
        GuidedBackprop,
        Deconvolution,
    ]
    for method in methods:
        expected = method(reference).attribute(images(), target=4)
        assert torch.equal(method(model, output=output).attribute(images(), target=4), expected)
    for layer_method in (LayerRectGrad, LayerGuidedBackprop):
        expected = layer_method(reference, reference.conv).attribute(images(), target=4)
        found = layer_method(model, model.conv, output=output).attribute(images(), target=4)
        assert torch.equal(found, expected)
    chosen = SelectedOutput(model, output)
    for captums in (CaptumSaliency, IntegratedGradients):
        x, y = images().requires_grad_(), images().requires_grad_()
        expected = captums(reference).attribute(x, target=4)
        assert torch.equal(captums(chosen).attribute(y, target=4), expected)


def test_the_wrapper_serves_layers_in_the_mode_of_its_model() -> None:
    model = Returns(lambda f, y: {"features": f, "logits": y})
    chosen = SelectedOutput(model)
    expected = LayerGradCam(reference := plain(), reference.features).attribute(images(), 2)
    assert torch.equal(LayerGradCam(chosen, model.features).attribute(images(), 2), expected)
    assert chosen.training
    assert not SelectedOutput(model.eval()).training


def test_a_neuron_needs_no_output() -> None:
    model = Returns(lambda f, y: (f, y))
    found = NeuronRectGrad(model, model.head, percentile=60).attribute(images(), 4)
    assert torch.equal(found, RectGrad(plain(), 60).attribute(images(), target=4))


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda f, y: {"a": f, "b": y}, r"got dict with 'a' \(2, 8\), 'b' \(2, 5\); .*output="),
        (lambda f, y: (f, y), r"got tuple with 0 \(2, 8\), 1 \(2, 5\)"),
        (lambda _, y: {"names": y.tolist()}, r"got dict with 'names' list"),
        (lambda _, __: {}, r"got dict;"),
        (lambda _, y: y.tolist()[0][0], r"got float;"),
    ],
)
def test_outputs_without_logits_are_refused_with_their_keys(end: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"must return a tensor, {message}"):
        RectGrad(Returns(end)).attribute(images(), target=0)


@pytest.mark.parametrize(
    ("end", "output", "error", "message"),
    [
        (lambda f, y: {"a": f, "b": y}, "logits", ValueError, r"no output 'logits'.*'a' \(2, 8\)"),
        (lambda f, y: (f, y), 2, ValueError, r"no output 2: it returned tuple with 0"),
        (lambda _, y: y, "logits", ValueError, r"returned a tensor of shape \(2, 5\)"),
        (lambda _, y: {"a": y, "b": "text"}, "b", TypeError, r"selects a str, expected a tensor"),
        (lambda _, y: y, lambda _: None, TypeError, r"selects a NoneType"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(
    end: Any, output: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        RectGrad(Returns(end), output=output).attribute(images(), target=0)


@pytest.mark.parametrize("output", [1.5, True, ["logits"]])
def test_what_is_no_choice_is_refused_at_once(output: Any) -> None:
    for method in (RectGrad, Saliency, SelectedOutput):
        with pytest.raises(TypeError, match="output must be a key, an index or a function"):
            method(plain(), output=output)


def test_a_vit_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=16,
        patch_size=4,
        num_labels=5,
    )
    model = transformers.ViTForImageClassification(config).eval()
    x = torch.rand(2, 3, 16, 16)
    found = RectGrad(model, 80).attribute(x, target=[1, 3])
    assert found.any()
    assert torch.equal(found, RectGrad(SelectedOutput(model), 80).attribute(x, target=[1, 3]))
    with pytest.raises(TypeError, match=r"last_hidden_state.*pooler_output"):
        RectGrad(transformers.ViTModel(config).eval()).attribute(x, target=0)
