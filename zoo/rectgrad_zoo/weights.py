"""State dicts: safe reading from files and strict loading into networks."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from timm.models import clean_state_dict
from torch import Tensor, nn

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import open_regular, read_regular
from rectgrad_zoo.limits import MOST_BYTES, limit
from rectgrad_zoo.weight_values import check_values, some_names

_START = 16  # bytes; a safetensors file starts with the length of its header, 8 bytes
# Keys of the state dict in checkpoints of timm and of PyTorch's tutorials, in order of preference.
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")


def file_sha256(file: Path) -> str:
    """SHA-256 of a file of at most `RECTGRAD_MOST_BYTES` bytes, hexadecimal, read in blocks."""
    digest = hashlib.sha256()
    with open_regular(file, int(limit(MOST_BYTES))) as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def file_tag(file: Path, like: str) -> str:
    """Tag of a file's content on the Hub, hexadecimal.

    Args:
        file: The file.
        like: A tag of the same kind: 64 digits for a SHA-256, fewer for a git object id.

    Returns:
        The tag.
    """
    if len(like) == hashlib.sha256().digest_size * 2:
        return file_sha256(file)
    content = read_regular(file, int(limit(MOST_BYTES)))
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 (git's own)


def read_bytes(file: Path, sha256: str | None = None, remedy: str = "") -> tuple[bytes, str]:
    """Read a file of weights once and check the hash of the content.

    Args:
        file: The file, of at most `RECTGRAD_MOST_BYTES` bytes.
        sha256: Expected SHA-256, hexadecimal; `None` for no check.
        remedy: Sentence that the error adds if the hash differs.

    Returns:
        The content and its SHA-256, hexadecimal.

    Raises:
        ZooError: If the file cannot be read, is not a regular file or too large, begins with zeros,
            or its hash differs.
    """
    try:
        with open_regular(file, int(limit(MOST_BYTES))) as opened:
            content = opened.read(_START)
            # A sparse file, or a download that reserved its size, without reading all of it.
            if len(content) == _START and not any(content):
                raise ZooError(f"{file} begins with zeros: it is not a file of weights.")
            content += opened.read()
    except OSError as error:
        raise ZooError(f"Cannot read the weights: {error}") from error
    got = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, got):
        raise ZooError(
            f"{file} has the SHA-256 {got}, expected {sha256}: the file is damaged or not the "
            f"released one. {remedy}".rstrip()
        )
    return content, got


def parse_safetensors(content: bytes, where: Path) -> dict[str, Tensor]:
    """Parse the content of a safetensors file.

    Args:
        content: Content of the file.
        where: Path of the file, for the error.

    Returns:
        Tensors by name, on the CPU.

    Raises:
        ZooError: If the content is not a complete safetensors file.
    """
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ZooError(f"{where} is not a complete safetensors file: {error}") from error
    except KeyError as error:  # types of the format that PyTorch does not have
        raise ZooError(
            f"{where} has tensors of a type that PyTorch does not support: {error}"
        ) from error


def read_weights_file(file: Path) -> tuple[dict[str, Tensor], str]:
    """Read a user's own weights from a `.safetensors` or `torch.save` file.

    Training checkpoints of timm are unwrapped as in timm, averaged weights first.

    Args:
        file: The file. A pickle that would run code is refused.

    Returns:
        Tensors by name, on the CPU, and the SHA-256 of the file, hexadecimal.

    Raises:
        ZooError: If the file does not exist or does not contain a state dict.
    """
    if not file.exists():
        raise ZooError(f"The weights file {file} does not exist. Expected the path of a file.")
    content, sha256 = read_bytes(file)
    if file.name.endswith(".safetensors"):
        saved: Any = parse_safetensors(content, file)
    else:
        saved = _unpickled(content, file)
    if not isinstance(saved, Mapping):
        raise ZooError(
            f"{file} is not a state dict: got a {type(saved).__name__}. Save model.state_dict()."
        )
    wrapped = (saved[key] for key in _WRAPPERS if isinstance(saved.get(key), Mapping))
    tensors = next(wrapped, saved)
    wrong = [
        str(name)
        for name, tensor in tensors.items()
        if not (isinstance(name, str) and isinstance(tensor, Tensor))
    ]
    if wrong:
        raise ZooError(
            f"{file} is not a state dict: {some_names(wrong)} are not tensors. "
            "Save model.state_dict()."
        )
    unusual = [name for name, tensor in tensors.items() if not _is_plain(tensor)]
    if unusual:
        raise ZooError(
            f"{file} has tensors that are sparse, nested or without data (meta): "
            f"{some_names(unusual)}. Save the state dict of a network with dense tensors."
        )
    return clean_state_dict(dict(tensors)), sha256


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_nested and not tensor.is_meta


def _unpickled(content: bytes, file: Path) -> object:
    try:
        _check_unpacked(content, file)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except ZooError:
        raise
    # An arbitrary file may raise anything. The original message recommends unsafe reading and is
    # left out.
    except Exception as error:
        held = "other objects than tensors, or no tensors" if content else "no data"
        raise ZooError(
            f"{file} is not a state dict in safetensors or torch.save format: it contains {held} "
            f"({type(error).__name__}). Save model.state_dict()."
        ) from error


def _check_unpacked(content: bytes, file: Path) -> None:
    """Refuse an archive that takes more memory than the limit; `torch.save` does not compress."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return  # the format of PyTorch before version 1.6
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > 2 * len(content):
        raise ZooError(
            f"{file} is a compressed archive of {size:,} bytes, {len(content):,} compressed. "
            "Expected a file of torch.save, which does not compress."
        )


def load_strictly(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Load a state dict that must fit the model exactly.

    Args:
        model: The model, changed in place. It keeps its dtypes.
        tensors: State dict, of any floating-point type.
        where: Source of the tensors, for the error.

    Raises:
        ZooError: If tensors are missing or unexpected, a shape or type differs, a value is infinite
            or NaN, or every weight is zero. The model is unchanged.
    """
    check_fit(model, tensors, where)
    check_values(model, tensors, where)
    model.load_state_dict(tensors)


def number_of_classes(
    model: nn.Module, tensors: Mapping[str, Tensor], num_classes: int
) -> int | None:
    """The number of classes of weights that differ from the model in this number alone.

    Args:
        model: The model.
        tensors: State dict.
        num_classes: Number of classes of the model.

    Returns:
        The number; `None` if every common tensor has the model's shape, or if shapes differ in
        another way. The tensors of a classifier have the number of classes as first dimension.
    """
    different = [
        (tuple(tensors[name].shape), tuple(own.shape))
        for name, own in model.state_dict().items()
        if name in tensors and tensors[name].shape != own.shape
    ]
    found = {got[0] for got, own in different if got[1:] == own[1:] and own[:1] == (num_classes,)}
    return found.pop() if len(found) == 1 else None


def check_fit(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Refuse a state dict that does not fit the model exactly.

    Args:
        model: The model.
        tensors: State dict, of any floating-point type.
        where: Source of the tensors, for the error.

    Raises:
        ZooError: If tensors are missing or unexpected, or a shape or type differs.
    """
    expected = model.state_dict()
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    common = [(name, tensors[name], expected[name]) for name in expected if name in tensors]
    mismatched = [
        f"{name} {tuple(got.shape)} instead of {tuple(own.shape)}"
        for name, got, own in common
        if got.shape != own.shape
    ]
    mistyped = [
        f"{name} {got.dtype} instead of {own.dtype}"
        for name, got, own in common
        if not _converts(got, own)
    ]
    problems = [
        f"{label}: {some_names(names)}"
        for label, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("different shape", mismatched),
            ("different type", mistyped),
        )
        if names
    ]
    if problems:
        raise ZooError(
            f"{where} does not fit {type(model).__name__} ({len(expected)} tensors). "
            f"{'; '.join(problems)}. Choose the architecture and the number of classes that the "
            "weights were trained with."
        )


def _converts(got: Tensor, own: Tensor) -> bool:
    """Whether a stored dtype converts to the model's: any float to float, other dtypes exactly."""
    return got.dtype == own.dtype or (got.is_floating_point() and own.is_floating_point())
