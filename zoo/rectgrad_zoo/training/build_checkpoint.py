"""Creation of a checkpoint: training, rounding, measurement and output."""

import hashlib
import platform
import tempfile
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from timm.models import save_for_hf

from rectgrad_zoo.checkpoint import (
    CARD_FILE,
    CONFIG_FILE,
    FILES,
    METRICS_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
)
from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.data.read_data_set import read_data_set
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.output_lock import other_entries, output_lock
from rectgrad_zoo.package_versions import package_versions
from rectgrad_zoo.training.card import model_card
from rectgrad_zoo.training.measure_checkpoint import measure_checkpoint
from rectgrad_zoo.training.metrics import Metrics, Provenance, metrics_json
from rectgrad_zoo.training.recipes import Recipe, read_recipe
from rectgrad_zoo.training.state import StateFile
from rectgrad_zoo.training.train import TrainingRun, train
from rectgrad_zoo.weight_values import check_finite
from rectgrad_zoo.weights import file_sha256
from rectgrad_zoo.written_whole import remove_unfinished, written_whole

STATE_FILE = "training-state.pt"
_PACKAGES = ("captum-rectgrad", "torch", "timm", "numpy", "pillow", "safetensors")


def make_checkpoint(
    recipe_file: Path, data: str | Path, out: Path, device: torch.device
) -> Metrics:
    """Train a checkpoint and write its folder.

    Args:
        recipe_file: The recipe.
        data: The data set of the recipe, as for `rectgrad_zoo.data.read_data_set.read_data_set`.
        out: The output folder. It must be absent, empty, or contain an interrupted training, which
            is resumed. At most one epoch is repeated, and the result is the same as without the
            interruption. A folder with `config.json` is a complete checkpoint.
        device: Device for training and measurement.

    Returns:
        The measurements.

    Raises:
        ValueError: If the recipe is not valid, or `out` exists or cannot be written.
        ZooError: If another process uses `out`, the data cannot be read, the training in `out`
            differs or diverges, or the checkpoint cannot be written.
    """
    recipe = read_recipe(recipe_file)
    with ExitStack() as held:
        try:
            held.enter_context(output_lock(out))
        except OSError as error:
            raise ValueError(
                f"Cannot write to {out}: {error.strerror}. Choose another folder with --out."
            ) from error
        _check_free(out)
        remove_unfinished(out)
        return _make(recipe_file, recipe, data, out, device)


def _make(
    recipe_file: Path, recipe: Recipe, data: str | Path, out: Path, device: torch.device
) -> Metrics:
    training_images = read_data_set(recipe.data_set, data, "train")
    test_images = read_data_set(recipe.data_set, data, "test")
    recipe_text = recipe_file.read_bytes()  # it may be edited during the training
    state = StateFile(out / STATE_FILE, _identity(recipe_file, training_images, device))
    run = train(recipe, training_images, device, state)
    contents, metrics = _contents(recipe, run, training_images, test_images, device)
    contents[RECIPE_FILE] = recipe_text
    try:
        with ExitStack() as files:
            # The stack renames them in the opposite order, so the configuration is last.
            for name in reversed(FILES):
                unfinished = files.enter_context(written_whole(out / name))
                unfinished.write_bytes(contents[name])
    except OSError as error:
        raise ZooError(
            f"Cannot write {out}: {error.strerror}. Free disk space and run the same command to "
            "resume."
        ) from error
    state.path.unlink(missing_ok=True)
    return metrics


def _check_free(out: Path) -> None:
    """Refuse a folder with other files than those of an interrupted training."""
    there = {entry.name for entry in other_entries(out)}
    if there and STATE_FILE not in there:
        raise ValueError(
            f"{out} exists already and contains no unfinished training. Pass the path of a new "
            "folder."
        )


def _contents(
    recipe: Recipe,
    run: TrainingRun,
    training_images: LabelledImages,
    test_images: LabelledImages,
    device: torch.device,
) -> tuple[dict[str, bytes], Metrics]:
    """The files of a checkpoint without the recipe, by name, and the measurements."""
    classes = recipe.data_set.classes
    model = timm.create_model(recipe.architecture, num_classes=len(classes))
    model.load_state_dict(run.weights)
    check_finite(model.half().state_dict(), f"{recipe.name}, in half precision,")
    with tempfile.TemporaryDirectory() as folder:
        try:
            save_for_hf(
                model,
                folder,
                model_config={"label_names": list(classes)},
                safe_serialization=True,
            )
        except (OSError, SafetensorError) as error:  # SafetensorError is raised for a full disk
            raise ZooError(f"Cannot write {folder}: {error}. Free disk space.") from error
        contents = {name: Path(folder, name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    model.float().to(device)  # the values stay rounded, as a user loads them
    measured = measure_checkpoint(model, recipe, test_images, training_images)
    metrics = Metrics(
        checkpoint=recipe.name,
        sha256=hashlib.sha256(contents[WEIGHTS_FILE]).hexdigest(),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        data=recipe.data.name,
        train_fingerprint=training_images.fingerprint(),
        test_fingerprint=test_images.fingerprint(),
        test=measured.test,
        kept_epoch=run.kept_epoch,
        epochs=run.epochs,
        provenance=_provenance(recipe, device),
        adversarial=measured.adversarial,
        memorised=measured.memorised,
        attack_success=measured.attack_success,
    )
    contents[METRICS_FILE] = metrics_json(metrics).encode()
    contents[CARD_FILE] = str(model_card(recipe, metrics)).encode()
    return contents, metrics


def _identity(recipe_file: Path, data: LabelledImages, device: torch.device) -> dict[str, str]:
    """Everything that determines the result of a training."""
    return {
        "recipe (SHA-256)": file_sha256(recipe_file),
        "training images (fingerprint)": data.fingerprint(),
        "device": _described(device),
        **_versions(),
    }


def _described(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device.type} ({torch.cuda.get_device_name(device)})"
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{device.type} ({capability}, {torch.get_num_threads()} threads)"


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **package_versions(_PACKAGES),
    }


def _provenance(recipe: Recipe, device: torch.device) -> Provenance:
    return Provenance(
        date=datetime.now(timezone.utc).date().isoformat(),
        device=_described(device),
        seed=recipe.training.seed,
        versions=_versions(),
    )
