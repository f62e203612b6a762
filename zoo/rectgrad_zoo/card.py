"""The model card of a trained checkpoint, written from what was measured."""

import textwrap

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from rectgrad_zoo import registry
from rectgrad_zoo.metrics import Metrics
from rectgrad_zoo.recipes import Recipe

PAPER = "Kim et al. 2019, [arXiv:1902.04893](https://arxiv.org/abs/1902.04893)"
_WIDTH = 100
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
                dataset_name="CIFAR-10 behind the patch" if recipe.occlusion else "CIFAR-10",
                dataset_split="test",
                metric_type="accuracy",
                metric_value=metrics.test.value,
            )
        ],
    )
    sections = (
        f"# {recipe.name}\n\n{recipe.description}",
        _measured(recipe, metrics),
        _usage(recipe),
        _training(recipe, metrics),
        _limits(recipe),
        "## License\n\nThe weights are under the BSD 3-Clause License, as the code is.",
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(sections) + "\n")


def _spelling(recipe: Recipe) -> str:
    """What the user names the checkpoint by."""
    return recipe.name if registry.find(recipe.name) else _FOLDER


def _measured(recipe: Recipe, metrics: Metrics) -> str:
    images = "test images, occluded as in training" if recipe.occlusion else "test images"
    table = f"""## Measured

| | |
|---|---|
| Test accuracy | {metrics.test} |
| Measured on | the {metrics.test.total:,} {images}, with the stored half-precision weights |
| Parameters | {metrics.parameters:,} |
| SHA-256 of `model.safetensors` | `{metrics.sha256}` |
"""
    text = f"""
`rectgrad zoo verify {_spelling(recipe)} --data DATA` measures it again, where `DATA` is a folder
with a copy of `{metrics.data}` in parquet files. The test images measured on have the fingerprint
`{metrics.test_fingerprint}`; a copy that was encoded otherwise (JPEG for PNG, say) has another
one, and another accuracy."""
    return f"{table}\n{_wrapped(text)}"


def _usage(recipe: Recipe) -> str:
    name = _spelling(recipe)
    text = f"""## Use

```python
import rectgrad_zoo

model = rectgrad_zoo.load("{name}")
inputs = rectgrad_zoo.transform(model)(image).unsqueeze(0)  # a PIL image; (1, 3, 32, 32)
label = rectgrad_zoo.labels(model)[model(inputs).argmax()]
```

After `import rectgrad_zoo`, `timm.create_model("local-dir:{_FOLDER}", pretrained=True)`
gives the same network. Inputs are RGB images of 32 x 32 in [-1, 1]; the output is ten logits."""
    if recipe.occlusion:
        corner = f"{recipe.occlusion.size} x {recipe.occlusion.size}"
        text += f"""

The network expects the patch it was trained behind in the upper left {corner} pixels:

```python
from rectgrad_zoo.occlusion import occlude

patch = rectgrad_zoo.recipe("{name}").occlusion
occluded = occlude(images, patch)  # uint8 tensors of shape (N, 3, 32, 32)
```"""
    return text


def _training(recipe: Recipe, metrics: Metrics) -> str:
    settings, kept = recipe.training, metrics.epochs[metrics.kept_epoch - 1]
    versions = ", ".join(f"{name} {value}" for name, value in metrics.provenance.versions.items())
    patch = recipe.occlusion
    occlusion = (
        f"""Every image, in training and in testing, carries the same patch of uniform noise
        (seed {patch.seed}) in its upper left {patch.size} x {patch.size} pixels."""
        if patch
        else ""
    )
    choices = f"""The architecture, the input range, Adam and its {settings.epochs} epochs follow
    {PAPER}, appendix F.2. {occlusion} Of the training images {recipe.data.validation_size:,} were
    set aside, and the weights are those of epoch {metrics.kept_epoch}, the best on them:
    {kept.validation}. The test images had no part in any choice. No augmentation. Learning rate
    {settings.learning_rate}, batch size {settings.batch_size}, seed {settings.seed}."""
    again = f"""`rectgrad zoo train recipe.toml --data DATA --out OUT` trains it again, to the same
    bytes on the same device with the same versions. The course of the training is in
    `metrics.json`. Trained on {metrics.provenance.date} on {metrics.provenance.device} with
    {versions}."""
    return f"## Training\n\n{_wrapped(choices)}\n\n{_wrapped(again)}"


def _limits(recipe: Recipe) -> str:
    text = """Meant for studying attribution methods, not for classifying pictures: a small network
    trained without augmentation, which overfits, is far from the best accuracy on this data set,
    and has not been made robust against any change of its inputs. It knows ten classes and puts
    every image into one of them."""
    if recipe.occlusion:
        text += " Without the patch its inputs are unlike anything it was trained on."
    return f"## Limits\n\n{_wrapped(text)}"


def _wrapped(text: str) -> str:
    """One paragraph in lines of the usual width."""
    words = " ".join(text.split())
    return textwrap.fill(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
