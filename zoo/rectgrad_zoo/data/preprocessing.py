"""Preprocessing of pictures as a network expects it, by timm or transformers."""

from collections.abc import Callable
from typing import Any

from PIL import Image
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn

from rectgrad_zoo.architectures.transformers_classifier import TransformersClassifier


def transform(model: nn.Module) -> Callable[[Image.Image], Tensor]:
    """The preprocessing of a network: resizing, cropping and normalisation.

    Args:
        model: A network from `rectgrad_zoo.load` or timm.

    Returns:
        A function from a PIL image of any mode and size to a float32 tensor `(C, H, W)`.

    Raises:
        ValueError: If the network has neither a configuration of timm nor an image processor of
            transformers.

    Examples:
        >>> import rectgrad_zoo
        >>> from PIL import Image
        >>> model = rectgrad_zoo.load("cifar10_cnn")
        >>> rectgrad_zoo.transform(model)(Image.new("RGB", (640, 480))).shape
        torch.Size([3, 32, 32])
    """
    if isinstance(model, TransformersClassifier):
        return _processed_by_transformers(model)
    if not getattr(model, "pretrained_cfg", None):
        raise ValueError(
            f"{type(model).__name__} has no pretrained_cfg, so its preprocessing is not known. "
            "Expected a network from rectgrad_zoo.load or timm.create_model."
        )
    config = resolve_model_data_config(model)
    apply = create_transform(**config, is_training=False)
    mode = "L" if len(config["mean"]) == 1 else "RGB"  # one mean for each channel

    def preprocess(image: Image.Image) -> Tensor:
        tensor: Tensor = apply(image.convert(mode))
        return tensor

    return preprocess


def processor_transform(processor: Any) -> Callable[[Image.Image], Tensor]:
    """The preprocessing by an image processor of transformers.

    Args:
        processor: An image processor of transformers.

    Returns:
        A function from a PIL image of any mode and size to a tensor `(C, H, W)`.
    """

    def preprocess(image: Image.Image) -> Tensor:
        pixels = processor(images=image.convert("RGB"), return_tensors="pt")
        tensor: Tensor = pixels["pixel_values"][0]
        return tensor

    return preprocess


def _processed_by_transformers(model: TransformersClassifier) -> Callable[[Image.Image], Tensor]:
    if model.image_processor is None:
        raise ValueError(
            "The model of transformers has no image processor, so its preprocessing is not known. "
            "Save the processor in the folder of the model: processor.save_pretrained(folder)."
        )
    return processor_transform(model.image_processor)
