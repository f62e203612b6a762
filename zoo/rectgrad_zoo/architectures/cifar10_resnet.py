"""A ResNet-18 of half the width for 32 x 32 pixels, registered as a timm architecture.

Importing this module (or `rectgrad_zoo`) registers the name `cifar10_resnet`, as for `cifar10_cnn`.
"""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, ResNet
from torch import nn

# timm looks up the configurations of a registered model under this name in its module.
default_cfgs = generate_default_cfgs(
    {
        "cifar10_resnet": {
            "input_size": (3, 32, 32),
            "pool_size": (4, 4),
            "mean": (0.5, 0.5, 0.5),  # with the same std: inputs in [-1, 1], as for the CNN
            "std": (0.5, 0.5, 0.5),
            "crop_pct": 1.0,
            "interpolation": "bicubic",
            "num_classes": 10,
            "first_conv": "conv1",
            "classifier": "fc",
            "license": "bsd-3-clause",
        }
    }
)


class Cifar10ResNet(ResNet):
    """timm's ResNet with a stem for small images: a 3x3 convolution of stride 1, no pooling.

    The stem keeps the resolution. The ImageNet stem would reduce an image of 32 x 32 pixels to a
    single position in the last blocks.

    Args:
        **kwargs: Arguments of timm's `ResNet`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        stem = nn.Conv2d(self.in_chans, 64, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
        # add_module, since timm declares other types for these attributes.
        self.add_module("conv1", stem)
        self.add_module("maxpool", nn.Identity())


@register_model
def cifar10_resnet(pretrained: bool = False, **kwargs: Any) -> Cifar10ResNet:
    """Build the network; timm calls this.

    Args:
        pretrained: Whether timm loads the weights of its configuration.
        **kwargs: Arguments of timm, such as `num_classes`, `in_chans` and `pretrained_cfg`.

    Returns:
        The network (2.8 million weights), with timm's `pretrained_cfg` attached.
    """
    kwargs |= {"block": BasicBlock, "layers": (2, 2, 2, 2), "channels": (32, 64, 128, 256)}
    return build_model_with_cfg(Cifar10ResNet, "cifar10_resnet", pretrained, **kwargs)
