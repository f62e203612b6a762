from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

import rectgrad_zoo
from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.data.images import to_model_range


def test_a_cifar10_picture_becomes_what_the_network_was_trained_on(data_folder: Path) -> None:
    images = read_cifar10(data_folder, "test").images[:5]
    transform = rectgrad_zoo.transform(rectgrad_zoo.load("cifar10_cnn"))
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    by_timm = torch.stack([transform(picture) for picture in pictures])
    assert torch.equal(by_timm, to_model_range(images))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_pictures_of_any_mode_and_size_are_taken(mode: str) -> None:
    picture = Image.fromarray(np.full((50, 70, 3), 255, dtype=np.uint8)).convert(mode)
    tensor = rectgrad_zoo.transform(rectgrad_zoo.load("cifar10_cnn"))(picture)
    torch.testing.assert_close(tensor, torch.ones(3, 32, 32), rtol=0, atol=0.01)


def test_timms_configuration_decides() -> None:
    model = timm.create_model("resnet18.tv_in1k")
    tensor = rectgrad_zoo.transform(model)(Image.new("RGB", (300, 400), (255, 255, 255)))
    assert tensor.shape == (3, 224, 224)
    expected = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(tensor[:, 0, 0], expected)


def test_a_network_without_a_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no pretrained_cfg"):
        rectgrad_zoo.transform(nn.Linear(2, 2))
