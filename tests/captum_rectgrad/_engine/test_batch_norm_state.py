"""Batch normalisation in training mode is warned of, and its statistics stay as they were."""

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad, RectGradWarning
from captum_rectgrad._engine.batch_norm_state import is_batch_dependent


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
        with pytest.warns(RectGradWarning, match=r"'1' \(BatchNorm2d\) normalises by batch"):
            method.attribute(x, selector)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    model(x)
    assert model[1].num_batches_tracked == 1  # its own passes still count


def test_statistics_stay_after_an_error() -> None:
    model = net().train()
    with pytest.raises(AssertionError, match="out of range"):
        RectGrad(model).attribute(batch(), 3)
    assert model[1].num_batches_tracked == 0


def test_only_batch_statistics_make_samples_dependent() -> None:
    assert is_batch_dependent(nn.BatchNorm2d(6))
    assert not is_batch_dependent(nn.BatchNorm2d(6).eval())
    assert is_batch_dependent(nn.BatchNorm1d(3, track_running_stats=False).eval())
    for module in (nn.InstanceNorm2d(6, track_running_stats=True), nn.LayerNorm(3), nn.Dropout()):
        assert not is_batch_dependent(module)


def test_statistics_stay_though_the_model_is_run_twice() -> None:
    """An activation that is changed in place afterwards needs the second way."""

    class Overwrites(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.last = nn.BatchNorm1d(6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            h = self.norm(x).sigmoid()
            h += 1
            y: Tensor = self.last(h)
            return y

    model, calls = Overwrites().train(), []
    model.register_forward_hook(lambda *_: calls.append(1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.warns(RectGradWarning, match=r"'norm' \(BatchNorm1d\)"):
        RectGrad(model, tau=0).attribute(torch.rand(5, 6), 1)
    assert len(calls) == 2
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
