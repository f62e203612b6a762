"""State dicts: reading them from files without running code, and loading them strictly."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from timm.models import clean_state_dict
from torch import Tensor, nn

from rectgrad_zoo.errors import ZooError

_NAMES_SHOWN = 5
# What timm's training checkpoints keep a state dict under, the one to prefer first.
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")


def file_sha256(file: Path) -> str:
    """SHA-256 of a file, hexadecimal, without holding the file in memory."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def file_tag(file: Path, like: str) -> str:
    """What the Hub tags a file's content by, hexadecimal.

    Args:
        file: The file.
        like: A tag of the kind that is wanted: 64 digits are a SHA-256, fewer a git object id.

    Returns:
        The tag of that kind.
    """
    if len(like) == hashlib.sha256().digest_size * 2:
        return file_sha256(file)
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 (git's own)


def read_bytes(file: Path, sha256: str | None = None, remedy: str = "") -> tuple[bytes, str]:
    """Read a file and check its hash, so that what is used is what was checked.

    Args:
        file: The file.
        sha256: Expected SHA-256, hexadecimal; `None` for no expectation.
        remedy: What to do about a file with another hash, a sentence.

    Returns:
        The content and its SHA-256, hexadecimal.

    Raises:
        ZooError: If the file cannot be read or has another hash.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ZooError(f"Cannot read the weights: {error}") from error
    got = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, got):
        raise ZooError(
            f"{file} has the SHA-256 {got}, expected {sha256}: it is damaged or not the released "
            f"file. {remedy}".rstrip()
        )
    return content, got


def parse_safetensors(content: bytes, where: Path) -> dict[str, Tensor]:
    """Turn the content of a safetensors file into tensors.

    Args:
        content: What the file holds.
        where: The file, to be named in the error.

    Returns:
        Tensors by name, on the CPU.

    Raises:
        ZooError: If it is not a whole safetensors file.
    """
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ZooError(f"{where} is not a whole safetensors file: {error}") from error
    except KeyError as error:  # types of the format that PyTorch cannot hold
        raise ZooError(f"{where} has tensors of a type that is not PyTorch's: {error}") from error


def read_weights_file(file: Path) -> tuple[dict[str, Tensor], str]:
    """Read a user's own weights: `.safetensors`, or what `torch.save` wrote.

    timm's training checkpoints are unwrapped as timm does it (averaged weights first).

    Args:
        file: The file. Only tensors are read; a pickle that would run code is refused.

    Returns:
        Tensors by name, on the CPU, and the SHA-256 of the file, hexadecimal.

    Raises:
        ZooError: If there is no such file or it holds no state dict.
    """
    if not file.is_file():
        raise ZooError(f"No weights file {file}.")
    content, sha256 = read_bytes(file)
    if file.name.endswith(".safetensors"):
        saved: Any = parse_safetensors(content, file)
    else:
        saved = _unpickled(content, file)
    if not isinstance(saved, Mapping):
        raise ZooError(f"{file} is not a state dict but a {type(saved).__name__}.")
    wrapped = (saved[key] for key in _WRAPPERS if isinstance(saved.get(key), Mapping))
    tensors = next(wrapped, saved)
    wrong = [str(name) for name, tensor in tensors.items() if not isinstance(tensor, Tensor)]
    if wrong:
        raise ZooError(f"{file} is not a state dict: {_some(wrong)} are not tensors.")
    return clean_state_dict(dict(tensors)), sha256


def _unpickled(content: bytes, file: Path) -> object:
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    # Whatever is raised for a file that could hold anything is the file's fault. What it says is
    # about pickles, down to the advice to read them unsafely.
    except Exception as error:
        held = "more than tensors, or no tensors at all" if content else "nothing"
        raise ZooError(
            f"{file} is not a state dict in safetensors or torch.save format: it holds {held} "
            f"({type(error).__name__}). Save model.state_dict()."
        ) from error


def check_finite(tensors: Mapping[str, Tensor], what: str) -> None:
    """Refuse weights that no input gives an answer with.

    Args:
        tensors: State dict.
        what: What they are the weights of, to be named in the error.

    Raises:
        ZooError: If a value is infinite or no number.
    """
    wrong = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if wrong:
        raise ZooError(
            f"{what} has diverged: {_some(wrong)} hold values that are infinite or no number. "
            "Train with a smaller learning_rate."
        )


def load_strictly(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Give a model its weights, all of them and nothing else.

    Args:
        model: The model, changed in place; its own types are kept.
        tensors: State dict, of any floating-point type.
        where: Where they come from, to be named in the error.

    Raises:
        ZooError: If tensors are missing, unexpected, or of another shape or kind of number; the
            model is unchanged.
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
        f"{label}: {_some(names)}"
        for label, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", mismatched),
            ("of another type", mistyped),
        )
        if names
    ]
    if problems:
        raise ZooError(
            f"{where} does not fit {type(model).__name__} ({len(expected)} tensors). "
            f"{'; '.join(problems)}. Name the architecture that the weights were trained with; "
            "the number of classes must agree too."
        )
    model.load_state_dict(tensors)


def _converts(got: Tensor, own: Tensor) -> bool:
    """Whether a stored type can stand for the model's: floats of any width, all else exactly."""
    return got.dtype == own.dtype or (got.is_floating_point() and own.is_floating_point())


def _some(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
