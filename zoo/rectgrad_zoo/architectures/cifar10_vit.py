"""A small vision transformer for 32 x 32 pixels, registered as a timm architecture.

Importing this module (or `rectgrad_zoo`) registers the name `cifar10_vit`, as for `cifar10_cnn`.
"""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vision_transformer import VisionTransformer

INPUT_SIZE = (3, 32, 32)
# Patches of 4 pixels give 8 x 8 tokens. The head reads their mean, so every token is at a place of
# the image. The width and the MLPs are small: the weights in half precision take less than 1 MB.
_ARGUMENTS: dict[str, Any] = {
    "img_size": INPUT_SIZE[1:],
    "patch_size": 4,
    "embed_dim": 96,
    "depth": 6,
    "num_heads": 3,
    "mlp_ratio": 2,
    "class_token": False,
    "global_pool": "avg",
}

# timm looks up the configurations of a registered model under this name in its module.
default_cfgs = generate_default_cfgs(
    {
        "cifar10_vit": {
            "input_size": INPUT_SIZE,
            "fixed_input_size": True,
            "mean": (0.5, 0.5, 0.5),  # with the same std: inputs in [-1, 1], as for the CNN
            "std": (0.5, 0.5, 0.5),
            "crop_pct": 1.0,
            "interpolation": "bicubic",
            "num_classes": 10,
            "first_conv": "patch_embed.proj",
            "classifier": "head",
            "license": "bsd-3-clause",
        }
    }
)


@register_model
def cifar10_vit(pretrained: bool = False, **kwargs: Any) -> VisionTransformer:
    """Build timm's `VisionTransformer`: 6 blocks of width 96 on 8 x 8 patches; timm calls this.

    Args:
        pretrained: Whether timm loads the weights of its configuration.
        **kwargs: Arguments of timm, such as `num_classes`, `in_chans` and `pretrained_cfg`.

    Returns:
        The network (0.5 million weights), with timm's `pretrained_cfg` attached.
    """
    return build_model_with_cfg(
        VisionTransformer, "cifar10_vit", pretrained, **{**_ARGUMENTS, **kwargs}
    )
