"""Quantus evaluates RectGrad as its explanation function."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import Saliency
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import rectgrad_zoo
from captum_rectgrad import (
    NoBiasRectGrad,
    RectGrad,
    RectGradConst,
    RectGradMod,
    RectGradPRR,
    RectGradWarning,
)

quantus = pytest.importorskip("quantus")
skimage_data = pytest.importorskip("skimage.data")

Array = NDArray[Any]
Explanation = Callable[..., Array]

METHODS: list[type[RectGrad]] = [
    RectGrad,
    RectGradPRR,
    RectGradMod,
    RectGradConst,
    NoBiasRectGrad,
]
PICTURES = ("astronaut", "chelsea", "rocket", "coffee")


def explained_by(method: Callable[[nn.Module], Any]) -> Explanation:
    """A function as Quantus calls it: arrays in, maps summed over the channels out."""

    def explain(model: nn.Module, inputs: Array, targets: Array, **_: Any) -> Array:
        x = torch.as_tensor(inputs, dtype=torch.float32).requires_grad_()
        maps: Tensor = method(model).attribute(x, target=torch.as_tensor(targets))
        summed: Array = maps.sum(dim=1, keepdim=True).detach().numpy()
        return summed

    return explain


@pytest.fixture(scope="module")
def question() -> dict[str, Any]:
    """A trained model, pictures it was not trained on, and what it takes them for."""
    model = rectgrad_zoo.load("cifar10_cnn")
    transform = rectgrad_zoo.transform(model)
    pictures = [Image.fromarray(getattr(skimage_data, name)()) for name in PICTURES]
    x = torch.stack([transform(picture) for picture in pictures])
    with torch.no_grad():
        y = model(x).argmax(dim=1)
    return {"model": model, "x_batch": x.numpy(), "y_batch": y.numpy()}


def scores(metric: Any, question: dict[str, Any], explain: Explanation) -> Array:
    # Quantus draws from NumPy's and PyTorch's global generators.
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    return np.asarray(metric(**question, explain_func=explain), dtype=np.float64)


METRICS: dict[str, Callable[[], Any]] = {
    "Sparseness": lambda: quantus.Sparseness(disable_warnings=True),
    "Complexity": lambda: quantus.Complexity(disable_warnings=True),
    "FaithfulnessCorrelation": lambda: quantus.FaithfulnessCorrelation(
        nr_runs=10, subset_size=64, return_aggregate=False, disable_warnings=True
    ),
    # Its AUC is left out: Quantus 0.6 calls np.trapz, which NumPy 2.4 no longer has.
    "PixelFlipping": lambda: quantus.PixelFlipping(features_in_step=128, disable_warnings=True),
    "RandomLogit": lambda: quantus.RandomLogit(num_classes=10, disable_warnings=True),
    "MaxSensitivity": lambda: quantus.MaxSensitivity(nr_samples=3, disable_warnings=True),
}


@pytest.fixture(scope="module")
def scores_of_saliency(question: dict[str, Any]) -> Callable[[str], Array]:
    @functools.cache
    def scored(metric: str) -> Array:
        return scores(METRICS[metric](), question, explained_by(Saliency))

    return scored


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.bitwise("the same scores are computed twice, with the same draws")
def test_every_metric_scores_every_method(
    metric: str,
    method: type[RectGrad],
    question: dict[str, Any],
    scores_of_saliency: Callable[[str], Array],
) -> None:
    explain = explained_by(method)
    found = scores(METRICS[metric](), question, explain)
    assert len(found) == len(PICTURES)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(scores(METRICS[metric](), question, explain), found)
    # They are scores of these maps, not of any.
    assert not np.allclose(found, scores_of_saliency(metric))


@pytest.mark.parametrize("method", METHODS)
def test_sparser_and_less_complex_than_saliency(
    method: type[RectGrad],
    question: dict[str, Any],
    scores_of_saliency: Callable[[str], Array],
) -> None:
    ours = explained_by(method)
    sparseness = scores(METRICS["Sparseness"](), question, ours)
    assert (sparseness > scores_of_saliency("Sparseness")).all()
    complexity = scores(METRICS["Complexity"](), question, ours)
    assert (complexity < scores_of_saliency("Complexity")).all()


def test_sparseness_is_the_gini_index_of_the_map(question: dict[str, Any]) -> None:
    explain = explained_by(RectGrad)
    found = scores(METRICS["Sparseness"](), question, explain)
    maps = explain(question["model"], question["x_batch"], question["y_batch"])
    ordered = np.sort(np.abs(maps.reshape(len(PICTURES), -1).astype(np.float64)), axis=1)
    n = ordered.shape[1]
    weights = 2 * np.arange(1, n + 1) - n - 1
    gini = (ordered * weights).sum(axis=1) / (n * ordered.sum(axis=1))
    np.testing.assert_allclose(found, gini, rtol=1e-3)


def test_randomised_parameters(question: dict[str, Any]) -> None:
    before = {name: p.clone() for name, p in question["model"].state_dict().items()}
    metric = quantus.MPRT(disable_warnings=True)
    found = metric(**question, explain_func=explained_by(RectGrad))
    # From the output to the input, as Quantus finds the layers; unchanged weights first.
    assert list(found) == ["original", "fc2", "fc1", "conv4", "conv3", "conv2", "conv1"]
    np.testing.assert_allclose(found.pop("original"), 1)
    for correlations in found.values():
        assert len(correlations) == len(PICTURES)
        assert (np.abs(correlations) < 1).all()
    # The last layers matter less to it than the first, as Sixt et al. (2020) report.
    assert np.mean(found["fc2"]) > np.mean(found["conv1"])
    after = question["model"].state_dict()
    assert all(torch.equal(p, after[name]) for name, p in before.items())


def test_a_closed_layer_makes_quantus_refuse(question: dict[str, Any]) -> None:
    def closed(model: nn.Module) -> RectGrad:
        return RectGrad(model, tau=float("inf"))

    # It is no use to score an empty map, and Quantus says so, after our warning.
    metric = METRICS["Sparseness"]()
    with (
        pytest.warns(RectGradWarning, match="lower percentile or tau"),
        pytest.raises(AssertionError, match="all equal to zero"),
    ):
        scores(metric, question, explained_by(closed))
