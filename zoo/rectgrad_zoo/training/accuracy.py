"""Accuracy with a confidence interval."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.stats import binomtest
from torch import Tensor, nn
from tqdm import tqdm

from rectgrad_zoo.data.images import LabelledImages, to_model_range

_BATCH = 500


@dataclass(frozen=True)
class Accuracy:
    """A measured accuracy.

    Attributes:
        correct: Number of correctly classified images.
        total: Number of images.
    """

    correct: int
    total: int

    @property
    def value(self) -> float:
        """Share of correctly classified images, 0 to 1."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy, 0 to 1."""
        found = binomtest(self.correct, self.total).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.value:.2%} (95 % interval {low:.2%} to {high:.2%}, "
            f"{self.correct:,} of {self.total:,})"
        )


def measure_accuracy(
    model: nn.Module,
    data: LabelledImages,
    perturb: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Accuracy:
    """Measure the accuracy in eval mode, on the model's device.

    Args:
        model: A classifier for inputs in [-1, 1]. Its mode is restored.
        data: Images, with the occlusion if any, and their classes.
        perturb: Function that changes a batch of inputs, given their classes, before the
            classification; by default none.

    Returns:
        The accuracy.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    # Only an attack takes minutes and has a progress bar (None: on a terminal).
    starts = tqdm(
        range(0, len(data), _BATCH), desc="attack", leave=False, disable=None if perturb else True
    )
    try:
        correct = 0
        for start in starts:
            inputs = to_model_range(data.images[start : start + _BATCH].to(device))
            labels = data.labels[start : start + _BATCH].to(device)
            if perturb is not None:
                inputs = perturb(inputs, labels)
            with torch.inference_mode():
                correct += int((model(inputs).argmax(dim=1) == labels).sum())
    finally:
        model.train(was_training)
    return Accuracy(correct, len(data))
