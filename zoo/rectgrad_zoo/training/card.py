"""The model card of a trained checkpoint, written from what was measured."""

import textwrap

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from rectgrad_zoo import registry
from rectgrad_zoo.data.occlusion import FIXED, PER_IMAGE
from rectgrad_zoo.training.card_training import how_it_was_trained
from rectgrad_zoo.training.metrics import Metrics
from rectgrad_zoo.training.recipes import Recipe

_WIDTH = 100
_DATA_NAMES = {
    None: "CIFAR-10",
    FIXED: "CIFAR-10 behind the patch",
    PER_IMAGE: "CIFAR-10 behind noise",
}
_FOLDER = "path/to/this/folder"


def model_card(recipe: Recipe, metrics: Metrics) -> ModelCard:
    """Write the card of a checkpoint.

    Args:
        recipe: How it was trained.
        metrics: What was measured.

    Returns:
        The card, with the metadata block that the Hub reads.
    """
    data = ModelCardData(
        model_name=recipe.name,
        license="bsd-3-clause",
        library_name="timm",
        pipeline_tag="image-classification",
        tags=["image-classification", "timm", "captum", "rectgrad"],
        datasets=[metrics.data],
        eval_results=[
            EvalResult(
                task_type="image-classification",
                dataset_type=metrics.data,
                dataset_name=_DATA_NAMES[recipe.occlusion.kind if recipe.occlusion else None],
                dataset_split="test",
                metric_type="accuracy",
                metric_value=metrics.test.value,
            )
        ],
    )
    sections = (
        f"# {recipe.name}\n\n{recipe.description}",
        _measured(recipe, metrics),
        f"{_usage(recipe, metrics)}{_usage_of_noise(recipe, metrics)}",
        _training(recipe, metrics),
        _limits(recipe),
        "## License\n\nThe weights are under the BSD 3-Clause License, as the code is.",
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(sections) + "\n")


def _spelling(recipe: Recipe, metrics: Metrics) -> str:
    """What the user names the checkpoint by: the zoo's name only where it means these weights."""
    row = registry.find(recipe.name)
    return recipe.name if row is not None and row.sha256 == metrics.sha256 else _FOLDER


def _measured(recipe: Recipe, metrics: Metrics) -> str:
    images = "test images, occluded as in training" if recipe.occlusion else "test images"
    more = ""
    if metrics.adversarial is not None:
        more += f"\n| Test accuracy under attack | {metrics.adversarial} |"
    if metrics.memorised is not None:
        more += f"\n| Training images by their shuffled labels | {metrics.memorised} |"
    table = f"""## Measured

| | |
|---|---|
| Test accuracy | {metrics.test} |{more}
| Measured on | the {metrics.test.total:,} {images}, with the stored half-precision weights |
| Parameters | {metrics.parameters:,} |
| SHA-256 of `model.safetensors` | `{metrics.sha256}` |
"""
    text = f"""
`rectgrad zoo verify {_spelling(recipe, metrics)} --data DATA` measures it again, where `DATA` is a
folder with a copy of `{metrics.data}` in parquet files. The test images measured on have the
fingerprint `{metrics.test_fingerprint}`; a copy that was encoded otherwise (JPEG for PNG, say) has
another one, and another accuracy."""
    return f"{table}\n{_wrapped(text)}"


def _usage(recipe: Recipe, metrics: Metrics) -> str:
    name = _spelling(recipe, metrics)
    published = (
        "" if name != _FOLDER else "\n\nOf a copy on the Hub, give OWNER/NAME for the folder."
    )
    return f"""## Use

```python
import rectgrad_zoo

model = rectgrad_zoo.load("{name}")
inputs = rectgrad_zoo.transform(model)(image).unsqueeze(0)  # a PIL image; (1, 3, 32, 32)
label = rectgrad_zoo.labels(model)[model(inputs).argmax()]
```

After `import rectgrad_zoo`, `timm.create_model("local-dir:{_FOLDER}", pretrained=True)`
gives the same network. Inputs are RGB images of 32 x 32 in [-1, 1]; the output is ten logits.\
{published}"""


def _usage_of_noise(recipe: Recipe, metrics: Metrics) -> str:
    if recipe.occlusion is None:
        return ""
    corner = f"{recipe.occlusion.size} x {recipe.occlusion.size}"
    if recipe.occlusion.kind == FIXED:
        expected = f"the patch it was trained behind in the upper left {corner} pixels:"
        comment = "uint8 tensors of shape (N, 3, 32, 32)"
    else:
        expected = f"noise in the upper left {corner} pixels, another in every image:"
        comment = "uint8 (N, 3, 32, 32); of a part of the test set, give indices=[...]"
    return f"""

The network expects {expected}

```python
from rectgrad_zoo.data.occlusion import occlude

patch = rectgrad_zoo.recipe("{_spelling(recipe, metrics)}").occlusion
occluded = occlude(images, patch)  # {comment}
```"""


def _training(recipe: Recipe, metrics: Metrics) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in metrics.provenance.versions.items())
    again = f"""`rectgrad zoo train recipe.toml --data DATA --out OUT` trains it again, to the same
    bytes on the same device with the same versions. The course of the training is in
    `metrics.json`. Trained on {metrics.provenance.date} on {metrics.provenance.device} with
    {versions}."""
    how = _wrapped(how_it_was_trained(recipe, metrics))
    return f"## Training\n\n{how}\n\n{_wrapped(again)}"


def _limits(recipe: Recipe) -> str:
    if not recipe.training.epochs:
        what = "a network that knows nothing."
    elif recipe.random_labels:
        what = "a network that has learnt its training images by heart, with labels that are wrong."
    elif recipe.adversary:
        how = "with" if recipe.augmentation else "without"
        what = f"""a network trained {how} augmentation. It withstands the attack it was measured
        under on the share of images given above, and may fail under a stronger one."""
    elif recipe.augmentation:
        what = """a network trained for few epochs, which is not at the best accuracy on this data
        set, and has not been made robust against any change of its inputs."""
    else:
        what = """a small network trained without augmentation, which overfits, is far from the best
        accuracy on this data set, and has not been made robust against any change of its inputs."""
    knows = "puts every image into one of ten classes."
    if recipe.training.epochs and not recipe.random_labels:
        knows = "knows ten classes and puts every image into one of them."
    text = f"""Meant for studying attribution methods, not for classifying pictures: {what}
    It {knows}"""
    if recipe.occlusion:
        name = "patch" if recipe.occlusion.kind == FIXED else "noise"
        text += f" Without the {name} its inputs are unlike anything it was trained on."
    return f"## Limits\n\n{_wrapped(text)}"


def _wrapped(text: str) -> str:
    """One paragraph in lines of the usual width."""
    words = " ".join(text.split())
    return textwrap.fill(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
