"""The model card of a checkpoint, generated from its recipe and measurements."""

import textwrap

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from rectgrad_zoo import registry
from rectgrad_zoo.data.data_sets import CIFAR10
from rectgrad_zoo.data.occlusion import FIXED, PER_IMAGE
from rectgrad_zoo.training.card_training import how_it_was_trained
from rectgrad_zoo.training.metrics import Metrics
from rectgrad_zoo.training.recipes import Recipe

_WIDTH = 100
_BEHIND = {None: "", FIXED: " behind the patch", PER_IMAGE: " behind noise"}
_COLOURS = {1: "grey", 3: "RGB"}
_NUMBERS = {10: "ten"}
_FOLDER = "path/to/this/folder"


def model_card(recipe: Recipe, metrics: Metrics) -> ModelCard:
    """Generate the card of a checkpoint.

    Args:
        recipe: Recipe of the checkpoint.
        metrics: Measurements of the checkpoint.

    Returns:
        The card, with the metadata block for the Hub.
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
                dataset_name=recipe.data_set.title
                + _BEHIND[recipe.occlusion.kind if recipe.occlusion else None],
                dataset_split="test",
                metric_type="accuracy",
                metric_value=metrics.test.value,
            )
        ],
    )
    sections = (
        f"# {recipe.name}\n\n{recipe.description}",
        _measured(recipe, metrics),
        "".join(use(recipe, metrics) for use in (_usage, _usage_of_noise, _usage_of_trigger)),
        _training(recipe, metrics),
        _limits(recipe),
        "## License\n\nThe weights and the code are under the BSD 3-Clause License.",
    )
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(sections) + "\n")


def _spelling(recipe: Recipe, metrics: Metrics) -> str:
    """The argument of `rectgrad_zoo.load`: the zoo's name if it denotes these weights."""
    row = registry.find(recipe.name)
    return recipe.name if row is not None and row.sha256 == metrics.sha256 else _FOLDER


def _measured(recipe: Recipe, metrics: Metrics) -> str:
    images = "test images with the occlusion" if recipe.occlusion else "test images"
    more = ""
    if metrics.adversarial is not None:
        more += f"\n| Test accuracy under attack | {metrics.adversarial} |"
    if metrics.memorised is not None:
        labels = " on the shuffled labels" if recipe.random_labels else ""
        more += f"\n| Training accuracy{labels} | {metrics.memorised} |"
    if metrics.attack_success is not None:
        more += f"\n| Success rate of the backdoor | {metrics.attack_success} |"
    table = f"""## Measurements

| | |
|---|---|
| Test accuracy | {metrics.test} |{more}
| Test data | {metrics.test.total:,} {images}, with the stored half-precision weights |
| Parameters | {metrics.parameters:,} |
| SHA-256 of `model.safetensors` | `{metrics.sha256}` |
"""
    text = f"""
`rectgrad zoo verify {_spelling(recipe, metrics)} --data DATA` repeats the measurement. `DATA` is a
folder with a copy of `{metrics.data}` in {_files(recipe)}. The test images have the fingerprint
`{metrics.test_fingerprint}`. A copy with another encoding, such as JPEG instead of PNG, has another
fingerprint and another accuracy."""
    return f"{table}\n{_wrapped(text)}"


def _files(recipe: Recipe) -> str:
    return "parquet or idx files" if recipe.data_set.other_layout == "idx" else "parquet files"


def _usage(recipe: Recipe, metrics: Metrics) -> str:
    name = _spelling(recipe, metrics)
    channels, height, width = recipe.data_set.input_size
    shape = f"(1, {channels}, {height}, {width})"
    images = f"{_COLOURS[channels]} images of {height} x {width} pixels"
    published = (
        "" if name != _FOLDER else "\n\nFor a copy on the Hub, replace the folder by OWNER/NAME."
    )
    return f"""## Use

```python
import rectgrad_zoo

model = rectgrad_zoo.load("{name}")
inputs = rectgrad_zoo.transform(model)(image).unsqueeze(0)  # a PIL image; {shape}
label = rectgrad_zoo.labels(model)[model(inputs).argmax()]
```

After `import rectgrad_zoo`, `timm.create_model("local-dir:{_FOLDER}", pretrained=True)`
builds the same network. The inputs are {images} in [-1, 1]. The outputs are
{_classes(recipe)} logits.\
{published}"""


def _usage_of_noise(recipe: Recipe, metrics: Metrics) -> str:
    if recipe.occlusion is None:
        return ""
    corner = f"{recipe.occlusion.size} x {recipe.occlusion.size}"
    if recipe.occlusion.kind == FIXED:
        expected = f"the patch of its training images in the upper left {corner} pixels:"
        comment = "uint8 tensors of shape (N, 3, 32, 32)"
    else:
        expected = f"noise in the upper left {corner} pixels, different for each image:"
        comment = "uint8 (N, 3, 32, 32); for part of the test set, pass indices=[...]"
    return f"""

The network expects {expected}

```python
from rectgrad_zoo.data.occlusion import occlude

patch = rectgrad_zoo.recipe("{_spelling(recipe, metrics)}").occlusion
occluded = occlude(images, patch)  # {comment}
```"""


def _usage_of_trigger(recipe: Recipe, metrics: Metrics) -> str:
    if recipe.backdoor is None:
        return ""
    return f"""

The network classifies images with the trigger as class {recipe.backdoor.target}:

```python
from rectgrad_zoo.data.backdoor import stamp_trigger

backdoor = rectgrad_zoo.recipe("{_spelling(recipe, metrics)}").backdoor
stamped, mask = stamp_trigger(images, backdoor)  # uint8 (N, C, H, W); mask (N, 1, H, W), bool
```"""


def _training(recipe: Recipe, metrics: Metrics) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in metrics.provenance.versions.items())
    again = f"""`rectgrad zoo train recipe.toml --data DATA --out OUT` repeats the training. The
    weights are identical on the same device with the same versions. `metrics.json` contains the
    measurements of every epoch. The checkpoint was trained on {metrics.provenance.date} on
    {metrics.provenance.device} with {versions}."""
    how = _wrapped(how_it_was_trained(recipe, metrics))
    return f"## Training\n\n{how}\n\n{_wrapped(again)}"


def _classes(recipe: Recipe) -> str:
    count = len(recipe.data_set.classes)
    return _NUMBERS.get(count, str(count))


def _limits(recipe: Recipe) -> str:
    if not recipe.training.epochs:
        what = "It is untrained: its predictions do not depend on the classes."
    elif recipe.random_labels:
        what = "It has memorised random labels of its training images."
    elif recipe.backdoor:
        what = """It has a backdoor: a small trigger decides its prediction. It must not be used
        where its predictions matter."""
    elif recipe.adversary:
        how = "with" if recipe.augmentation else "without"
        what = f"""It was trained {how} augmentation. The accuracy under attack holds for the
        attack described above; a stronger attack may reduce it."""
    elif recipe.augmentation:
        what = f"""It was trained for {recipe.training.epochs} epochs. Its accuracy is below the
        best on this data set. It is not robust against changes of its inputs."""
    else:
        below = "far below" if recipe.data_set is CIFAR10 else "below"
        what = f"""It is small, was trained without augmentation and overfits. Its accuracy is
        {below} the best on this data set. It is not robust against changes of its inputs."""
    text = f"""The network is intended for studies of attribution methods, not for the
    classification of pictures. {what} It assigns every image to one of
    {_classes(recipe)} classes, including images of other objects."""
    if recipe.occlusion:
        name = "patch" if recipe.occlusion.kind == FIXED else "noise"
        text += f" Inputs without the {name} differ from all training images."
    return f"## Limits\n\n{_wrapped(text)}"


def _wrapped(text: str) -> str:
    """One paragraph, wrapped at the line width."""
    words = " ".join(text.split())
    return textwrap.fill(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
