"""Cleaner maps, of a network whose gradient is smooth by construction."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.studies.data.study_data import MaskedImages, Network
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019.background import BackgroundConfig
from captum_rectgrad.studies.kim2019.robust_saliency import ROUGHNESS, TRAININGS, robust_saliency
from captum_rectgrad.studies.options import Role
from rectgrad_zoo.data.images import to_model_range
from tests.captum_rectgrad.studies.conftest import Tiny


@dataclass(frozen=True)
class Smooth(Tiny):
    """The network of one role sees blocks of 8 x 8 pixels, so its gradient is constant on them."""

    smooth: Role = "robust"

    def masked(self) -> MaskedImages:
        drawn = super().masked()
        grey = drawn.images.double().mean(dim=(1, 2, 3), keepdim=True).to(torch.uint8)
        images = grey.expand_as(drawn.images).contiguous()  # on which both networks agree
        seen = to_model_range(images)
        return replace(drawn, images=images, labels=self.networks("plain")[0].model(seen).argmax(1))

    def networks(self, role: Role) -> tuple[Network, ...]:
        (network,) = super().networks(role)
        if role == self.smooth:
            blocks = nn.Sequential(nn.AvgPool2d(8), nn.Upsample(scale_factor=8))
            network = replace(network, model=nn.Sequential(blocks, network.model).eval())
        return (network,)


@pytest.mark.parametrize(("smooth", "verdict"), [("robust", "holds"), ("plain", "does not hold")])
def test_smooth_maps_are_cleaner(
    smooth: Role, verdict: str, context: Callable[..., StudyContext]
) -> None:
    made = replace(context(), study_data=Smooth(smooth))
    result = robust_saliency(BackgroundConfig(per_class=None), made)
    assert result.claims[1].verdict == verdict
    found = {str(row["training"]): row[ROUGHNESS] for row in result.rows}
    masked = made.masked()
    for role, training in TRAININGS.items():
        model = made.network(role).model
        inputs = to_model_range(masked.images).requires_grad_()
        model(inputs).gather(1, masked.labels[:, None]).sum().backward()
        assert inputs.grad is not None
        sums = inputs.grad.sum(dim=1).double().numpy()
        across = np.abs(np.diff(sums, axis=2)).sum(axis=(1, 2))
        down = np.abs(np.diff(sums, axis=1)).sum(axis=(1, 2))
        expected = ((across + down) / np.abs(sums).sum(axis=(1, 2))).mean()
        estimate = found[training]
        assert isinstance(estimate, Estimate)
        assert estimate.value == pytest.approx(expected, rel=1e-4)
