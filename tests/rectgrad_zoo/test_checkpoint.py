"""What a folder's configuration decides of a network, and what its name does."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from rectgrad_zoo.architectures.efficientnet_keys import layout_filter
from rectgrad_zoo.checkpoint import architecture_name, build_architecture
from rectgrad_zoo.sources import resolve


def test_a_name_with_the_quick_gelu_is_not_the_plain_network_of_its_repository(
    tmp_path: Path,
) -> None:
    source = resolve("vit_base_patch32_clip_quickgelu_224.openai")
    assert source.hub is not None
    assert source.hub.repo == "timm/vit_base_patch32_clip_224.openai"
    config = {
        "architecture": "vit_base_patch32_clip_224",
        "num_classes": 7,
        "label_names": list("abcdefg"),
        "pretrained_cfg": {"mean": [0.1, 0.2, 0.3]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with torch.device("meta"):  # 88 million weights that nothing here reads
        model: Any = build_architecture(tmp_path, source.architecture)
        quick: Any = timm.create_model("vit_base_patch32_clip_quickgelu_224")
        plain: Any = build_architecture(tmp_path)
    activation, expected, other = (type(net.blocks[0].mlp.act) for net in (model, quick, plain))
    assert activation is expected is not other
    assert architecture_name(tmp_path) == "vit_base_patch32_clip_224"
    assert model.pretrained_cfg["mean"] == [0.1, 0.2, 0.3]
    assert model.pretrained_cfg["label_names"] == list("abcdefg")
    assert model.num_classes == 7


@pytest.mark.parametrize(
    "architecture", ["vit_tiny_patch16_224", "convnext_atto", "swin_tiny_patch4_window7_224"]
)
def test_the_filters_of_timms_families_are_found(architecture: str) -> None:
    assert layout_filter(architecture) is not None


def test_a_family_without_a_filter_has_none() -> None:
    assert layout_filter("cifar10_cnn") is None
