import pytest
import timm
import torch
from torch import nn

import rectgrad_zoo

LAYERS = [
    "conv1", "relu1", "conv2", "relu2", "pool1", "conv3", "relu3", "conv4", "relu4", "pool2",
    "fc1", "relu5", "fc2",
]  # fmt: skip


@pytest.fixture
def model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return timm.create_model("cifar10_cnn").eval()


def test_importing_the_zoo_registers_the_architecture() -> None:
    assert rectgrad_zoo.__name__ == "rectgrad_zoo"
    assert timm.is_model("cifar10_cnn")


def test_the_layers_are_those_of_appendix_f2_in_order(model: nn.Module) -> None:
    assert [name for name, _ in model.named_children()] == LAYERS
    assert sum(type(module) is nn.ReLU for module in model.modules()) == 5
    assert not any(module.inplace for module in model.modules() if isinstance(module, nn.ReLU))


def test_parameter_count_is_the_one_computed_by_hand(model: nn.Module) -> None:
    convolutions = (
        (3 * 3 * 3 + 1) * 32 + (3 * 3 * 32 + 1) * 32 + (3 * 3 * 32 + 1) * 64 + (3 * 3 * 64 + 1) * 64
    )
    dense = (8 * 8 * 64 + 1) * 256 + (256 + 1) * 10
    assert convolutions + dense == 1_116_970
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + dense


@pytest.mark.bitwise("the forward pass is the layers one after the other")
def test_the_forward_pass_is_the_layers_one_after_the_other(model: nn.Module) -> None:
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    expected = x
    for name in LAYERS:
        if name == "fc1":
            expected = expected.flatten(1)
        expected = model.get_submodule(name)(expected)
    assert model(x).shape == (2, 10)
    torch.testing.assert_close(model(x), expected, rtol=0, atol=0)


def test_initial_weights_are_glorot_uniform_and_biases_zero(model: nn.Module) -> None:
    weight = model.state_dict()["fc1.weight"]
    bound = (6 / (4096 + 256)) ** 0.5
    assert 0.99 * bound < float(weight.abs().max()) <= bound
    assert not any(bool(p.any()) for name, p in model.named_parameters() if name.endswith("bias"))


def test_other_numbers_of_classes_and_channels_are_built() -> None:
    model = timm.create_model("cifar10_cnn", num_classes=7, in_chans=1)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("shape", [(1, 3, 224, 224), (3, 32, 32), (1, 1, 32, 32)])
def test_inputs_of_another_shape_are_refused(model: nn.Module, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expects inputs of shape \(N, 3, 32, 32\), got"):
        model(torch.zeros(shape))
