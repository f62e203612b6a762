"""What Captum's suite has and these methods cannot do: each is refused in words, none skipped.

- Functions as models: the parts of the model are examined, which a function hides.
- Captum's JIT checks: scripted and traced code is not part of the autograd graph.
- Inputs that are integers or truth values have no gradient; layers behind them have one.
- Outputs that are no tensor (futures, dictionaries), or one number for a whole batch, have no
  logit for each sample.
- A layer whose output is no floating point tensor has no gradient either.
- `attribute_future`, as in Captum's own gradient methods.
"""

import itertools
from collections.abc import Callable

import pytest
import torch
from captum.attr import LayerGradientXActivation, NeuronGradient
from captum.testing.attr.helpers.test_config import config
from captum.testing.helpers.basic_models import (
    BasicEmbeddingModel,
    BasicModel_GradientLayerAttribution,
    BasicModel_MultiLayer,
    BasicModel_MultiLayer_with_Future,
    BasicModelBoolInput,
    BasicModelWithSparseInputs,
)
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGradError
from tests.support.captum_configs import (
    ALL,
    CASES,
    INPUT_METHODS,
    LAYER_METHODS,
    NEURON_METHODS,
    OPEN,
    WITHOUT_TARGET,
    Case,
    case_id,
    hooks,
)

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)

METHODS = {**INPUT_METHODS, **LAYER_METHODS, **NEURON_METHODS}


def models() -> dict[str, nn.Module]:
    """Captum's models, one of each class."""
    return {type(entry["model"]).__name__: entry["model"] for entry in config}


def build(name: str, model: Callable[..., object], layer: nn.Module) -> object:
    return METHODS[name](model) if name in INPUT_METHODS else METHODS[name](model, layer)


def test_functions_instead_of_models() -> None:
    model = BasicModel_MultiLayer()
    # Captum's data-parallel check hands this over too.

    def around(x: Tensor) -> Tensor:
        return model(x)

    for name, function in itertools.product(METHODS, (model.forward, around)):
        with pytest.raises(TypeError, match=r"must be an nn\.Module.* got (method|function)"):
            build(name, function, model.relu)


@pytest.mark.filterwarnings(
    "ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning"
)
def test_captums_jit_checks() -> None:
    model, x = BasicModel_MultiLayer(), torch.randn(4, 3)
    traced, scripted = torch.jit.trace(model, (x,)), torch.jit.script(model)
    models = traced, scripted, nn.DataParallel(traced), nn.Sequential(scripted)
    for name, compiled in itertools.product(METHODS, models):
        with pytest.raises(TypeError, match=r"scripted or traced \(torch.jit\)"):
            build(name, compiled, model.relu)


def test_captums_models_are_all_served_as_modules() -> None:
    served = {type(case.model).__name__ for case in CASES}
    assert served == set(models())
    assert len(served) == 6


@pytest.mark.parametrize("case", [c for c in ALL if c.name in WITHOUT_TARGET], ids=case_id)
def test_an_activation_without_a_target(case: Case) -> None:
    case = case.fresh()
    with pytest.raises(AssertionError, match=r"(?i)target"):
        case.attribute()
    assert all(a.abs().max() > 0 for a in case.attribute(target=0))


def test_tokens_have_no_gradient_but_their_embeddings_do() -> None:
    torch.manual_seed(0)
    model = BasicEmbeddingModel(nested_second_embedding=True).eval()
    one, two = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[7, 8, 9], [1, 1, 2]])
    message = r"input 0 must be a floating point tensor.*torch\.int64"
    for method in INPUT_METHODS.values():
        with pytest.raises(TypeError, match=message):
            method(model).attribute((one, two))
    layers = [model.embedding1, model.embedding2]
    # The output sums over words, so it is not a number per sample but per word vector.
    found = LayerRectGrad(model, layers, **OPEN).attribute((one, two), target=0)
    assert [a.shape for a in found] == [(2, 3, 100)] * 2
    assert all(a.abs().max() > 0 for a in found)


def test_truth_values_have_no_gradient_but_layers_behind_them_do() -> None:
    model, x = BasicModelBoolInput(), torch.tensor([[True, False, True], [True, True, True]])
    message = r"input 0 must be a floating point tensor.*torch\.bool"
    for method in INPUT_METHODS.values():
        with pytest.raises(TypeError, match=message):
            method(model).attribute(x, target=0)
    found = LayerRectGrad(model, model.mod.linear1, **OPEN).attribute(x, target=0)
    assert found.shape == (2, 4)
    with pytest.raises(TypeError, match=r"torch\.bool"):
        NeuronRectGrad(model, model.mod.linear1).attribute(x, 0)


def test_outputs_that_are_no_numbers_per_sample() -> None:
    x = torch.ones(2, 3)
    future, many = BasicModel_MultiLayer_with_Future(), BasicModel_GradientLayerAttribution()
    sparse = BasicModelWithSparseInputs()
    for method in INPUT_METHODS.values():
        with pytest.raises(TypeError, match="must return a tensor, got Future"):
            method(future).attribute(x, target=0)
        with pytest.raises(TypeError, match="must return a tensor, got dict"):
            method(many).attribute(x, target=0)
        with pytest.raises(AssertionError, match="one number per sample"):
            method(sparse).attribute(x, additional_forward_args=torch.ones(1))
        assert hooks(future) == hooks(many) == hooks(sparse) == {}


@pytest.mark.parametrize("output", [torch.tensor([1, 2]), {"a": torch.ones(2)}, 3])
def test_layers_whose_output_has_no_gradient(output: object) -> None:
    model = BasicModel_GradientLayerAttribution(unsupported_layer_output=output, dict_output=False)
    with pytest.raises(RectGradError, match="layer 'unsupported_layer'"):
        LayerRectGrad(model, model.unsupported_layer).attribute(torch.ones(2, 3), target=0)
    with pytest.raises(RectGradError, match="layer 'int_layer' contains no floating point tensor"):
        LayerRectGrad(model, model.int_layer).attribute(torch.ones(2, 3), target=0)
    with pytest.raises(RectGradError, match=r"no gradient reaches layer 'relu_alt'"):
        LayerRectGrad(model, model.relu_alt).attribute(torch.ones(2, 3), target=0)
    assert hooks(model) == {}


def test_attribute_future() -> None:
    for name, method in INPUT_METHODS.items():
        with pytest.raises(NotImplementedError, match=name):
            method(BasicModel_MultiLayer()).attribute_future()
    # Captum's methods of layers and neurons have none either.
    theirs = LayerGradientXActivation, NeuronGradient
    assert not any(hasattr(method, "attribute_future") for method in theirs)


def test_a_selector_that_leaves_a_tensor_is_refused() -> None:
    model, x = BasicModel_MultiLayer(), torch.ones(2, 3)

    def everything(y: Tensor) -> Tensor:
        return y

    with pytest.raises(AssertionError, match="one number per sample"):
        NeuronRectGrad(model, model.relu).attribute(x, everything)
