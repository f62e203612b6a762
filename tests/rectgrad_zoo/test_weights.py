import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.weights import load_strictly, parse_safetensors, read_bytes, read_weights_file


@pytest.fixture
def model() -> nn.Module:
    return nn.Linear(3, 2)


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    content = safetensors.torch.save({"weight": torch.ones(2)})
    file.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    assert read_bytes(file, sha256) == (content, sha256)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ZooError, match=f"expected {sha256}.*damaged"):
        read_bytes(file, sha256)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"no-such\.safetensors"):
        read_bytes(tmp_path / "no-such.safetensors")
    with pytest.raises(ZooError, match=r"no-such\.pth does not exist"):
        read_weights_file(tmp_path / "no-such.pth")


def safetensors_file(header: str, data: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header.encode() + data


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            safetensors_file('{"w":{"dtype":"F32","shape":[99],"data_offsets":[0,396]}}', b"few"),
            id="sizes beyond the file",
        ),
        pytest.param((2**62).to_bytes(8, "little") + b"{}", id="a header beyond the file"),
        pytest.param(
            safetensors_file('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', b"1234"),
            id="a shape that needs more than its bytes",
        ),
        pytest.param(
            safetensors_file('{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b"1234"),
            id="a negative size",
        ),
        pytest.param(safetensors_file("[]", b""), id="a header that is no table"),
    ],
)
def test_headers_that_lie_are_refused(content: bytes) -> None:
    with pytest.raises(ZooError, match="not a complete safetensors file"):
        parse_safetensors(content, Path("model.safetensors"))


def test_types_that_pytorch_lacks_are_refused() -> None:
    content = safetensors_file('{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}', b"12")
    with pytest.raises(ZooError, match=r"type that PyTorch does not support.*F4"):
        parse_safetensors(content, Path("model.safetensors"))


def test_random_damage_to_a_header_is_refused_or_harmless() -> None:
    content = safetensors.torch.save({"weight": torch.ones(4, 3).half(), "bias": torch.ones(5)})
    header = int.from_bytes(content[:8], "little")
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(content)
        damaged[generator.integers(8 + header)] = generator.integers(256)
        try:
            parse_safetensors(bytes(damaged), Path("model.safetensors"))
        except ZooError:
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize("keep", [0, 4, 20, -1])
def test_a_truncated_safetensors_file_is_refused(tmp_path: Path, keep: int) -> None:
    content = safetensors.torch.save({"weight": torch.ones(20)})[:keep]
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(ZooError, match="not a complete safetensors file"):
        parse_safetensors(content, file)
    with pytest.raises(ZooError, match="not a complete safetensors file"):
        read_weights_file(file)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (marker,)

    for name in ("weights.pth", "weights.safetensors"):
        file = tmp_path / name
        file.write_bytes(pickle.dumps({"weight": Payload()}, protocol=2))
        with pytest.raises(ZooError, match=r"is not a (state dict|complete safetensors file)"):
            read_weights_file(file)
    torch.save({"weight": Payload()}, tmp_path / "zip.pth")
    with pytest.raises(ZooError, match="is not a state dict"):
        read_weights_file(tmp_path / "zip.pth")
    assert not marker.exists()


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, torch.ones(3), {"state_dict": None}])
def test_other_content_of_torch_save_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(ZooError, match="is not a state dict"):
        read_weights_file(tmp_path / "weights.pth")


def test_both_formats_and_timms_wrapping_are_read(tmp_path: Path, model: nn.Module) -> None:
    state = model.state_dict()
    torch.save(state, tmp_path / "plain.pth")
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": {}, "state_dict_ema": wrapped}, tmp_path / "wrapped.pth")
    safetensors.torch.save_file(state, tmp_path / "weights.safetensors")
    for name in ("plain.pth", "wrapped.pth", "weights.safetensors"):
        tensors, sha256 = read_weights_file(tmp_path / name)
        assert sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert tensors.keys() == state.keys()
        assert all(torch.equal(tensors[key], state[key]) for key in state)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": torch.ones(2, 3)}, r"missing: bias\."),
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2), "x": torch.ones(1)}, "unexpected: x"),
        (
            {"weight": torch.ones(3, 2), "bias": torch.ones(2)},
            r"different shape: weight \(3, 2\) instead of \(2, 3\)",
        ),
        (
            {"weight": torch.ones(2, 3, dtype=torch.int32), "bias": torch.ones(2)},
            r"different type: weight torch\.int32 instead of torch\.float32",
        ),
        ({f"x{i}": torch.ones(1) for i in range(7)}, r"unexpected: x0.* x4 and 2 more"),
    ],
)
def test_tensors_that_do_not_fit_are_named_and_the_model_is_unchanged(
    model: nn.Module, tensors: dict[str, torch.Tensor], message: str
) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ZooError, match=message):
        load_strictly(model, tensors, "weights.pth")
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_the_models_own_type_is_kept(model: nn.Module) -> None:
    load_strictly(model, {"weight": torch.ones(2, 3).half(), "bias": torch.ones(2).half()}, "w")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
