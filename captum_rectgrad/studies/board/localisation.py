"""GridPG and DiFull: the share of positive attribution in the right cell of a grid of images.

Rao et al. 2022, "Towards Better Understanding Attribution Methods" (DiFull, and GridPG after Boehle
et al. 2021), and its extension of 2023. A grid has two by two images. In GridPG the network sees
the whole grid, and the classes of its images differ. In DiFull each cell has a network of its own,
whose logits belong to this cell alone: attribution outside the cell is wrong by construction.
"""

import copy

import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.studies.board.column import Column, Values
from captum_rectgrad.studies.board.explained import Explained
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.compute.maps import device_of

SIDE = 2  # cells along each side of a grid
CELLS = SIDE * SIDE


class DisconnectedCells(nn.Module):
    """A network applied to each cell of a grid by a copy of its own.

    Each copy has its own modules and activations, so that thresholds and hooks of one cell never
    depend on another cell.

    Args:
        model: network for images `(N, C, H, W)`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.cells = nn.ModuleList(copy.deepcopy(model) for _ in range(CELLS))

    def forward(self, x: Tensor) -> Tensor:
        """The logits of all cells.

        Args:
            x: grids, `(N, C, 2 H, 2 W)`.

        Returns:
            `(N, 4 K)`: the K logits of each cell, in reading order.
        """
        parts = [cell for row in x.chunk(SIDE, dim=2) for cell in row.chunk(SIDE, dim=3)]
        return torch.cat(
            [model(part) for model, part in zip(self.cells, parts, strict=True)], dim=1
        )


def partners(targets: Tensor, seed: int) -> Tensor:
    """For each image three others, so that the four classes differ.

    Args:
        targets: classes, `(N,)`, with at least four different ones.
        seed: seed of the choice.

    Returns:
        Indices, `(N, 3)`.
    """
    found = torch.empty(len(targets), CELLS - 1, dtype=torch.int64)
    for image in range(len(targets)):
        generator = torch.Generator().manual_seed(derived_seed(seed, "grid", image))
        seen, chosen = {int(targets[image])}, list[int]()
        for other in torch.randperm(len(targets), generator=generator).tolist():
            label = int(targets[other])
            if label not in seen and len(chosen) < CELLS - 1:
                seen.add(label)
                chosen.append(other)
        found[image] = torch.tensor(chosen)
    return found


def grids(inputs: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """One grid for each image; the image is in cell `index % 4`.

    Args:
        inputs: `(N, C, H, W)`.
        others: from `partners`, `(N, 3)`.

    Returns:
        The grids, `(N, C, 2 H, 2 W)`, and the cell of each image, `(N,)`.
    """
    cells = torch.arange(len(inputs)) % CELLS
    made = []
    for image, cell in enumerate(cells.tolist()):
        four = [inputs[other] for other in others[image].tolist()]
        four.insert(cell, inputs[image])
        rows = [torch.cat(four[at : at + SIDE], dim=-1) for at in range(0, CELLS, SIDE)]
        made.append(torch.cat(rows, dim=-2))
    return torch.stack(made), cells


def cell_share(maps: Tensor, cells: Tensor) -> Values:
    """The share of the positive attribution of a grid that is in one of its cells.

    Args:
        maps: `(N, 1, 2 H, 2 W)`.
        cells: number of the cell of each grid, in reading order, `(N,)`.

    Returns:
        `(N,)`, in [0, 1]; 0 for a map without positive values, as in the authors' code.
    """
    positive = maps.clamp(min=0)
    height, width = maps.shape[-2] // SIDE, maps.shape[-1] // SIDE
    sums = positive.unfold(2, height, height).unfold(3, width, width).sum(dim=(1, 4, 5)).flatten(1)
    inside, total = sums.gather(1, cells[:, None])[:, 0], sums.sum(dim=1)
    share: Values = torch.where(total > 0, inside / total, 0).numpy()
    return share


def grid_pointing(explained: Explained) -> Values:
    """GridPG; see the module."""
    network = explained.network
    made, cells = grids(network.inputs, partners(network.targets, explained.seed))
    return cell_share(explained.maps(made, network.targets), cells)


def disconnected(explained: Explained) -> Values:
    """DiFull; see the module."""
    network = explained.network
    made, cells = grids(network.inputs, partners(network.targets, explained.seed))
    wrapped = DisconnectedCells(network.model).eval()
    with torch.no_grad():
        classes = network.model(network.inputs[:1].to(explained.device)).shape[1]
    return cell_share(explained.maps(made, cells * classes + network.targets, wrapped), cells)


def _lacks_classes(network: BoardNetwork) -> str | None:
    classes = len(set(network.targets.tolist()))
    if classes >= CELLS:
        return None
    return f"a grid needs {CELLS} different predicted classes, and these images have {classes}"


def _lacks_size(network: BoardNetwork) -> str | None:
    grid = torch.cat([torch.cat([network.inputs[:1]] * SIDE, dim=-1)] * SIDE, dim=-2)
    # On the CPU: an index out of range on a GPU, as of embeddings of positions, ends all use of it.
    on_gpu = device_of(network.model).type != "cpu"
    model = copy.deepcopy(network.model).cpu() if on_gpu else network.model
    try:
        with torch.no_grad():
            model(grid)
    except Exception:  # noqa: BLE001 (a network of the user may raise anything)
        height, width = network.inputs.shape[-2:]
        return f"the network takes images of {height} x {width} pixels only, not grids of them"
    return _lacks_classes(network)


GRID_PG = Column(
    key="gridpg",
    title="GridPG",
    family="localisation",
    better="higher",
    meaning="Share of the positive attribution in the image of the explained class, in a grid of "
    "2 x 2 images of different predicted classes. A uniform map has 0.25.",
    source="Boehle et al. 2021; Rao et al. 2022",
    measure=grid_pointing,
    lacks=_lacks_size,
)
DIFULL = Column(
    key="difull",
    title="DiFull",
    family="localisation",
    better="higher",
    meaning="The same in a grid in which every cell has its own copy of the network, and the "
    "explained logit is that of one cell: attribution elsewhere is wrong by construction. A "
    "uniform map has 0.25.",
    source="Rao et al. 2022, 2023",
    measure=disconnected,
    lacks=_lacks_classes,
)
COLUMNS = (GRID_PG, DIFULL)
