"""The CIFAR-10 CNN of Kim et al. 2019, appendix F.2, registered as a timm architecture.

Importing this module (or `rectgrad_zoo`) registers the name `cifar10_cnn`, so that
`timm.create_model("cifar10_cnn")` and timm's Hub and folder loaders know it.
"""

from typing import Any

import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

INPUT_SIZE = (3, 32, 32)

# timm looks up the configurations of a registered model under this name in its module.
default_cfgs = generate_default_cfgs(
    {
        "cifar10_cnn": {
            "input_size": INPUT_SIZE,
            "mean": (0.5, 0.5, 0.5),  # with the same std: inputs in [-1, 1], as in the paper
            "std": (0.5, 0.5, 0.5),
            "crop_pct": 1.0,
            "interpolation": "bicubic",
            "num_classes": 10,
            "first_conv": "conv1",
            "classifier": "fc2",
            "license": "bsd-3-clause",
            "paper_name": "Why are Saliency Maps Noisy?",
            "paper_ids": "arXiv:1902.04893",
        }
    }
)


class Cifar10CNN(nn.Module):
    """Four 3x3 convolutions in two blocks and two dense layers (appendix F.2).

    The defaults are those of the paper. Every activation is a separate module, so that hooks can
    address it by name. Initial weights are Glorot uniform, from PyTorch's global generator, and
    initial biases are zero, as in the paper's framework.

    Args:
        num_classes: Number of logits.
        in_chans: Number of input channels.
        img_size: Height and width of the inputs, in pixels; multiples of 4.
        num_features: Number of units of the first dense layer.
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_chans: int = INPUT_SIZE[0],
        img_size: tuple[int, int] = INPUT_SIZE[1:],
        num_features: int = 256,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.in_chans = in_chans
        self.img_size = img_size
        self.num_features = num_features
        self.conv1 = nn.Conv2d(in_chans, 32, kernel_size=3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(32, 32, kernel_size=3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(kernel_size=2)
        self.conv3 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(64, 64, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(kernel_size=2)
        self.fc1 = nn.Linear(64 * (img_size[0] // 4) * (img_size[1] // 4), num_features)
        self.relu5 = nn.ReLU()
        self.fc2 = nn.Linear(num_features, num_classes)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.fc1, self.fc2):
            nn.init.xavier_uniform_(layer.weight)
            assert layer.bias is not None  # noqa: S101 (for the type checker: all have one)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits.

        Args:
            x: Images of shape `(N, C, H, W)` in [-1, 1]; by default `(N, 3, 32, 32)`.

        Returns:
            Logits of shape `(N, num_classes)`.

        Raises:
            ValueError: If the images have another shape.
        """
        expected = (self.in_chans, *self.img_size)
        if tuple(x.shape[1:]) != expected:
            raise ValueError(
                f"The network expects inputs of shape (N, {', '.join(map(str, expected))}), got "
                f"{tuple(x.shape)}. Resize pictures with rectgrad_zoo.transform(model)."
            )
        x = self.relu1(self.conv1(x))
        x = self.pool1(self.relu2(self.conv2(x)))
        x = self.relu3(self.conv3(x))
        x = self.pool2(self.relu4(self.conv4(x)))
        x = self.relu5(self.fc1(torch.flatten(x, 1)))
        logits: Tensor = self.fc2(x)
        return logits


@register_model
def cifar10_cnn(pretrained: bool = False, **kwargs: Any) -> Cifar10CNN:
    """Build the network; timm calls this.

    Args:
        pretrained: Whether timm loads the weights of its configuration.
        **kwargs: Arguments of timm, such as `num_classes`, `in_chans` and `pretrained_cfg`.

    Returns:
        The network, with timm's `pretrained_cfg` attached.
    """
    return build_model_with_cfg(Cifar10CNN, "cifar10_cnn", pretrained, **kwargs)
