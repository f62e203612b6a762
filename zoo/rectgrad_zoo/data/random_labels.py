"""Labels that have nothing to do with the images: the control of Adebayo et al. 2018."""

from dataclasses import dataclass, replace

from rectgrad_zoo.data.images import LabelledImages, permutation


@dataclass(frozen=True)
class RandomLabels:
    """The training set's own labels, handed out anew and then fixed for the whole training.

    Attributes:
        seed: Seed of the permutation.
    """

    seed: int


def relabelled(data: LabelledImages, labels: RandomLabels | None) -> LabelledImages:
    """The training set with the labels that a recipe trains on.

    Every class keeps its number of images; one label in ten happens to be the true one.

    Args:
        data: A whole training set.
        labels: The recipe's; `None` for the true ones.

    Returns:
        The same images, with permuted labels if asked for.
    """
    if labels is None:
        return data
    return replace(data, labels=data.labels[permutation(len(data), labels.seed)])
