"""A method, a model and images: what every check asks for maps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.defaults import BATCH_SIZE


@dataclass(frozen=True, eq=False)
class Explaining:
    """A method on images.

    Attributes:
        method: what is checked; see `captum_rectgrad.evaluation.methods`.
        images: `(N, C, H, W)`, as the model takes them.
        targets: classes to explain, `(N,)`.
        batch_size: images in memory.
        seed: of what the method draws at random: the same for every model, so that maps differ
            because the models do.
    """

    method: Method
    images: Tensor
    targets: Tensor
    batch_size: int = BATCH_SIZE
    seed: int = 0

    def maps(self, model: nn.Module, targets: Tensor | None = None) -> Tensor:
        """The maps of a model.

        Args:
            model: in eval mode, for these images.
            targets: other classes to explain, `(N,)`.

        Returns:
            `(N, C, H, W)`, on the CPU.

        Raises:
            NotAvailableError: the method would not be itself on this model.
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
