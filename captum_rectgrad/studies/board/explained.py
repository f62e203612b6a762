"""The maps of one method on one network: the input of every column."""

import warnings
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from captum_rectgrad.errors import RectGradError, RectGradWarning
from captum_rectgrad.evaluation.methods import Method, MethodUnreliableError
from captum_rectgrad.evaluation.nondeterminism import nondeterminism_allowed
from captum_rectgrad.evaluation.run_method import attribute
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.board.sizes import BoardSizes
from captum_rectgrad.studies.compute.batches import in_batches
from captum_rectgrad.studies.compute.maps import device_of
from captum_rectgrad.studies.compute.masking import ranks_by_importance

BATCH, BATCH_PIXELS = 50, 50 * 64 * 64  # most images, and most pixels, in one call of a method


def batch_size(inputs: Tensor) -> int:
    """Number of images for one call of a method; memory is in proportion to the pixels.

    Args:
        inputs: `(N, C, H, W)`.

    Returns:
        At least 1.
    """
    return max(1, min(BATCH, BATCH_PIXELS // inputs[0, 0].numel()))


class UnusableMapsError(RectGradError):
    """The method raised an error or returned no maps; the message has the reason."""


@dataclass(frozen=True, eq=False)
class Explained:
    """One method on one network.

    Attributes:
        method: the method.
        network: the network with its images.
        sizes: budgets of the measures.
        seed: seed of all random numbers.
        robust: the network fine-tuned for F-Fidelity; None: not available.
    """

    method: Method
    network: BoardNetwork
    sizes: BoardSizes
    seed: int = 0
    robust: nn.Module | None = None

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return device_of(self.network.model)

    def attributions(
        self, inputs: Tensor, targets: Tensor, model: nn.Module | None = None
    ) -> Tensor:
        """The method's attributions. The random numbers of a batch depend on its place only.

        Args:
            inputs: `(N, C, H, W)`.
            targets: `(N,)`.
            model: another model than the network's; on the same device.

        Returns:
            `(N, C, H, W)`, float64, on the CPU.

        Raises:
            MethodUnreliableError: the method is unreliable on this model.
            UnusableMapsError: the method raised another error, or its maps have another shape or
                values that are not finite.
        """
        explained = self.network.model if model is None else model
        found = torch.empty(inputs.shape, dtype=torch.float64)
        compute = partial(self._batch, explained, inputs, targets)
        for batch, maps in in_batches(len(inputs), batch_size(inputs), compute):
            found[batch] = maps
        return found

    def _batch(self, model: nn.Module, inputs: Tensor, targets: Tensor, batch: slice) -> Tensor:
        x, y = inputs[batch].to(self.device), targets[batch].to(self.device)
        try:
            maps = self.call(model, x, y, derived_seed(self.seed, "maps", batch.start))
        except (MethodUnreliableError, torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            raise UnusableMapsError(
                f"it raised {' '.join(f'{type(error).__name__}: {error}'.split())}"
            ) from error
        if maps.shape != x.shape:
            raise UnusableMapsError(
                f"it returned maps of shape {tuple(maps.shape)} for images of {tuple(x.shape)}; "
                "the two must be equal"
            )
        maps = maps.cpu().double()  # MPS has no float64
        bad = int((~maps.flatten(1).isfinite().all(dim=1)).sum())
        if bad:
            raise UnusableMapsError(f"{bad} of {len(maps)} maps have NaN or infinite values")
        return maps

    def call(self, model: nn.Module, x: Tensor, targets: Tensor, seed: int) -> Tensor:
        """One call of the method.

        Args:
            model: the network's, or a changed copy.
            x: images on its device, `(N, C, H, W)`.
            targets: classes on its device, `(N,)`.
            seed: seed of the method's random numbers.

        Returns:
            What the method returned, `(N, C, H, W)` if it is correct, on the device.

        Raises:
            MethodUnreliableError: the method is unreliable on this model.
            TypeError: the method did not return a tensor.
        """
        # Captum's metrics call a method without gradients. On a GPU the backward pass of adaptive
        # pooling, among others, has no deterministic algorithm; its network has maps all the same.
        with warnings.catch_warnings(), torch.enable_grad(), nondeterminism_allowed():
            # The board counts constant maps itself.
            warnings.simplefilter("ignore", RectGradWarning)
            return attribute(self.method, model, x, targets, seed)

    def maps(self, inputs: Tensor, targets: Tensor, model: nn.Module | None = None) -> Tensor:
        """As `attributions`, summed over channels: `(N, 1, H, W)`."""
        return self.attributions(inputs, targets, model).sum(dim=1, keepdim=True)

    @cached_property
    def own_attributions(self) -> Tensor:
        """Attributions of the network's images, `(N, C, H, W)`."""
        return self.attributions(self.network.inputs, self.network.targets)

    @cached_property
    def own_maps(self) -> Tensor:
        """Maps of the network's images, `(N, 1, H, W)`."""
        return self.own_attributions.sum(dim=1, keepdim=True)

    @cached_property
    def constant(self) -> Tensor:
        """Which of the network's images have a constant map, which ranks no pixels, `(N,)`."""
        flat = self.own_maps.flatten(1)
        return flat.amax(dim=1) == flat.amin(dim=1)

    @cached_property
    def refusal(self) -> str | None:
        """Why the method has no maps of the network that rank pixels; None if it has."""
        if not self.method.applies(self.network.model, self.network.inputs[:1].to(self.device)):
            return f"{self.method.title} is the same as another method on this network"
        try:
            count = len(self.own_maps)
        except (MethodUnreliableError, UnusableMapsError) as error:
            return str(error)
        if bool(self.constant.all()):
            return f"all {count} maps are constant: they rank no pixels"
        return None

    @cached_property
    def ranks(self) -> Tensor:
        """Ranks of the pixels of the network's images, `(N, H * W)`; 0 is the highest value.

        Pixels of equal value are in a random order, which is the same for all methods.
        """
        flat = self.own_maps.flatten(1)
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "ties"))
        order = torch.rand(flat.shape, generator=generator).argsort(dim=1)
        return ranks_by_importance(flat, order)
