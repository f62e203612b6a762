"""Rows of networks that cannot have some columns."""

import torch
from torch import Tensor, nn

from captum_rectgrad.studies.board.columns import choose_columns
from captum_rectgrad.studies.board.measure import RowTask, measure_row
from tests.support.board import SIZES, Colours, method, network, own


def test_columns_that_a_network_cannot_have_are_cells_with_a_reason() -> None:
    # Without parameters, and with images that are smaller than the blur.
    inputs = torch.rand(8, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    made = network(Colours().eval(), inputs)
    columns = choose_columns(["mprt", "emprt", "insertion", "f-fidelity-plus", "deletion"])
    task = RowTask(made, method("gradient-input"), columns, SIZES, 0, None)
    reasons = {cell.column: cell.reason for cell in measure_row(task, torch.device("cpu"))}
    assert reasons == {
        "mprt": "the model has no parameters; the check needs layers with parameters",
        "emprt": "the model has no parameters; the check needs layers with parameters",
        "insertion": "the blur needs images of at least 6 x 6 pixels, got 4 x 4",
        "f-fidelity-plus": "there are no training images, on which the network would be fine-tuned",
        "deletion": "",
    }


def test_a_method_that_leaves_hooks_does_not_change_the_next() -> None:
    inputs = torch.rand(8, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    made = network(Colours().eval(), inputs)

    def doubling(model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        model.register_forward_hook(lambda _, __, output: output.square())
        return method("gradient-input").attribute(model, x, target)

    columns, device = choose_columns(["deletion"]), torch.device("cpu")
    alone, *_ = measure_row(RowTask(made, method("random"), columns, SIZES, 0, None), device)
    list(measure_row(RowTask(made, own(doubling), columns, SIZES, 0, None), device))
    after, *_ = measure_row(RowTask(made, method("random"), columns, SIZES, 0, None), device)
    assert alone.values is not None
    assert after.values is not None
    assert alone.values.tolist() == after.values.tolist()
