"""
# Train, verify and publish a checkpoint

Measurements of attribution maps depend on the network. A checkpoint is therefore a folder with the
recipe of the training, the measured accuracy and the hash of the weights. All of these can be
verified. This tutorial trains a checkpoint in a few seconds from a short recipe.
"""

# %%
# ## Images
#
# The recipes of the zoo use CIFAR-10: a copy of the Hub data set `uoft-cs/cifar10`, or a folder
# with `train/airplane/*` to `test/truck/*`. The code below creates such a folder with generated
# white shapes instead of CIFAR-10. A disk replaces an airplane, a square replaces an automobile.

import tempfile
from pathlib import Path

from PIL import Image

from captum_rectgrad.studies.data.shapes import shapes
from rectgrad_zoo.data.images import CIFAR10_CLASSES

work = Path(tempfile.mkdtemp())
data = work / "data"
for split, count, seed in (("train", 900, 1), ("test", 200, 2)):
    drawn = shapes(count, seed)
    for number, (mask, label) in enumerate(zip(drawn.masks, drawn.labels.tolist(), strict=True)):
        folder = data / split / CIFAR10_CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask.numpy()).save(folder / f"{number:04}.png")
print(sorted(path.name for path in (data / "train").iterdir()))

# %%
# ## A recipe
#
# A recipe has all settings of a training except the images. The recipes of the zoo are in
# `zoo/recipes/`. The recipe below differs from `cifar10_cnn.toml` in its sizes.

RECIPE = """\
name = "tutorial"
architecture = "cifar10_cnn"
description = "A network for this tutorial only."

[data]
name = "uoft-cs/cifar10"
validation_size = 100
validation_seed = 0

[training]
optimizer = "adam"
learning_rate = 0.001
batch_size = 20
epochs = 5
seed = 0
keep = "best_validation"
"""
recipe = work / "tutorial.toml"
print(recipe.write_text(RECIPE, encoding="utf-8"), "characters")

# %%
# ## Train
#
# The following function runs a shell command in Python:

import contextlib
import io

from captum_rectgrad.cli.main import main


def shell(command: str) -> None:
    """Run a command of `rectgrad`, and print it with its output."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = main(command.split())
    shown = f"$ rectgrad {command}\n{said.getvalue()}exit status {status}"
    print(shown.replace(f"{work}/", ""))


checkpoint = work / "tutorial"
shell(f"zoo train {recipe} --data {data} --out {checkpoint}")

# %%
# After an interruption, the same command resumes the training. On the same device, with the same
# number of threads and the same versions, the weights are identical byte by byte, with and without
# an interruption.

# %%
# ## The folder
#
# The folder has timm's Hub format. It also contains the recipe, the metrics of every epoch and all
# versions.

import json

for file in sorted(checkpoint.iterdir()):
    print(f"{file.stat().st_size:>9,}  {file.name}")
metrics = json.loads((checkpoint / "metrics.json").read_text(encoding="utf-8"))
print(json.dumps(metrics["provenance"], indent=2))

# %%
# The accuracy by epoch, from the metrics file:

import matplotlib.pyplot as plt

epochs = range(1, len(metrics["epochs"]) + 1)
validation = [each["validation"]["accuracy"] for each in metrics["epochs"]]
figure, axes = plt.subplots(
    num="Accuracy on the validation images by epoch, and the epoch that was kept",
    figsize=(6, 2.8),
    layout="constrained",
)
axes.plot(epochs, validation, "o-", color="#2a6a9e")
axes.axvline(metrics["kept_epoch"], color="0.6", linestyle=":", label="kept")
axes.set(
    title="accuracy on the validation images", xlabel="epoch", ylim=(0, 1), xticks=list(epochs)
)
axes.legend()
plt.show()

# %%
# ## Load and explain
#
# `rectgrad_zoo.load` accepts the path of the folder. timm loads it as well, after
# `import rectgrad_zoo`: `timm.create_model("local-dir:tutorial", pretrained=True)`.

import torch

import rectgrad_zoo
from captum_rectgrad import RectGrad
from captum_rectgrad.plotting.maps import Row, plot_comparison
from rectgrad_zoo.data.images import to_model_range

model = rectgrad_zoo.load(str(checkpoint))
print(rectgrad_zoo.provenance(model).sha256)

unseen = shapes(10, seed=3)
pictures = 255 * unseen.masks[:, None].expand(-1, 3, -1, -1).to(torch.uint8)
inputs = to_model_range(pictures)
with torch.no_grad():
    predicted = model(inputs).argmax(dim=1)
right = torch.nonzero(predicted == unseen.labels)[:2, 0]
maps = RectGrad(model).attribute(inputs[right], target=predicted[right])
rows = [
    Row(pictures[number].permute(1, 2, 0) / 255, "a new image", {"RectGrad": found})
    for number, found in zip(right.tolist(), maps, strict=True)
]
plot_comparison(rows, plt.figure("Two white shapes, and their RectGrad maps"))
plt.show()

# %%
# ## Verify
#
# `rectgrad zoo verify` computes the hash and the accuracy from the folder and the images. The
# second call below follows a small change of one weight:

shell(f"zoo verify {checkpoint} --data {data}")

# %%

import safetensors.torch

weights = checkpoint / "model.safetensors"
original = weights.read_bytes()
tensors = safetensors.torch.load(original)
tensors["conv1.bias"][0] += 0.01
weights.write_bytes(safetensors.torch.save(tensors))
shell(f"zoo verify {checkpoint} --data {data}")
print("restored:", weights.write_bytes(original) == len(original))

# %%
# ## Publish
#
# `rectgrad zoo publish` uploads the folder to the Hugging Face Hub in one commit, with the account
# of `HF_TOKEN`. It prints the revision and the hash. It raises an error if the card or the
# measurements belong to different weights. With `--dry-run` it checks the folder and lists the
# files without an upload:

shell(f"zoo publish {checkpoint} --repo somebody/tutorial --dry-run")

# %%
# Do not publish this checkpoint. Its card states that the images are CIFAR-10, because recipes
# support no other data. Only the fingerprint of the images differs.

card = (checkpoint / "README.md").read_text(encoding="utf-8")
print(card[card.index("# tutorial") : card.index("## Use")])

# %%
# Publish only checkpoints trained on CIFAR-10, from a recipe of the zoo or a custom recipe:
#
# ```
# rectgrad zoo train zoo/recipes/cifar10_cnn.toml --data cifar10 --out runs/cifar10_cnn
# rectgrad zoo verify runs/cifar10_cnn --data cifar10
# rectgrad zoo publish runs/cifar10_cnn --repo OWNER/NAME
# ```
#
# The first command takes about 20 minutes on two CPU cores. [The zoo](../../zoo/README.md) has the
# accuracies of its checkpoints.
