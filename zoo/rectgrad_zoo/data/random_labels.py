"""Shuffled labels: the data randomisation of Adebayo et al. 2018."""

from dataclasses import dataclass, replace

from rectgrad_zoo.data.images import LabelledImages, permutation


@dataclass(frozen=True)
class RandomLabels:
    """A fixed random permutation of the training labels.

    Attributes:
        seed: Seed of the permutation.
    """

    seed: int


def relabelled(data: LabelledImages, labels: RandomLabels | None) -> LabelledImages:
    """The training set with the labels of a recipe.

    Every class keeps its number of images. On average, one label in ten is the true one.

    Args:
        data: A whole training set.
        labels: Random labels of the recipe; `None` for the true labels.

    Returns:
        The same images, with permuted labels if `labels` is given.
    """
    if labels is None:
        return data
    return replace(data, labels=data.labels[permutation(len(data), labels.seed)])
