"""Data that take no time: few shapes, and networks that were never trained."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

import rectgrad_zoo  # noqa: F401 (registers the architecture)
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.studies.compute.maps import predictions
from captum_rectgrad.studies.data.generated import recipe_of
from captum_rectgrad.studies.data.shapes import SHAPE_CLASSES, shapes
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.cifar10 import Split
from rectgrad_zoo.data.images import LabelledImages
from tests.support.nodes import NODE

IMAGES = 20


@dataclass(frozen=True)
class Tiny:
    """Twenty images; `correct` networks are right about the ones with masks."""

    name = "tiny shapes"
    classes = SHAPE_CLASSES
    note = ""
    has_masks = True

    def images(self, split: Split) -> LabelledImages:
        return shapes(IMAGES, {"train": 1, "test": 2}[split])

    def masked(self) -> MaskedImages:
        drawn = shapes(IMAGES, 3)
        model = self.networks("plain")[0].model
        predicted = predictions(model, drawn.images, IMAGES)
        # Half of the labels are what the network says.
        half = torch.arange(IMAGES) % 2 == 0
        return replace(drawn, labels=torch.where(half, predicted, (predicted + 1) % 10))

    def networks(self, role: Role) -> tuple[Network, ...]:
        torch.manual_seed(0)
        model = timm.create_model("cifar10_cnn", num_classes=10).eval()
        recipe = recipe_of(role)
        if role == "held_out":
            recipe = replace(recipe, data=replace(recipe.data, validation_size=IMAGES // 2))
        return (Network(f"tiny-{role}", "0" * 64, model, recipe),)


@dataclass(frozen=True)
class ThreeNetworks(Tiny):
    """The same, and three networks of each role that differ little, as their decisions agree."""

    def networks(self, role: Role) -> tuple[Network, ...]:
        made = []
        for number in range(3):
            (network,) = super().networks(role)
            generator = torch.Generator().manual_seed(number)
            for values in network.model.state_dict().values():
                values.add_(torch.randn(values.shape, generator=generator), alpha=1e-4 * number)
            made.append(replace(network, name=f"{network.name}-{number}", sha256=str(number) * 64))
        return tuple(made)


@dataclass(frozen=True)
class TinyInFloat64(Tiny):
    """The same, with networks that compute in float64: rounding errors change no decision."""

    def networks(self, role: Role) -> tuple[Network, ...]:
        (network,) = super().networks(role)
        network.model.double().register_forward_pre_hook(_in_float64)
        return (network,)


def _in_float64(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(each.double() for each in inputs)


def resized(study: AnyStudy, **sizes: Any) -> AnyStudy:
    """The study, with other sizes in its smallest preset."""
    smoke = replace(study.presets["smoke"], **sizes)
    return replace(study, presets={**study.presets, "smoke": smoke})


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., StudyContext]:
    """A context with these data, with the methods of these keys."""

    def make(*keys: str, folder: str = "out") -> StudyContext:
        methods = choose_methods(keys or ("saliency", "rectgrad", "rectgrad-prr", "random"))
        return StudyContext(
            study_data=Tiny(), methods=methods, folder=tmp_path / folder, batch_size=7
        )

    return make


@pytest.fixture
def exact_context(context: Callable[..., StudyContext]) -> Callable[..., StudyContext]:
    """The same in float64, for tests that compare signs, ranks or thresholds."""

    def make(*keys: str) -> StudyContext:
        return replace(context(*keys), study_data=TinyInFloat64())

    return make


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A Ray cluster of one node, to which nodes can be added."""
    ray = pytest.importorskip("ray")
    made = pytest.importorskip("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={**NODE, "include_dashboard": False}
    )
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
