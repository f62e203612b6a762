"""Measurements of a checkpoint: `metrics.json` in its folder."""

import json
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.training.accuracy import Accuracy
from rectgrad_zoo.training.state import Epoch

_OPTIONAL = ("adversarial", "memorised", "attack_success")
_OF_AN_EPOCH = ("validation", "adversarial_validation")


@dataclass(frozen=True)
class Provenance:
    """Provenance of the measurements.

    Attributes:
        date: Day of the training, UTC, as `YYYY-MM-DD`.
        device: Device, its name or instruction set, and the number of CPU threads.
        seed: Seed of the training.
        versions: Versions of Python and of the packages that determine the result.
    """

    date: str
    device: str
    seed: int
    versions: dict[str, str]


@dataclass(frozen=True)
class Metrics:
    """Measurements of a checkpoint.

    Attributes:
        checkpoint: Name of the checkpoint.
        sha256: SHA-256 of `model.safetensors`, hexadecimal.
        parameters: Number of weights.
        data: Hub name of the data set.
        train_fingerprint: Fingerprint of the training images without occlusion.
        test_fingerprint: Fingerprint of the test images without occlusion.
        test: Accuracy of the stored weights on the test images, with the recipe's occlusion.
        kept_epoch: Epoch of the weights, from 1; 0 for untrained weights.
        epochs: All epochs of the training.
        provenance: Provenance of the measurements.
        adversarial: Accuracy of the stored weights on the test images under the recipe's attack;
            `None` for a recipe without an attack.
        memorised: Accuracy of the stored weights on the training images by the labels of the
            training; `None` for a recipe with validation images and true labels.
        attack_success: Share of the test images of other classes that are classified as the target
            with the trigger of the recipe's backdoor; `None` for a recipe without a backdoor.
    """

    checkpoint: str
    sha256: str
    parameters: int
    data: str
    train_fingerprint: str
    test_fingerprint: str
    test: Accuracy
    kept_epoch: int
    epochs: tuple[Epoch, ...]
    provenance: Provenance
    adversarial: Accuracy | None = None
    memorised: Accuracy | None = None
    attack_success: Accuracy | None = None


def metrics_json(metrics: Metrics) -> str:
    """The measurements as JSON, with accuracies and intervals beside the counts."""
    content = {
        **vars(metrics),
        "test": _accuracy_to_json(metrics.test),
        "epochs": [_epoch_to_json(epoch) for epoch in metrics.epochs],
        "provenance": vars(metrics.provenance),
    }
    for key in _OPTIONAL:  # absent if not measured, as in older files
        accuracy = content.pop(key)
        if accuracy is not None:
            content[key] = _accuracy_to_json(accuracy)
    return json.dumps(content, indent=2) + "\n"


def read_metrics(file: Path) -> Metrics:
    """Read measurements from a file with the text of `metrics_json`.

    Args:
        file: A `metrics.json`.

    Returns:
        The measurements.

    Raises:
        ZooError: If the file is absent or not valid.
    """
    try:
        content = read_json_object(file)
        metrics = Metrics(
            **{
                **content,
                "test": _accuracy_from_json(content["test"]),
                **{key: _accuracy_from_json(content[key]) for key in _OPTIONAL if key in content},
                "epochs": tuple(_epoch_from_json(epoch) for epoch in content["epochs"]),
                "provenance": Provenance(**content["provenance"]),
            }
        )
        _check_types(metrics)
    # An arbitrary file may raise anything.
    except Exception as error:
        raise ZooError(
            f"{file} is not a valid file of measurements ({error!r}). Expected a file written by "
            "`rectgrad zoo train`."
        ) from error
    return metrics


def _check_types(record: Any) -> None:
    """Refuse values of a wrong type in a dataclass and in the dataclasses it contains."""
    for name, kind in get_type_hints(type(record)).items():
        value = getattr(record, name)
        accepted = get_args(kind) if isinstance(kind, UnionType) else (get_origin(kind) or kind,)
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise TypeError(f"{name} = {value!r} is not of type {kind}")
        for inner in value if isinstance(value, tuple) else (value,):
            if is_dataclass(inner):
                _check_types(inner)


def _epoch_to_json(epoch: Epoch) -> dict[str, object]:
    content: dict[str, object] = {"train_loss": epoch.train_loss}
    for key in _OF_AN_EPOCH:
        accuracy = getattr(epoch, key)
        if accuracy is not None:
            content[key] = _accuracy_to_json(accuracy)
    return content


def _epoch_from_json(content: dict[str, Any]) -> Epoch:
    measured = {key: _accuracy_from_json(content[key]) for key in _OF_AN_EPOCH if key in content}
    return Epoch(content["train_loss"], **measured)


def _accuracy_to_json(accuracy: Accuracy) -> dict[str, object]:
    return {
        "correct": accuracy.correct,
        "total": accuracy.total,
        "accuracy": accuracy.value,
        "interval_95": [round(bound, 6) for bound in accuracy.interval],
    }


def _accuracy_from_json(content: dict[str, int]) -> Accuracy:
    correct, total = content["correct"], content["total"]
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"{correct} correct of {total} is not possible")
    return Accuracy(correct, total)
