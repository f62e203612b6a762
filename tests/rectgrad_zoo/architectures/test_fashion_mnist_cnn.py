import pytest
import timm
import torch
from PIL import Image

import rectgrad_zoo
from rectgrad_zoo.data.data_sets import FASHION_MNIST
from rectgrad_zoo.data.images import to_model_range


def test_the_layers_are_those_of_the_papers_network() -> None:
    model, papers = timm.create_model("fashion_mnist_cnn"), timm.create_model("cifar10_cnn")
    assert [name for name, _ in model.named_modules()] == [
        name for name, _ in papers.named_modules()
    ]


def test_parameter_count_is_the_one_computed_by_hand() -> None:
    convolutions = (
        (3 * 3 * 1 + 1) * 32 + (3 * 3 * 32 + 1) * 32 + (3 * 3 * 32 + 1) * 64 + (3 * 3 * 64 + 1) * 64
    )
    dense = (7 * 7 * 64 + 1) * 128 + (128 + 1) * 10
    model = timm.create_model("fashion_mnist_cnn")
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + dense


def test_pictures_become_grey_inputs() -> None:
    model = timm.create_model("fashion_mnist_cnn")
    pixels = torch.arange(28 * 28).reshape(1, 28, 28).remainder(256).to(torch.uint8)
    inputs = rectgrad_zoo.transform(model)(Image.fromarray(pixels[0].numpy()))
    assert torch.equal(inputs, to_model_range(pixels))
    assert (
        rectgrad_zoo.transform(model)(Image.new("RGB", (64, 48))).shape == FASHION_MNIST.input_size
    )
    assert model(inputs.unsqueeze(0)).shape == (1, 10)
    with pytest.raises(ValueError, match=r"expects inputs of shape \(N, 1, 28, 28\), got"):
        model(torch.zeros(1, 3, 32, 32))
