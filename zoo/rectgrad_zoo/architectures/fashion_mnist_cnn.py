"""The CNN of Kim et al. 2019, appendix F.2, for Fashion-MNIST, registered as a timm architecture.

Importing this module (or `rectgrad_zoo`) registers the name `fashion_mnist_cnn`, as for
`cifar10_cnn`.
"""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model

from rectgrad_zoo.architectures.cifar10_cnn import Cifar10CNN

INPUT_SIZE = (1, 28, 28)
# Half as many as in the paper: the weights in half precision take less than 1 MB.
NUM_FEATURES = 128

# timm looks up the configurations of a registered model under this name in its module.
default_cfgs = generate_default_cfgs(
    {
        "fashion_mnist_cnn": {
            "input_size": INPUT_SIZE,
            "mean": (0.5,),  # with the same std: inputs in [-1, 1], as for cifar10_cnn
            "std": (0.5,),
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


@register_model
def fashion_mnist_cnn(pretrained: bool = False, **kwargs: Any) -> Cifar10CNN:
    """Build the network for grey images of 28 x 28 pixels; timm calls this.

    Args:
        pretrained: Whether timm loads the weights of its configuration.
        **kwargs: Arguments of timm, such as `num_classes`, `in_chans` and `pretrained_cfg`.

    Returns:
        The network (0.5 million weights), with timm's `pretrained_cfg` attached.
    """
    given = {"in_chans": INPUT_SIZE[0], "img_size": INPUT_SIZE[1:], "num_features": NUM_FEATURES}
    return build_model_with_cfg(Cifar10CNN, "fashion_mnist_cnn", pretrained, **{**given, **kwargs})
