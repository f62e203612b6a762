"""RectGrad on timm's families: a sample of them always, all of them under `make test-all`."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.timm_support import models, naive
from benchmarks.timm_support.families import Member, families, members, smallest
from benchmarks.timm_support.measure import RIGHT, measure
from benchmarks.timm_support.table import versions

PAGE = Path(__file__).parents[2] / "docs" / "timm-support.md"

# Quick and unlike each other: in-place ReLUs, gates, weights standardised before "same" padding,
# attention, layer scales, branches that are concatenated.
SAMPLE = (
    "byobnet",
    "convnext",
    "efficientnet",
    "maxxvit",
    "mobilenetv3",
    "nfnet",
    "regnet",
    "resnet",
    "vision_transformer",
)


def family(member: Member) -> str:
    return member.family


@pytest.mark.parametrize("member", [m for m in members() if m.family in SAMPLE], ids=family)
def test_a_sample_of_the_families_is_served_right(member: Member) -> None:
    activations, result = measure(member).cells
    assert result.startswith(RIGHT)
    assert activations


@pytest.mark.exhaustive
@pytest.mark.parametrize("member", members(), ids=family)
def test_the_page_says_what_is_measured(member: Member) -> None:
    assert str(measure(member)) in PAGE.read_text().splitlines()


def test_the_page_has_every_family_of_the_timm_it_names() -> None:
    text = PAGE.read_text()
    if versions().partition(" and")[0] not in text:
        pytest.skip("another timm is installed, which may have other families")
    rows = [row[2:].split(" ")[0] for row in text.splitlines() if row.startswith("| ")][1:]
    assert rows == [member.family for member in members()]
    assert rows == families()


def two_layers(activation: nn.Module) -> nn.Sequential:
    first, last = nn.Linear(2, 4, bias=False).double(), nn.Linear(4, 1, bias=False).double()
    first.weight.data = torch.tensor([[1, 1], [1, -1], [-1, 1], [0, 1]]).double()
    last.weight.data = torch.tensor([[1, 5, 2, -1]]).double()
    return nn.Sequential(first, activation, last)


@pytest.mark.parametrize(
    ("activation", "percentile", "expected"),
    [
        # z = (3, -1, 1, 2), R = (1, 5, 2, -1). Scores of ReLU: (3, 0, 2, -2). Of rank 0 is -2,
        # which all but the last unit exceed, and the inactive one passes its 5;
        (nn.ReLU(), 0, [4, -4]),
        # of rank 1.5, which is even at 2, is 2: only the first unit exceeds it.
        (nn.ReLU(inplace=True), 50, [1, 2]),
        # The same scores, but ReLU6 has no slope at the inactive unit.
        (nn.ReLU6(), 0, [-1, 6]),
        # Scores (3, -5, 2, -2): rank 0 is -5; the others pass, with slope 1 at each.
        (nn.Hardtanh(-9, 9), 0, [-1, 4]),
    ],
)
def test_the_naive_reference_by_hand(
    activation: nn.Module, percentile: float, expected: list[float]
) -> None:
    x = torch.tensor([[1.0, 2.0]]).double()
    attribution, met = naive.attribute(two_layers(activation), x, (0,), percentile)
    assert attribution.tolist() == [expected]
    assert met == {type(activation).__name__: 1}


class AsFunction(nn.Module):
    def __init__(self, *, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        if self.in_place:
            z.relu_()
            return z
        return torch.nn.functional.relu(z)


@pytest.mark.parametrize("in_place", [False, True])
def test_the_naive_reference_sees_functions(in_place: bool) -> None:
    x = torch.tensor([[1.0, 2.0]]).double()
    attribution, met = naive.attribute(two_layers(AsFunction(in_place=in_place)), x, (0,), 0)
    assert attribution.tolist() == [[4, -4]]
    assert met == {"ReLU": 1}


@pytest.mark.parametrize("padding", [1, "same"])
def test_the_naive_reference_zeroes_the_border(padding: int | str) -> None:
    conv = nn.Conv1d(1, 1, 3, padding=padding, bias=False).double()
    conv.weight.data = torch.tensor([[[0, 1, 0]]]).double()
    last = nn.Linear(4, 1).double()
    last.weight.data.fill_(1)
    net = nn.Sequential(conv, nn.Flatten(), last)
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]).double()
    attribution, _ = naive.attribute(net, x, (0,), 50)
    assert attribution.tolist() == [[[0, 2, 3, 0]]]


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, eps=0)
        self.norm.weight.data = torch.tensor([1.0, 2.0, 4.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        return (tokens * torch.tensor([1, 10, 100])).sum(dim=(1, 2))[:, None]


def test_the_naive_reference_is_not_misled_by_batch_norm() -> None:
    x = torch.ones(1, 3, 2, 2).double()
    attribution, met = naive.attribute(Tokens().double().eval(), x, (0,), 50)
    assert attribution[0, :, 0, 0].tolist() == [1, 20, 400]
    assert torch.equal(attribution, attribution[:, :, :1, :1].expand_as(x))
    assert not met


def test_the_table_has_the_smallest_member() -> None:
    assert smallest("convit") in members()


def test_no_parameter_of_a_model_closes_a_branch() -> None:
    model = models.build("test_resnet", 64)
    assert all(parameter.unique().numel() > 1 for parameter in model.parameters())
    again = models.build("test_resnet", 64)
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))
