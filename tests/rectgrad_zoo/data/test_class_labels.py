import pytest
import timm
from torch import nn

import rectgrad_zoo
from rectgrad_zoo.data.class_labels import _imagenet_labels
from rectgrad_zoo.data.images import CIFAR10_CLASSES
from rectgrad_zoo.errors import ZooError


class Configured(nn.Module):
    def __init__(self, num_classes: int, **config: object) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.pretrained_cfg = config


def test_cifar10_checkpoints_know_their_classes() -> None:
    assert rectgrad_zoo.labels(rectgrad_zoo.load("cifar10_cnn")) == list(CIFAR10_CLASSES)


def test_names_that_are_no_list_are_refused() -> None:
    with pytest.raises(ZooError, match="label_names = 5, expected a list"):
        rectgrad_zoo.labels(Configured(10, label_names=5))


def test_imagenet_labels_are_short_and_in_order() -> None:
    labels = rectgrad_zoo.labels(timm.create_model("resnet18"))
    assert labels is not None
    assert len(labels) == 1000
    assert labels[282] == "tiger cat"
    assert labels[285] == "Egyptian cat"
    assert labels[967] == "espresso"


def test_imagenet_labels_of_one_word_for_two_things_are_told_apart() -> None:
    labels = rectgrad_zoo.labels(timm.create_model("resnet18"))
    assert labels is not None
    assert {index: labels[index] for index in (134, 517, 638, 639, 264, 474)} == {
        134: "crane (large long-necked wading bird of ...)",
        517: "crane (lifts and moves heavy objects)",
        638: "maillot (tights for dancers or gymnasts)",
        639: "maillot (tank suit)",
        264: "Cardigan (Cardigan Welsh corgi)",
        474: "cardigan (knitted jacket that is fastened up ...)",
    }


@pytest.mark.parametrize(
    "subset", ["imagenet-1k", "imagenet-12k", "imagenet-22k", "imagenet-21k-miil"]
)
def test_no_two_labels_are_alike(subset: str) -> None:
    labels = [label.casefold() for label in _imagenet_labels(subset)]
    assert len(labels) == len(set(labels))


def test_names_in_the_configuration_come_first() -> None:
    assert rectgrad_zoo.labels(Configured(2, label_names=["no", "yes"])) == ["no", "yes"]
    sparse = Configured(3, label_names={"0": "a", "2": "c"}, label_descriptions={"a": "an a"})
    assert rectgrad_zoo.labels(sparse) == ["an a", "class 1", "c"]


def test_unknown_classes_have_no_labels() -> None:
    assert rectgrad_zoo.labels(timm.create_model("resnet18", num_classes=17)) is None
    assert rectgrad_zoo.labels(nn.Linear(2, 2)) is None
