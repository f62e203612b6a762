"""The limit on the size of a network while it is built."""

import json
import resource
import sys
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

import rectgrad_zoo
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.network_size import NetworkSizeLimit


def test_each_context_has_the_whole_limit() -> None:
    limit = NetworkSizeLimit({"weight": torch.zeros(1)}, 4, "weights.pth")
    for _ in range(2):
        with limit, torch.device("meta"):
            torch.empty(40_000_000)
    with limit, torch.device("meta"):
        torch.empty(40_000_000)
        with pytest.raises(ZooError, match=r"weights\.pth has 1 numbers"):
            torch.empty(40_000_000)


def peak_memory() -> int:
    """Bytes of the largest memory of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_computed_tables_are_counted_before_they_are_in_memory(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    # Small weights, and masks of 225 million numbers, which are computed from the arguments.
    arguments = {"img_size": 1200, "window_size": 50, "embed_dim": 8, "depths": [2]}
    arguments |= {"num_heads": [1]}
    config = {"architecture": "swin_tiny_patch4_window7_224", "model_args": arguments}
    (tmp_path / "config.json").write_text(json.dumps(config | {"pretrained_cfg": {}}))
    weights = (tiny_checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights)
    before = peak_memory()
    with pytest.raises(ZooError, match="much larger than its weights"):
        rectgrad_zoo.load(str(tmp_path))
    assert peak_memory() - before < 4e8


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "cifar10_cnn"])
def test_a_network_without_data_has_the_same_tensors(name: str) -> None:
    limit = NetworkSizeLimit({}, 0, "weights.pth")
    empty, built = limit.on_meta(lambda: timm.create_model(name)), timm.create_model(name)
    assert empty is not None
    assert all(each.is_meta for each in empty.state_dict().values())
    assert {key: each.shape for key, each in empty.state_dict().items()} == {
        key: each.shape for key, each in built.state_dict().items()
    }


class ReadsValues(nn.Module):
    """A network whose constructor reads values, which tensors without data do not have."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.steps = [each.item() for each in torch.linspace(0, 1, 3)]
        self.weight = nn.Parameter(torch.empty(size))


def test_a_constructor_that_reads_values_is_counted_while_it_runs() -> None:
    limit = NetworkSizeLimit({}, 0, "weights.pth")
    assert limit.on_meta(lambda: ReadsValues(1)) is None
    with limit, pytest.raises(ZooError, match="much larger"):
        ReadsValues(10**12)
