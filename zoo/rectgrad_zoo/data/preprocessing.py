"""Preprocessing of pictures by timm's data configuration of a network."""

from collections.abc import Callable

from PIL import Image
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn


def transform(model: nn.Module) -> Callable[[Image.Image], Tensor]:
    """The preprocessing of a network: resizing, cropping and normalisation.

    Args:
        model: A network from `rectgrad_zoo.load` or timm.

    Returns:
        A function from a PIL image of any mode and size to a float32 tensor `(C, H, W)`.

    Raises:
        ValueError: If the network has no configuration of timm.

    Examples:
        >>> import rectgrad_zoo
        >>> from PIL import Image
        >>> model = rectgrad_zoo.load("cifar10_cnn")
        >>> rectgrad_zoo.transform(model)(Image.new("RGB", (640, 480))).shape
        torch.Size([3, 32, 32])
    """
    if not getattr(model, "pretrained_cfg", None):
        raise ValueError(
            f"{type(model).__name__} has no pretrained_cfg, so its preprocessing is not known. "
            "Expected a network from rectgrad_zoo.load or timm.create_model."
        )
    apply = create_transform(**resolve_model_data_config(model), is_training=False)

    def preprocess(image: Image.Image) -> Tensor:
        tensor: Tensor = apply(image.convert("RGB"))
        return tensor

    return preprocess
