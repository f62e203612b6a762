"""The method, images and targets that every check uses."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.defaults import BATCH_SIZE


@dataclass(frozen=True, eq=False)
class AttributionTask:
    """A method on images.

    Attributes:
        method: the checked method; see `captum_rectgrad.evaluation.methods`.
        images: `(N, C, H, W)`, as the model takes them.
        targets: classes to explain, `(N,)`.
        batch_size: images in memory.
        seed: seed of the method's random numbers. It is the same for every model, so differences
            between maps are differences between models.
    """

    method: Method
    images: Tensor
    targets: Tensor
    batch_size: int = BATCH_SIZE
    seed: int = 0

    def maps(self, model: nn.Module, targets: Tensor | None = None) -> Tensor:
        """The attribution maps of a model.

        Args:
            model: in eval mode, with the inputs of `images`.
            targets: classes to explain instead of the task's, `(N,)`.

        Returns:
            `(N, C, H, W)`, on the CPU.

        Raises:
            MethodUnreliableError: the method is unreliable on this model.
        """
        chosen = self.targets if targets is None else targets
        device = next(model.parameters()).device
        pairs = zip(
            torch.split(self.images, self.batch_size),
            torch.split(chosen, self.batch_size),
            strict=True,
        )
        parts = [
            attribute(
                self.method, model, x.to(device), y.to(device), derived_seed(self.seed, number)
            ).cpu()
            for number, (x, y) in enumerate(pairs)
        ]
        return torch.cat(parts)
