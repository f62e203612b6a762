"""Tiny image classifiers of transformers, as folders of `save_pretrained`."""

from pathlib import Path
from typing import Any

import torch
import transformers

NAMES = {0: "cat", 1: "dog", 2: "bird"}


def save_vit(folder: Path, *, processor: bool = True, **changes: Any) -> Any:
    """A ViT of random weights with three classes, for images of 16 x 16; returns the network."""
    config = transformers.ViTConfig(
        **{
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "image_size": 16,
            "patch_size": 4,
            "id2label": NAMES,
            **changes,
        }
    )
    return save(transformers.ViTForImageClassification, config, folder, processor=processor)


def save_resnet(folder: Path) -> Any:
    """A ResNet of random weights with three classes; returns the network."""
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", id2label=NAMES
    )
    return save(transformers.ResNetForImageClassification, config, folder)


def save(kind: Any, config: Any, folder: Path, *, processor: bool = True) -> Any:
    """Any network of transformers with random weights, in eval mode."""
    torch.manual_seed(0)
    model = kind(config).eval()
    model.save_pretrained(folder)
    if processor:
        size = {"height": 16, "width": 16}
        made = transformers.ViTImageProcessor(size=size, image_mean=[0.4] * 3, image_std=[0.2] * 3)
        made.save_pretrained(folder)
    return model
