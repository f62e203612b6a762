"""Targets beyond a class: a difference of logits, a mask, a box, a similarity, a regression.

A target is a function from the return value of a model to one number per sample, `(N,)`. It serves

- RectGrad and its relatives: `RectGrad(model).attribute(x, target=LogitDifference(281, 207))`;
- Captum's methods: `Saliency(SelectedOutput(model, LogitDifference(281, 207))).attribute(x)`;
- an existing graph: `rectified_grad(LogitDifference(281, 207)(model(x)), x)`.

Any other function of this kind is a target too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from captum_rectgrad._engine.outputs import select_output

__all__ = [
    "BoxScore",
    "EmbeddingSimilarity",
    "LogitDifference",
    "RegressionValue",
    "SegmentationMask",
    "SegmentationPixel",
]


@dataclass(frozen=True)
class LogitDifference:
    """The logit of a class minus the logit of another.

    Attributes:
        index: index of the class.
        other: index of the other class.

    Examples:
        >>> import torch
        >>> from captum_rectgrad.targets import LogitDifference
        >>> LogitDifference(0, 2)(torch.tensor([[5.0, 1.0, 2.0]]))
        tensor([3.])
    """

    index: int
    other: int

    def __call__(self, returned: Any) -> Tensor:
        """The differences, `(N,)`.

        Args:
            returned: return value of a model with logits `(N, classes)`.

        Raises:
            ValueError: the logits have another shape, or a class is out of range.
        """
        logits = _logits(returned, "(N, classes)", (2,))
        return _of_class(logits, self.index) - _of_class(logits, self.other)


@dataclass(frozen=True)
class SegmentationPixel:
    """The logit of a class at one position of a segmentation.

    Attributes:
        index: index of the class.
        position: row and column; for a volume, depth, row and column.

    Examples:
        >>> import torch
        >>> from captum_rectgrad.targets import SegmentationPixel
        >>> SegmentationPixel(1, (3, 4))(torch.rand(2, 5, 8, 8)).shape
        torch.Size([2])
    """

    index: int
    position: Sequence[int]

    def __call__(self, returned: Any) -> Tensor:
        """The logits, `(N,)`.

        Args:
            returned: return value of a model with logits `(N, classes, H, W)` or
                `(N, classes, D, H, W)`.

        Raises:
            ValueError: the logits have another shape, or the class or the position is out of range.
        """
        scores = _of_class(_segmentation(returned), self.index)
        sizes = tuple(scores.shape[1:])
        fits = len(self.position) == len(sizes)
        if not fits or not all(0 <= i < n for i, n in zip(self.position, sizes, strict=True)):
            raise ValueError(
                f"position {self.position!r} is outside a segmentation of size {sizes}"
            )
        for index in self.position:
            scores = scores.select(1, index)
        return scores


@dataclass(frozen=True, eq=False)
class SegmentationMask:
    """The mean logit of a class over a region of a segmentation.

    Attributes:
        index: index of the class.
        mask: region, boolean, of the size of the segmentation: `(H, W)` or `(D, H, W)` for all
            samples, or with a first dimension `N`. None for the region of each sample in which the
            class has the highest logit; an empty region gives 0 and therefore an all-zero map.

    Examples:
        >>> import torch
        >>> from captum_rectgrad.targets import SegmentationMask
        >>> mask = torch.zeros(8, 8, dtype=torch.bool)
        >>> mask[2:4, 2:6] = True
        >>> SegmentationMask(1, mask)(torch.rand(2, 5, 8, 8)).shape
        torch.Size([2])
    """

    index: int
    mask: Tensor | None = None

    def __call__(self, returned: Any) -> Tensor:
        """The means, `(N,)`.

        Args:
            returned: return value of a model with logits `(N, classes, H, W)` or
                `(N, classes, D, H, W)`.

        Raises:
            ValueError: the logits or the mask have another shape, or the class is out of range.
        """
        logits = _segmentation(returned)
        scores = _of_class(logits, self.index)
        mask = logits.argmax(dim=1) == self.index % logits.shape[1]
        if self.mask is not None:
            if self.mask.shape not in (scores.shape, scores.shape[1:]):
                raise ValueError(
                    f"got a mask of shape {tuple(self.mask.shape)} for a segmentation of shape "
                    f"{tuple(scores.shape)}, expected {tuple(scores.shape[1:])}; resize the mask "
                    "to the size of the logits, without interpolation"
                )
            mask = self.mask.to(scores.device, torch.bool).expand_as(scores)
        # Numbers, since a product with a boolean mask may be a ReLU and would be reported.
        inside = mask.flatten(1).to(scores.dtype)
        return (scores.flatten(1) * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)


@dataclass(frozen=True)
class BoxScore:
    """The score of one box of a detector of torchvision.

    Attributes:
        box: index of the box; the boxes are sorted by their score. The index refers to each image
            of a batch.

    Examples:
        >>> import torch
        >>> from captum_rectgrad.targets import BoxScore
        >>> BoxScore(0)([{"scores": torch.tensor([0.9, 0.2])}])
        tensor([0.9000])
    """

    box: int = 0

    def __call__(self, returned: Any) -> Tensor:
        """The scores, `(N,)`.

        Args:
            returned: list with one dict per image, with `scores` `(boxes,)`.

        Raises:
            TypeError: it is not such a list.
            ValueError: an image has no such box.
        """
        if not isinstance(returned, list) or not all(
            isinstance(image, dict) and isinstance(image.get("scores"), Tensor)
            for image in returned
        ):
            raise TypeError(
                "expected a list with one dict with scores per image, as the detectors of "
                f"torchvision return in eval mode, got {type(returned).__name__}; for the logits "
                "(N, queries, classes) of a DETR, use target=(query, class)"
            )
        for number, image in enumerate(returned):
            if not 0 <= self.box < len(image["scores"]):
                raise ValueError(
                    f"image {number} has {len(image['scores'])} boxes, expected more than "
                    f"{self.box}; choose another box or lower the detector's score threshold"
                )
        return torch.stack([image["scores"][self.box] for image in returned])


@dataclass(frozen=True, eq=False)
class EmbeddingSimilarity:
    """The cosine similarity of an embedding to a reference.

    Attributes:
        reference: embedding `(features,)` for all samples, or `(N, features)`. It is a constant.

    Examples:
        >>> import torch
        >>> from captum_rectgrad.targets import EmbeddingSimilarity
        >>> EmbeddingSimilarity(torch.rand(16))(torch.rand(2, 16)).shape
        torch.Size([2])
    """

    reference: Tensor

    def __call__(self, returned: Any) -> Tensor:
        """The similarities, `(N,)`, from -1 to 1.

        Args:
            returned: return value of a model with an embedding `(N, features)`.

        Raises:
            ValueError: the embedding or the reference has another shape.
        """
        embedding = _logits(returned, "(N, features)", (2,))
        rows, features = embedding.shape
        reference = self.reference.detach().to(embedding)
        if tuple(reference.shape) not in {(features,), (1, features), (rows, features)}:
            raise ValueError(
                f"got a reference of shape {tuple(reference.shape)} for embeddings of shape "
                f"{tuple(embedding.shape)}, expected ({features},)"
            )
        return F.cosine_similarity(embedding, reference.expand_as(embedding), dim=1)


@dataclass(frozen=True)
class RegressionValue:
    """A predicted number.

    Attributes:
        index: index of the number, if the model predicts several.

    Examples:
        >>> import torch
        >>> from captum_rectgrad.targets import RegressionValue
        >>> RegressionValue()(torch.tensor([[0.5], [0.7]]))
        tensor([0.5000, 0.7000])
    """

    index: int = 0

    def __call__(self, returned: Any) -> Tensor:
        """The numbers, `(N,)`.

        Args:
            returned: return value of a model with numbers `(N,)` or `(N, numbers)`.

        Raises:
            ValueError: the output has another shape, or the index is out of range.
        """
        numbers = _logits(returned, "(N,) or (N, numbers)", (1, 2))
        return _of_class(numbers.reshape(len(numbers), -1), self.index)


def _segmentation(returned: object) -> Tensor:
    return _logits(returned, "(N, classes, H, W)", (4, 5))


def _logits(returned: object, expected: str, dims: tuple[int, ...]) -> Tensor:
    output = select_output(returned)
    if output.dim() not in dims:
        raise ValueError(
            f"got an output of shape {tuple(output.shape)}, expected {expected}; choose another "
            "tensor of the model's return value with output="
        )
    return output


def _of_class(output: Tensor, index: int) -> Tensor:
    """The values of an index of dimension 1. Checked, since a GPU would abort the process."""
    size = output.shape[1]
    if not -size <= index < size:
        raise ValueError(
            f"index {index} is out of range for an output of shape {tuple(output.shape)}; use an "
            f"index from 0 to {size - 1}"
        )
    return output[:, index]
