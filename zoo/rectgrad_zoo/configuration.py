"""Checks of a network's configuration: preprocessing and names of the classes."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from rectgrad_zoo.errors import ZooError

_MOST_PIXELS = 16_384  # per side
_MOST_CHANNELS = 1_024
_LARGEST_CROP = 10.0
_LARGEST_WHOLE = 1_000_000  # vocabularies of text models have a quarter of it
_MOST_CLASSES = 1_000_000
_LOADED = (
    "checkpoint_path",
    "configuration_files",
    "quantization_config",
    "use_pretrained_backbone",
)
_IMPLEMENTATIONS = (
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_internal",
    "experts_implementation",
    "_experts_implementation",
)
_NAMES = ("architecture", "backbone")
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "random")
_CROP_MODES = ("center", "squash", "border")


def check_configuration(config: Mapping[str, Any], where: str) -> None:
    """Refuse values of the wrong type, and numbers that are not finite or out of range.

    Args:
        config: timm's `pretrained_cfg` of a network. Absent values and `None` are accepted.
        where: Source of the configuration, for the error.

    Raises:
        ZooError: If a value is not valid.
    """
    for key, (is_valid, expected) in _EXPECTED.items():
        value = config.get(key)
        if value is not None and not is_valid(value):
            raise ZooError(f"{where} has {key} = {value!r:.80}, expected {expected}.")


def check_whole_numbers(value: object, where: str) -> None:
    """Refuse numbers of layers, units or pixels that take endless time to build.

    `NetworkSizeLimit` counts tensors, but not the lists that some networks make before.

    Args:
        value: A value of JSON.
        where: Source of the value, for the error.

    Raises:
        ZooError: If a whole number in it is above 1,000,000, or below -1,000,000.
    """
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            check_whole_numbers(each, where)
    elif isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        raise ZooError(
            f"{where} asks for a network with an argument of {value:,}, expected at most "
            f"{_LARGEST_WHOLE:,}."
        )


def check_self_contained(value: object, where: str) -> None:
    """Refuse a configuration with which transformers would load other files than the folder's.

    It loads kernels (compiled code) of the Hub for the attention, and models by the name of a
    backbone or, through its wrapper of timm, of an architecture.

    Args:
        value: A value of `config.json`.
        where: Source of the value, for the error.

    Raises:
        ZooError: If a value names code or weights elsewhere.
    """
    if isinstance(value, list):
        for each in value:
            check_self_contained(each, where)
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        named = isinstance(each, str) and ("/" in each or ":" in each)
        if (
            (key in _LOADED and each)
            or (key in _IMPLEMENTATIONS and each not in (None, "eager", "sdpa"))
            or (key in _NAMES and named)
        ):
            raise ZooError(
                f"{where} has {key} = {each!r:.80}, which would load code or weights from "
                "elsewhere. Only the files of the checkpoint are used."
            )
        check_self_contained(each, where)


def check_processor(config: Mapping[str, Any], where: str) -> None:
    """Refuse sizes and a normalisation that an image processor of transformers cannot apply.

    Args:
        config: Content of `preprocessor_config.json`. Absent values and `None` are accepted.
        where: Source of the configuration, for the error.

    Raises:
        ZooError: If a value is not valid.
    """
    named = {"image_mean": "mean", "image_std": "std"}
    check_configuration({named.get(key, key): value for key, value in config.items()}, where)
    for key in ("size", "crop_size", "pad_size"):
        value = config.get(key)
        sizes = value.values() if isinstance(value, dict) else (value,)
        if any(size is not None and not _is_whole(size, 1, _MOST_PIXELS) for size in sizes):
            raise ZooError(
                f"{where} has {key} = {value!r:.80}, expected pixels from 1 to {_MOST_PIXELS:,}."
            )


def _is_number(value: object, low: float, high: float) -> bool:
    """Whether it is a finite number in `(low, high]`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and low < value <= high  # type: ignore[arg-type,operator]


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _are_numbers(value: object, low: float) -> bool:
    """Whether it is a list of one finite number above `low` per channel."""
    listed = isinstance(value, list | tuple) and 0 < len(value) <= _MOST_CHANNELS
    return listed and all(_is_number(each, low, math.inf) for each in value)  # type: ignore[attr-defined]


def _is_size(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 3:  # noqa: PLR2004 (C, H, W)
        return False
    most = (_MOST_CHANNELS, _MOST_PIXELS, _MOST_PIXELS)
    return all(_is_whole(each, 1, limit) for each, limit in zip(value, most, strict=True))


def _are_names(value: object) -> bool:
    """Whether it is a list of names or, as JSON has no integer keys, a table from "0", "1", ..."""
    if isinstance(value, dict):
        keys = all(str(key).isascii() and str(key).isdecimal() for key in value)
        return keys and all(isinstance(name, str) for name in value.values())
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def _are_descriptions(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


_Check = tuple[Callable[[Any], bool], str]
_SIZE: _Check = (_is_size, f"[channels, height, width], pixels from 1 to {_MOST_PIXELS:,}")
_CROP: _Check = (
    lambda value: _is_number(value, 0, _LARGEST_CROP),
    f"a number above 0, at most {_LARGEST_CROP:g}",
)
_EXPECTED: dict[str, _Check] = {
    "input_size": _SIZE,
    "test_input_size": _SIZE,
    "min_input_size": _SIZE,
    "mean": (lambda value: _are_numbers(value, -math.inf), "a list of finite numbers"),
    "std": (lambda value: _are_numbers(value, 0), "a list of finite numbers above 0"),
    "crop_pct": _CROP,
    "test_crop_pct": _CROP,
    "crop_mode": (lambda value: value in _CROP_MODES, f"one of {', '.join(_CROP_MODES)}"),
    "interpolation": (
        lambda value: value in _INTERPOLATIONS,
        f"one of {', '.join(_INTERPOLATIONS)}",
    ),
    "num_classes": (lambda value: _is_whole(value, 0, _MOST_CLASSES), "a number of classes"),
    "label_names": (_are_names, "a list of names or a table from index to name"),
    "label_descriptions": (_are_descriptions, "a table from name to description"),
}
