"""The direction of every column, on a network that one pixel of an image decides."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad.evaluation.methods import Method
from captum_rectgrad.studies.board.column import Column
from captum_rectgrad.studies.board.columns import COLUMNS
from captum_rectgrad.studies.board.networks import NOISE_REGION, OBJECT, TRIGGER, RegionImages
from tests.support.board import explained, network, own

# Pixel k of these four is the evidence for class k.
DECISIVE = torch.zeros(4, 8, 8)
for label, (down, across) in enumerate([(1, 1), (1, 6), (6, 1), (6, 6)]):
    DECISIVE[label, down, across] = 1
EVIDENCE = DECISIVE.sum(dim=0).bool()


class Pixels(nn.Module):
    """The logit of class k is four times pixel k, summed over the cells of a grid of images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 4, 8, stride=8, bias=False)
        self.layer.weight.data = 4 * DECISIVE[:, None]

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).sum(dim=(2, 3))


MODEL = Pixels().eval()
LABELS = torch.arange(12) % 4
OWN = DECISIVE[LABELS].bool()
# The own pixel is 1, those of the other classes are -0.5, and the rest is -1.
INPUTS = torch.where(EVIDENCE, -0.5, -1.0).where(~OWN, 1.0)[:, None]
REGIONS = {
    OBJECT: RegionImages(INPUTS, LABELS, OWN),
    TRIGGER: RegionImages(INPUTS, LABELS, OWN),
    NOISE_REGION: RegionImages(INPUTS, LABELS, ~OWN),
}
DECIDED = network(MODEL, INPUTS, regions=REGIONS)
PERFECT = "gradient-input"  # the own pixel alone


def blind(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    """A map of no image and no network, with the evidence of all classes last."""
    other = torch.rand(8, 8, generator=torch.Generator().manual_seed(0)) + 0.1
    image = other.where(~EVIDENCE, 0.0)
    return image.repeat(x.shape[2] // 8, x.shape[3] // 8).expand_as(x)


def unsteady(_: nn.Module, x: Tensor, __: Tensor) -> Tensor:
    return torch.sin(1000 * x.detach())


# A blind map is steady, and costs nothing.
WORSE: dict[str, str | Method] = {"sensitivity": own(unsteady), "cost": "smoothgrad"}
DIRECTED = [column for column in COLUMNS if column.better is not None]


@pytest.mark.parametrize("column", DIRECTED, ids=lambda column: str(column.key))
def test_a_perfect_map_is_better_than_a_wrong_one(column: Column) -> None:
    wrong = WORSE.get(column.key, own(blind))
    good, bad = (
        column.measure(explained(method, DECIDED, robust=MODEL)) for method in (PERFECT, wrong)
    )
    assert np.isfinite(good).all()
    assert np.isfinite(bad).all()
    sign = 1 if column.better == "higher" else -1
    assert sign * good.mean() > sign * bad.mean()
