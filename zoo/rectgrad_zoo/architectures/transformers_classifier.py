"""Image classifiers of transformers, as networks from images to logits.

The package transformers is optional. It is imported when such a network is loaded.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from rectgrad_zoo.configuration import (
    check_configuration,
    check_processor,
    check_self_contained,
    check_whole_numbers,
)
from rectgrad_zoo.errors import ZooError, message_of
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.network_size import NetworkSizeLimit
from rectgrad_zoo.weight_values import check_values
from rectgrad_zoo.weights import check_fit, number_of_classes

PROCESSOR_FILE = "preprocessor_config.json"
_CONFIG_FILE = "config.json"
_INSTALL = "Install it with: pip install 'captum-rectgrad[transformers]'."
_PROBE = 256  # pixels; side of the image that shows the size of the network's input


class TransformersClassifier(nn.Module):
    """An image classifier of transformers that returns its logits.

    Attributes:
        model: The network of transformers.
        image_processor: Its image processor; `None` if the folder has none.
        num_classes: Number of classes.
        pretrained_cfg: Size and normalisation of the input and names of the classes, as in timm.
    """

    def __init__(self, model: Any, image_processor: Any) -> None:
        super().__init__()
        self.model = model
        self.image_processor = image_processor
        self.num_classes = int(model.config.num_labels)
        names = model.config.id2label
        known = any(name != f"LABEL_{index}" for index, name in names.items())
        self.pretrained_cfg = {
            "num_classes": self.num_classes,
            "label_names": dict(names) if known else None,
            **_input_of(image_processor),
        }

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits.

        Args:
            images: Preprocessed images, `(N, C, H, W)`.

        Returns:
            The logits, `(N, classes)`.
        """
        logits: Tensor = self.model(pixel_values=images).logits
        return logits


def is_transformers_folder(folder: Path) -> bool:
    """Whether a folder has a configuration of transformers, as from `save_pretrained`."""
    try:
        return "model_type" in read_json_object(folder / _CONFIG_FILE)
    except (OSError, ZooError):
        return False


def architecture_of(folder: Path) -> str:
    """Name of the class of transformers in a folder's configuration.

    Args:
        folder: A folder with a configuration of transformers.

    Returns:
        The name of an image classifier of this version of transformers.

    Raises:
        ZooError: If transformers is not installed, or the configuration names another class.
    """
    auto = _transformers().models.auto.modeling_auto
    config = read_json_object(folder / _CONFIG_FILE)
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and named else None
    known: set[str] = set()
    for names in auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES.values():
        known |= {names} if isinstance(names, str) else set(names)
    if name in known:
        return str(name)
    if "auto_map" in config:
        raise ZooError(
            f"{folder} needs Python code of its own repository (trust_remote_code) for "
            f"{name or config['model_type']}. Such code is never run. Load the model yourself and "
            "pass it to RectGrad, or choose a model that transformers implements."
        )
    raise ZooError(
        f"{folder} has the architecture {name!r}, expected an image classifier of transformers "
        f"{_transformers().__version__}, such as ViTForImageClassification."
    )


def load_classifier(
    folder: Path,
    tensors: Mapping[str, Tensor],
    where: str,
    largest: NetworkSizeLimit,
    num_classes: int | None = None,
) -> TransformersClassifier:
    """Build the network of a folder and load weights that must fit exactly.

    Args:
        folder: Folder with `config.json` and, for the preprocessing, `preprocessor_config.json`.
        tensors: State dict of the network of transformers.
        where: Source of the tensors, for the error.
        largest: Limit on the size of the network.
        num_classes: Number of classes; by default that of the tensors.

    Returns:
        The network, float32, on the CPU.

    Raises:
        ZooError: If transformers is not installed, the folder does not describe an image
            classifier, or the tensors do not fit.
    """
    name = architecture_of(folder)
    described = read_json_object(folder / _CONFIG_FILE)
    check_whole_numbers(described, str(folder / _CONFIG_FILE))
    check_self_contained(described, str(folder / _CONFIG_FILE))
    with _quiet(), _one_line(folder):
        # The files by name: of a folder, transformers may read others, which are not checked.
        config = _transformers().AutoConfig.from_pretrained(folder / _CONFIG_FILE, **_LOCAL)
        if num_classes is not None:
            config.num_labels = num_classes
        model, found = _build(name, config, tensors, largest)
        got = None if num_classes else number_of_classes(model, found, config.num_labels)
        if got is not None:
            config.num_labels = got
            model, found = _build(name, config, tensors, largest)
        processor = None
        if (folder / PROCESSOR_FILE).exists():
            described = read_json_object(folder / PROCESSOR_FILE)
            check_whole_numbers(described, str(folder / PROCESSOR_FILE))
            check_processor(described, str(folder / PROCESSOR_FILE))
            processor = _transformers().AutoImageProcessor.from_pretrained(
                folder / PROCESSOR_FILE, config=config, **_LOCAL
            )
        classifier = TransformersClassifier(model, processor)
    check_fit(model, found, where)
    check_values(model, found, where)
    check_configuration(classifier.pretrained_cfg, str(folder))
    return classifier


_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def _build(
    name: str, config: Any, tensors: Mapping[str, Tensor], largest: NetworkSizeLimit
) -> tuple[nn.Module, dict[str, Tensor]]:
    """A network with weights, and the tensors under the network's own names.

    transformers renames the tensors of older versions. What is missing in the result has been
    missing in the weights, and what is left over is contained under its own name.
    """
    architecture = getattr(_transformers(), name)
    largest.on_meta(partial(architecture, deepcopy(config)))
    with largest:
        model, info = architecture.from_pretrained(
            None,
            config=config,
            state_dict=dict(tensors),
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    found = {
        key: value for key, value in model.state_dict().items() if key not in info["missing_keys"]
    }
    found |= {key: tensors.get(key, torch.empty(0)) for key in info["unexpected_keys"]}
    found |= {key: torch.empty(shape, device="meta") for key, shape, _ in info["mismatched_keys"]}
    return model, found


def _input_of(processor: Any) -> dict[str, Any]:
    """Size and normalisation of the input, as timm's configuration has them."""
    if processor is None:
        return {}
    pixels = processor(images=Image.new("RGB", (_PROBE, _PROBE)), return_tensors="pt")
    found: dict[str, Any] = {"input_size": tuple(pixels["pixel_values"].shape[1:])}
    normalises = getattr(processor, "do_normalize", False)
    found["mean"] = tuple(processor.image_mean) if normalises else (0.0, 0.0, 0.0)
    found["std"] = tuple(processor.image_std) if normalises else (1.0, 1.0, 1.0)
    return found


def _transformers() -> Any:
    try:
        import transformers  # noqa: PLC0415 (optional, and slow to import)
        import transformers.models.auto.modeling_auto  # noqa: PLC0415
    except ImportError as error:
        raise ZooError(
            f"A model of transformers needs the package transformers ({error}). {_INSTALL}"
        ) from error
    return transformers


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Convert errors of transformers, which may be any, into a `ZooError`."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        raise ZooError(
            f"{folder} does not describe an image classifier that transformers "
            f"{_transformers().__version__} can build: {type(error).__name__}: {message_of(error)}"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bar and the reports of transformers, which are global settings."""
    logging = _transformers().utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
