import pytest
import timm
import torch
from torch import Tensor, nn

import rectgrad_zoo  # noqa: F401 (registers the architectures)
from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.kim2019.convolutions import convolution_activations, outputs

IMAGE = torch.randn(1, 3, 32, 32, generator=torch.manual_seed(0))


def test_the_four_of_the_cifar_10_cnn() -> None:
    model = timm.create_model("cifar10_cnn").eval()
    found = convolution_activations(model, IMAGE)
    assert [layer.name for layer in found] == ["conv1", "conv2", "conv3", "conv4"]
    assert [layer.size for layer in found] == [(32, 32), (32, 32), (16, 16), (16, 16)]
    assert [layer.module for layer in found] == [
        model.relu1,
        model.relu2,
        model.relu3,
        model.relu4,
    ]
    assert [layer.handed_on for layer in found] == [
        model.relu1,
        model.pool1,
        model.relu3,
        model.pool2,
    ]
    assert [layer.handed_on_size for layer in found] == [(32, 32), (16, 16), (16, 16), (8, 8)]
    assert not any(module._forward_hooks for module in model.modules())


def test_behind_batch_normalisation_and_skip_connections() -> None:
    found = convolution_activations(timm.create_model("cifar10_resnet").eval(), IMAGE)
    assert len(found) == 17  # the stem, and two in each of eight blocks
    assert found[0].name == "conv1"
    # The sum comes after the convolution on the skip connection.
    assert "layer2.0.downsample.0" in [layer.name for layer in found]
    assert found[-1].size == (4, 4)


def test_a_gate_of_one_position_is_not_a_convolution_activation() -> None:
    gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 2, 1), nn.Sigmoid())
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), gate, nn.Conv2d(2, 4, 1), nn.ReLU())
    assert [layer.name for layer in convolution_activations(model, IMAGE)] == ["0"]


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x))


def test_a_network_without_convolution_activations_raises_an_error_with_its_calls() -> None:
    with pytest.raises(RectGradError, match=r"activation modules .*in order: conv \(Conv2d\)$"):
        convolution_activations(Functional(), IMAGE)
    with pytest.raises(RectGradError, match="in order: no convolution, no activation"):
        convolution_activations(nn.Identity(), IMAGE)


def test_one_activation_for_two_convolutions_is_refused() -> None:
    relu = nn.ReLU()
    model = nn.Sequential(nn.Conv2d(3, 2, 3), relu, nn.Conv2d(2, 2, 3), relu)
    with pytest.raises(RectGradError, match=r"its own.*: 0 \(Conv2d\), 1 \(ReLU\), 2 \(Conv2d\)"):
        convolution_activations(model, IMAGE)

    pool = nn.MaxPool2d(2)
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), pool, nn.Conv2d(2, 2, 3), nn.ReLU(), pool)
    with pytest.raises(RectGradError, match="and a pooling, of its own"):
        convolution_activations(model, IMAGE)


def test_outputs_are_what_was_returned_whatever_happens_to_it_later() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(inplace=True), nn.ELU(inplace=True))
    with outputs([model[1], model[0]]) as found:
        model(IMAGE)
    with torch.no_grad():
        convolved = model[0](IMAGE)
    torch.testing.assert_close(found[0], convolved)
    torch.testing.assert_close(found[1], convolved.clamp(min=0))
    assert not any(module._forward_hooks for module in model.modules())
