"""Every row on a small network, and the networks on which rows refuse."""

from dataclasses import replace
from importlib.util import find_spec

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rectgrad_zoo  # noqa: F401 (registers the architecture)
from captum_rectgrad.evaluation.methods import Method, MethodUnreliableError
from captum_rectgrad.studies.board.localisation import DisconnectedCells
from captum_rectgrad.studies.board.networks import BoardNetwork
from captum_rectgrad.studies.board.perturbations import squares
from captum_rectgrad.studies.board.references import sobel
from captum_rectgrad.studies.board.rows import KEYS, choose_rows, rows
from tests.support.board import SIZES, Linear, explained, network

OPTIONAL = {"lrp": "zennit", "layercam": "pytorch_grad_cam", "lime": "sklearn"}
OPTIONAL |= {"kernelshap": "sklearn"}


class Functional(nn.Module):
    """A network that calls ReLU as a function."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.second(F.relu(self.first(x))))
        return self.last(hidden.mean(dim=(2, 3)))


def cnn() -> BoardNetwork:
    torch.manual_seed(0)
    return network(timm.create_model("cifar10_cnn").eval(), torch.rand(3, 3, 32, 32) * 2 - 1)


CNN = cnn()
ROWS = {method.key: method for method in rows(CNN.references, SIZES)}


def test_there_are_about_twenty_rows() -> None:
    assert tuple(ROWS) == KEYS
    assert len(KEYS) >= 20


@pytest.mark.parametrize("method", ROWS.values(), ids=ROWS.keys())
def test_row_has_maps_that_are_not_constant_and_repeat(method: Method) -> None:
    if method.key in OPTIONAL and not find_spec(OPTIONAL[method.key]):
        with pytest.raises(MethodUnreliableError, match="is not installed"):
            _ = explained(method, CNN).own_maps
        return
    sizes = replace(SIZES, masked_copies=100)
    (made,) = (each for each in rows(CNN.references, sizes) if each.key == method.key)
    found = explained(made, CNN, sizes)
    if method.key not in {"lime", "gradcam", "guided-gradcam"}:  # may be zero without training
        assert not found.constant.any()
    assert torch.equal(found.own_maps, explained(made, CNN, sizes).own_maps)


@pytest.mark.parametrize("key", ["guided-bp", "deconvnet", "guided-gradcam"])
def test_captum_is_refused_where_its_hooks_miss_activations(key: str) -> None:
    made = network(Functional().eval(), torch.rand(3, 3, 8, 8))
    with pytest.raises(MethodUnreliableError, match="is incorrect on this model"):
        _ = explained(ROWS[key], made).own_maps


def test_relevance_is_refused_without_rules() -> None:
    pytest.importorskip("zennit")
    made = network(Functional().eval(), torch.rand(3, 3, 8, 8))
    with pytest.raises(MethodUnreliableError, match="hooks modules only"):
        _ = explained(ROWS["lrp"], made).own_maps
    soft = network(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 3)).eval(),
        torch.rand(3, 3, 8, 8),
    )
    with pytest.raises(MethodUnreliableError, match="no rule for Gelu"):
        _ = explained(ROWS["lrp"], soft).own_maps


@pytest.mark.parametrize("key", ["gradcam", "guided-gradcam"])
def test_activation_maps_need_a_convolution_behind_the_first(key: str) -> None:
    made = network(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval(),
        torch.rand(3, 3, 8, 8),
    )
    with pytest.raises(MethodUnreliableError, match="no convolution behind its first"):
        _ = explained(ROWS[key], made).own_maps
    grid = DisconnectedCells(CNN.model)
    with pytest.raises(MethodUnreliableError, match="in each cell"):
        ROWS[key].attribute(grid, torch.rand(1, 3, 64, 64).requires_grad_(), torch.tensor([0]))


def test_grad_cam_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 1, 1, bias=False),
        nn.Conv2d(1, 1, 1, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(1, 2, bias=False),
    ).eval()
    for parameter, values in zip(model.parameters(), ([1.0], [1.0], [2.0, -2.0]), strict=True):
        parameter.data = torch.tensor(values).view_as(parameter)
    inputs = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    # The logits are plus and minus twice the mean of the image, which is the activation.
    made = network(model, inputs)
    sign = inputs.mean(dim=(1, 2, 3), keepdim=True).sign()
    expected = (sign * 2 / 64 * inputs).clamp(min=0).double()
    torch.testing.assert_close(explained(ROWS["gradcam"], made).own_maps, expected)


def test_expected_gradients_draw_baselines_by_the_seed() -> None:
    weights = torch.arange(1.0, 65)
    inputs = torch.full((8, 1, 8, 8), 3.0)
    made = network(Linear(torch.stack([weights, -weights])).eval(), inputs)
    baselines = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    (row,) = (m for m in rows(baselines, SIZES) if m.key == "expected-gradients")
    shares = []
    for seed in (0, 0, 1):
        maps = replace(explained(row, made), seed=seed).own_maps.flatten(1)
        # A linear network: each weight times the difference from the mean of four baselines.
        means = 3 - maps / weights
        torch.testing.assert_close(means, means[:, :1].mul(4).round().div(4).expand(8, 64))
        shares.append(means[:, 0].mul(4).round().tolist())
    first, again, other = shares
    assert first == again != other
    assert 0 < sum(first) < 8 * 4  # both baselines are drawn


def test_sobel_is_of_the_image_alone() -> None:
    step = torch.zeros(1, 1, 6, 6)
    step[..., 3:] = 1
    found = sobel(nn.Identity(), step, torch.tensor([0]))
    assert (found[..., 2:4] > 0).all()
    assert (found[..., 0] == 0).all()


def test_squares_cover_the_image() -> None:
    found = squares(torch.zeros(1, 3, 32, 48))
    assert found.shape == (1, 1, 32, 48)
    assert found.flatten().bincount().tolist() == [24] * 64


def test_unknown_and_repeated_rows() -> None:
    with pytest.raises(ValueError, match="'grad' is not a row; choose from random"):
        choose_rows(["grad"], [], CNN, SIZES)
    own = choose_rows(["random"], ["captum.attr:Saliency"], CNN, SIZES)
    assert [method.key for method in own] == ["random", "captum.attr.Saliency"]
