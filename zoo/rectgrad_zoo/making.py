"""Making a checkpoint: train, round, measure, and write the folder."""

import hashlib
import platform
import shutil
import tempfile
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import timm
import torch
from timm.models import save_for_hf

from rectgrad_zoo.accuracy import measure_accuracy
from rectgrad_zoo.card import model_card
from rectgrad_zoo.checkpoint import (
    CARD_FILE,
    METRICS_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
)
from rectgrad_zoo.data import CIFAR10_CLASSES, LabelledImages, read_cifar10
from rectgrad_zoo.metrics import Metrics, Provenance, write_metrics
from rectgrad_zoo.occlusion import occluded
from rectgrad_zoo.recipes import Recipe, read_recipe
from rectgrad_zoo.training import TrainingRun, train

_PACKAGES = ("captum-rectgrad", "torch", "timm", "numpy", "pillow", "safetensors")


def make_checkpoint(
    recipe_file: Path, data_folder: Path, out: Path, device: torch.device
) -> Metrics:
    """Train a checkpoint and write its folder.

    Args:
        recipe_file: The recipe.
        data_folder: CIFAR-10, as `rectgrad_zoo.data.read_cifar10` reads it.
        out: The folder to write, which must not exist. It appears when it is complete.
        device: Where to train and to measure.

    Returns:
        What was measured.

    Raises:
        ValueError: If the recipe is not valid or `out` exists.
        ZooError: If the data cannot be read.
    """
    recipe = read_recipe(recipe_file)
    if out.exists():
        raise ValueError(f"{out} exists already; give the path of a new folder.")
    training_images = read_cifar10(data_folder, "train")
    test_images = read_cifar10(data_folder, "test")
    run = train(recipe, training_images, device)

    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        shutil.copyfile(recipe_file, unfinished / RECIPE_FILE)
        metrics = _write(unfinished, recipe, run, training_images, test_images, device)
        # Made for their maker alone, by tempfile and safetensors.
        unfinished.chmod(0o755)
        (unfinished / WEIGHTS_FILE).chmod(0o644)
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return metrics


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
    save_for_hf(
        model.half(),
        str(folder),
        model_config={"label_names": list(CIFAR10_CLASSES)},
        safe_serialization=True,
    )
    model.float()  # the values stay rounded: what is measured is what a user loads
    metrics = Metrics(
        checkpoint=recipe.name,
        sha256=hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest(),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        data=recipe.data.name,
        train_fingerprint=training_images.fingerprint(),
        test_fingerprint=test_images.fingerprint(),
        test=measure_accuracy(model.to(device), occluded(test_images, recipe.occlusion)),
        kept_epoch=run.kept_epoch,
        epochs=run.epochs,
        provenance=_provenance(recipe, device),
    )
    write_metrics(metrics, folder / METRICS_FILE)
    model_card(recipe, metrics).save(folder / CARD_FILE)
    return metrics


def _provenance(recipe: Recipe, device: torch.device) -> Provenance:
    if device.type == "cuda":
        described = f"{device.type} ({torch.cuda.get_device_name(device)})"
    else:
        capability = torch.backends.cpu.get_cpu_capability()
        described = f"{device.type} ({capability}, {torch.get_num_threads()} threads)"
    return Provenance(
        date=datetime.now(timezone.utc).date().isoformat(),
        device=described,
        seed=recipe.training.seed,
        versions={
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    )
