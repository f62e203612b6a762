"""GridPG and DiFull by hand, and on a network whose answer is known."""

import torch
from torch import Tensor, nn

from captum_rectgrad.studies.board.localisation import (
    DIFULL,
    GRID_PG,
    DisconnectedCells,
    cell_share,
    disconnected,
    grid_pointing,
    grids,
    partners,
)
from tests.support.board import Colours, coloured_images, explained, network, own, with_parameter

COLOURS = network(with_parameter(Colours()), coloured_images())


def test_share_of_a_cell_by_hand() -> None:
    # Positive sums of the cells: 1, 3, 0, 4; the negative value does not count.
    grid = torch.tensor([[1.0, 0, 3, 0], [0, -9, 0, 0], [0, 0, 2, 2], [0, 0, 0, 0]])[None, None]
    for cell, expected in enumerate((1 / 8, 3 / 8, 0, 4 / 8)):
        assert cell_share(grid, torch.tensor([cell])).tolist() == [expected]
    assert cell_share(-grid.abs(), torch.tensor([0])).tolist() == [0]


def test_a_grid_has_four_classes_and_its_image_in_the_named_cell() -> None:
    others = partners(COLOURS.targets, 0)
    made, cells = grids(COLOURS.inputs, others)
    assert made.shape == (8, 4, 8, 8)
    for image, row in enumerate(others):
        assert len({*COLOURS.targets[row].tolist(), int(COLOURS.targets[image])}) == 4
        at = int(cells[image])
        top, left = 4 * (at // 2), 4 * (at % 2)
        assert (made[image, :, top : top + 4, left : left + 4] == COLOURS.inputs[image]).all()


def test_network_of_colours_has_its_evidence_in_one_cell() -> None:
    # Gradient times input is the contribution of each pixel; the gradient is the same everywhere.
    assert grid_pointing(explained("gradient-input", COLOURS)).tolist() == [1.0] * 8
    assert grid_pointing(explained("saliency", COLOURS)).tolist() == [0.25] * 8


def test_only_methods_that_look_elsewhere_leave_the_cell_of_a_disconnected_grid() -> None:
    def uniform(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
        return torch.ones_like(x)

    assert disconnected(explained("saliency", COLOURS)).tolist() == [1.0] * 8
    assert disconnected(explained(own(uniform), COLOURS)).tolist() == [0.25] * 8


def test_logits_of_a_disconnected_grid_belong_to_their_cells() -> None:
    made, cells = grids(COLOURS.inputs, partners(COLOURS.targets, 0))
    logits = DisconnectedCells(COLOURS.model)(made)
    assert logits.shape == (8, 16)
    for image, cell in enumerate(cells.tolist()):
        own_logits = logits[image, 4 * cell : 4 * cell + 4]
        assert torch.equal(own_logits, COLOURS.model(COLOURS.inputs[image][None])[0])


def test_reasons_why_a_network_has_no_grids() -> None:
    fixed = with_parameter(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))
    assert "4 x 4 pixels only" in (GRID_PG.lacks(network(fixed, coloured_images())) or "")
    same = network(COLOURS.model, coloured_images(classes=4)[::4])
    assert "these images have 1" in (DIFULL.lacks(same) or "")
    assert GRID_PG.lacks(COLOURS) is DIFULL.lacks(COLOURS) is None
