"""Batch normalisation in training mode: said, and without a trace in the model."""

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad, RectGradWarning
from captum_rectgrad.batch_coupling import coupling


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.InstanceNorm2d(6, track_running_stats=True),
        nn.Flatten(),
        nn.Linear(96, 3),
    )


def batch() -> Tensor:
    return torch.randn(4, 1, 6, 6, generator=torch.manual_seed(1))


def test_training_mode_warns_and_statistics_stay() -> None:
    model, x = net().train(), batch()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for method, selector in (
        (RectGrad(model, percentile=60), 1),
        (LayerRectGrad(model, model[0], percentile=60), 1),
        (NeuronRectGrad(model, model[5], percentile=60), 1),
    ):
        with pytest.warns(RectGradWarning, match=r"'1' \(BatchNorm2d\) normalises by .* batch"):
            method.attribute(x, selector)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    model(x)
    assert model[1].num_batches_tracked == 1  # it still counts what is its own to count


def test_statistics_stay_after_an_error() -> None:
    model = net().train()
    with pytest.raises(AssertionError, match="out of range"):
        RectGrad(model).attribute(batch(), 3)
    assert model[1].num_batches_tracked == 0


def test_what_does_not_couple_samples_is_not_named() -> None:
    assert coupling(net().eval()) == ()
    assert coupling(net().train()) == ("'1' (BatchNorm2d)",)
    assert coupling(nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False)).eval()) == (
        "'0' (BatchNorm1d)",
    )
    assert coupling(nn.Sequential(nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.Dropout()).train()) == ()
