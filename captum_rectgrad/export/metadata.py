"""The metadata of an exported file: what the map is, and of which weights."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import onnx
import torch
from timm.data.config import resolve_model_data_config
from torch import nn

import captum_rectgrad
import rectgrad_zoo
from captum_rectgrad._engine.settings import Settings
from captum_rectgrad.explain.classes import class_names
from captum_rectgrad.explain.explanation import fitting_names
from captum_rectgrad.rules.signs import SignRule
from captum_rectgrad.rules.threshold import ThresholdRule
from rectgrad_zoo.weights_origin import has_loaded_weights, state_dict_sha256


def add_metadata(
    exported: onnx.ModelProto,
    model: nn.Module,
    method: str,
    settings: Settings,
    layers: Sequence[str],
    labels: Sequence[str] | None = None,
    *,
    half: bool = False,
) -> None:
    """Add the metadata, in `metadata_props`. All values but those of one word are JSON.

    Keys: `method`; `settings`; `weights`, their type in the file; `version` of captum_rectgrad;
    `torch`, its version; `checkpoint`, with the provenance of the weights if they are still those
    of a checkpoint, and their SHA-256; `layers`, the columns of `shares`; if they are known,
    `labels`, the names of the classes, and `preprocessing`, as in timm.

    Args:
        exported: the exported model.
        model: the model in PyTorch, before its weights are rounded.
        method: name of the method.
        settings: its settings.
        layers: names of the activations.
        labels: names of the classes; None for those of the model.
        half: whether the weights are stored in float16.

    Raises:
        ValueError: there is another number of labels than of classes.
    """
    exported.producer_name = "captum_rectgrad"
    exported.producer_version = captum_rectgrad.__version__
    exported.doc_string = f"{method} of {type(model).__name__}"
    values: dict[str, Any] = {
        "settings": _described(settings),
        "checkpoint": _checkpoint(model),
        "layers": list(layers),
        "labels": _labels(exported, model, labels),
        "preprocessing": _preprocessing(model),
    }
    texts = {key: json.dumps(value) for key, value in values.items() if value is not None}
    texts["weights"] = "float16" if half else "float32"
    texts |= {"method": method, "version": captum_rectgrad.__version__, "torch": torch.__version__}
    onnx.helper.set_model_props(exported, dict(sorted(texts.items())))


def _described(settings: Settings) -> dict[str, Any]:
    rule = settings.rule
    found: dict[str, Any] = {"rule": None if rule is None else type(rule).__name__}
    if isinstance(rule, ThresholdRule):
        found |= {"rule": rule.score, "percentile": rule.percentile, "tau": rule.tau}
    elif isinstance(rule, SignRule):
        found["rule"] = rule.name
    chosen = settings.activations.chosen
    if chosen is not None:
        found["activations"] = [
            item.__name__ if isinstance(item, type) else type(item).__name__ for item in chosen
        ]
    names = ("padding_trick", "prr", "final_threshold", "multiply_by_inputs", "absolute")
    return found | {name: getattr(settings, name) for name in names}


def _checkpoint(model: nn.Module) -> dict[str, Any]:
    """The hash of all parameters and buffers, and the provenance if it is that of the weights."""
    of_state = state_dict_sha256(model)
    try:
        origin = rectgrad_zoo.provenance(model)
    except ValueError:
        origin = None
    if origin is not None and has_loaded_weights(model):
        return {**asdict(origin), "sha256_of": "weights file", "state_dict_sha256": of_state}
    return {
        "name": type(model).__name__,
        "sha256": of_state,
        "sha256_of": "names and values of the state dict",
        "state_dict_sha256": of_state,
    }


def _labels(
    exported: onnx.ModelProto, model: nn.Module, labels: Sequence[str] | None
) -> list[str] | None:
    count = exported.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    return fitting_names(class_names(model, labels), count, given=labels is not None)


def _preprocessing(model: nn.Module) -> dict[str, Any] | None:
    """Input size, interpolation, crop, mean and standard deviation, as timm names them."""
    if not getattr(model, "pretrained_cfg", None):
        return None
    found: dict[str, Any] = resolve_model_data_config(model)
    return found
