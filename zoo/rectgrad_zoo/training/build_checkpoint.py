"""Creation of a checkpoint: training, rounding, measurement and output."""

import platform
import shutil
import tempfile
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from timm.models import save_for_hf

from rectgrad_zoo.checkpoint import (
    CARD_FILE,
    FILES,
    METRICS_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
)
from rectgrad_zoo.data.cifar10 import read_cifar10
from rectgrad_zoo.data.images import CIFAR10_CLASSES, LabelledImages
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.training.card import model_card
from rectgrad_zoo.training.measure_checkpoint import measure_checkpoint
from rectgrad_zoo.training.metrics import Metrics, Provenance, write_metrics
from rectgrad_zoo.training.recipes import Recipe, read_recipe
from rectgrad_zoo.training.state import PART, StateFile
from rectgrad_zoo.training.train import TrainingRun, train
from rectgrad_zoo.weight_values import check_finite
from rectgrad_zoo.weights import file_sha256

STATE_FILE = "training-state.pt"
_UNFINISHED = ".unfinished"
_PACKAGES = ("captum-rectgrad", "torch", "timm", "numpy", "pillow", "safetensors")


def make_checkpoint(
    recipe_file: Path, data: str | Path, out: Path, device: torch.device
) -> Metrics:
    """Train a checkpoint and write its folder.

    Args:
        recipe_file: The recipe.
        data: CIFAR-10, as for `rectgrad_zoo.data.cifar10.read_cifar10`.
        out: The output folder. It must be absent, empty, or contain an interrupted training, which
            is resumed. At most one epoch is repeated, and the result is the same as without the
            interruption. A folder with `config.json` is a complete checkpoint.
        device: Device for training and measurement.

    Returns:
        The measurements.

    Raises:
        ValueError: If the recipe is not valid, or `out` exists or cannot be written.
        ZooError: If the data cannot be read, the training in `out` differs or diverges, or the
            checkpoint cannot be written.
    """
    recipe = read_recipe(recipe_file)
    _check_free(out)
    _check_writable(out)
    training_images = read_cifar10(data, "train")
    test_images = read_cifar10(data, "test")
    state = StateFile(out / STATE_FILE, _identity(recipe_file, training_images, device))
    run = train(recipe, training_images, device, state)

    unfinished = out / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a killed process
    unfinished.mkdir(parents=True)
    try:
        shutil.copyfile(recipe_file, unfinished / RECIPE_FILE)
        metrics = _write(unfinished, recipe, run, training_images, test_images, device)
        (unfinished / WEIGHTS_FILE).chmod(0o644)  # safetensors creates it for the owner only
        for file in FILES:
            (unfinished / file).replace(out / file)
    except OSError as error:
        raise ZooError(
            f"Cannot write {out}: {error.strerror}. Free disk space and run the same command to "
            "resume."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    state.remove()
    return metrics


def _check_free(out: Path) -> None:
    """Refuse a folder with other files than those of an interrupted training."""
    there = {entry.name for entry in out.iterdir()} if out.is_dir() else {""}
    leftover = there <= {f"{STATE_FILE}{PART}", _UNFINISHED}
    if out.exists() and not leftover and STATE_FILE not in there:
        raise ValueError(
            f"{out} exists already and contains no unfinished training. Pass the path of a new "
            "folder."
        )


def _check_writable(out: Path) -> None:
    """Check write access before the training, without leaving files."""
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
        for folder in made:
            folder.rmdir()
    except OSError as error:
        raise ValueError(
            f"Cannot write to {out}: {error.strerror}. Choose another folder with --out."
        ) from error


def _write(
    folder: Path,
    recipe: Recipe,
    run: TrainingRun,
    training_images: LabelledImages,
    test_images: LabelledImages,
    device: torch.device,
) -> Metrics:
    model = timm.create_model(recipe.architecture, num_classes=len(CIFAR10_CLASSES))
    model.load_state_dict(run.weights)
    check_finite(model.half().state_dict(), f"{recipe.name}, in half precision,")
    try:
        save_for_hf(
            model,
            str(folder),
            model_config={"label_names": list(CIFAR10_CLASSES)},
            safe_serialization=True,
        )
    except SafetensorError as error:  # raised for a full disk
        raise ZooError(
            f"Cannot write {folder / WEIGHTS_FILE}: {error}. Free disk space."
        ) from error
    model.float().to(device)  # the values stay rounded, as a user loads them
    measured = measure_checkpoint(model, recipe, test_images, training_images)
    metrics = Metrics(
        checkpoint=recipe.name,
        sha256=file_sha256(folder / WEIGHTS_FILE),
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
    )
    write_metrics(metrics, folder / METRICS_FILE)
    model_card(recipe, metrics).save(folder / CARD_FILE)
    return metrics


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
        **{package: version(package) for package in _PACKAGES},
    }


def _provenance(recipe: Recipe, device: torch.device) -> Provenance:
    return Provenance(
        date=datetime.now(timezone.utc).date().isoformat(),
        device=_described(device),
        seed=recipe.training.seed,
        versions=_versions(),
    )
