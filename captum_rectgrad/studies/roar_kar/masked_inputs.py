"""Images as the networks of cells see them: data on the device, masks computed per batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from captum_rectgrad.studies.compute.imputation import imputed
from captum_rectgrad.studies.compute.masking import mask_alone, removed_ranks, replaced
from captum_rectgrad.studies.roar_kar.cells import ROAD, Cell
from captum_rectgrad.studies.roar_kar.ranks import Ranks
from rectgrad_zoo.data.images import to_model_range

_KEPT_MOST_IMPORTANT = ("kar", "road-lerf")


def rank_table(ranks: Ranks, device: torch.device) -> Tensor:
    """Ranks that a device can compare, in two bytes each if they fit.

    Args:
        ranks: `(N, P)`.
        device: device of the result.

    Returns:
        `(N, P)`, int16 or, with more than 32768 pixels, int32, since PyTorch cannot compare
        two-byte unsigned integers.
    """
    fit = ranks.shape[1] - 1 <= np.iinfo(np.int16).max
    return torch.from_numpy(ranks.astype(np.int16 if fit else np.int32)).to(device)


@dataclass(frozen=True, eq=False)
class MaskedInputs:
    """Images of a data set as the networks of some cells see them.

    Attributes:
        cells: K cells.
        images: `(N, C, H, W)`, uint8, on the device.
        ranks: for each cell, `(N, P)`, from `rank_table`; None for `whole`.
        colour: colour of replaced pixels, `(C,)`, on the device.
        seed: seed of the study.
    """

    cells: Sequence[Cell]
    images: Tensor
    ranks: Sequence[Tensor | None]
    colour: Tensor
    seed: int

    def __call__(self, batch: Tensor) -> Tensor:
        """The inputs of the networks for some images.

        Args:
            batch: indices, `(K, B)`, int64: a row for each cell.

        Returns:
            `(K, B, C, H, W)`, float32. No operation waits for a GPU, except for cells of ROAD.
        """
        batch = batch.to(self.images.device)
        inputs = to_model_range(self.images[batch])
        if all(ranks is None for ranks in self.ranks):
            return inputs
        tables, table, first, last = self._removed
        ranks = tables[table, batch]
        gone = (ranks >= first) & (ranks <= last)
        flat = replaced(inputs.flatten(0, 1), gone.flatten(0, 1), self.colour)
        shown = flat.view(inputs.shape)
        for number, cell in enumerate(self.cells):
            if cell.measure == "mask":
                shown[number] = mask_alone(gone[number], inputs[number])
            elif cell.measure in ROAD:
                # The seed depends on the batch, so that halved batches have different noise.
                seed = cell.seed(self.seed) + int(batch[number, 0])
                shown[number] = imputed(inputs[number], gone[number], seed)
        return shown

    @cached_property
    def _removed(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All ranks, `(M, N, P)`; each cell's index among them, and its first and last rank."""
        tables = {id(ranks): ranks for ranks in self.ranks if ranks is not None}
        every = torch.stack(list(tables.values()))
        index = [list(tables).index(id(ranks)) if ranks is not None else 0 for ranks in self.ranks]
        bounds = [
            removed_ranks(
                every.shape[2],
                cell.fraction if ranks is not None else 0,
                least=cell.measure in _KEPT_MOST_IMPORTANT,
            )
            for cell, ranks in zip(self.cells, self.ranks, strict=True)
        ]
        first, last = torch.tensor(bounds, dtype=every.dtype, device=every.device).T[
            ..., None, None
        ]
        return every, torch.tensor(index, device=every.device)[:, None], first, last
