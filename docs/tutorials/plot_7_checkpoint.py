"""
# Train, verify and publish a checkpoint

A number about attribution maps is worth no more than the network it was measured on. So a
checkpoint here is a folder that says how it was made, what it was measured on, and the hash of
its weights; and each of that can be checked. This page makes one in a few seconds, from a recipe
of a few lines.
"""

# %%
# ## Images
#
# The recipes of the zoo are for CIFAR-10: a copy of the Hub data set `uoft-cs/cifar10`, or a
# folder with `train/airplane/*` to `test/truck/*`. Here is such a folder without CIFAR-10: white
# shapes that the package draws, in folders of CIFAR-10's names, a disk for an airplane, a square
# for an automobile.

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
# All that a training depends on besides the images. Those of the zoo are in the repository, in
# `zoo/recipes/`; this one differs from `cifar10_cnn.toml` in its sizes.

RECIPE = """\
name = "tutorial"
architecture = "cifar10_cnn"
description = "A network that this tutorial trains; for nothing else."

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
# The commands of this page are those of a shell. To have them in Python:

import contextlib
import io

from captum_rectgrad.cli.main import main


def shell(command: str) -> None:
    """Run a command of `rectgrad`, and print it with what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = main(command.split())
    shown = f"$ rectgrad {command}\n{said.getvalue()}exit status {status}"
    print(shown.replace(f"{work}/", ""))


checkpoint = work / "tutorial"
shell(f"zoo train {recipe} --data {data} --out {checkpoint}")

# %%
# A training that is interrupted goes on when the same command is given again. On one device, with
# one number of threads and one set of versions, the bytes are the same every time, interrupted or
# not.

# %%
# ## What is in the folder
#
# timm's Hub format, with the recipe, every epoch and the versions of everything.

import json

for file in sorted(checkpoint.iterdir()):
    print(f"{file.stat().st_size:>9,}  {file.name}")
metrics = json.loads((checkpoint / "metrics.json").read_text(encoding="utf-8"))
print(json.dumps(metrics["provenance"], indent=2))

# %%
# The course of the training, from that file:

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
# ## Load it, explain it
#
# By its path, as any of the zoo by its name. timm loads it as well:
# `timm.create_model("local-dir:tutorial", pretrained=True)` after `import rectgrad_zoo`.

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
# Hash and accuracy again, from the folder and the images alone. Then once more after someone has
# changed a single weight, by a little:

shell(f"zoo verify {checkpoint} --data {data}")

# %%

import safetensors.torch

weights = checkpoint / "model.safetensors"
original = weights.read_bytes()
tensors = safetensors.torch.load(original)
tensors["conv1.bias"][0] += 0.01
weights.write_bytes(safetensors.torch.save(tensors))
shell(f"zoo verify {checkpoint} --data {data}")
print("back again:", weights.write_bytes(original) == len(original))

# %%
# ## Publish
#
# `rectgrad zoo publish` sends the folder to the Hugging Face Hub in one commit, as the account of
# `HF_TOKEN`, and prints the revision and the hash to pin. It refuses a folder whose card or
# measurements are of other weights. With `--dry-run` it checks and says what would be sent;
# nothing leaves the machine:

shell(f"zoo publish {checkpoint} --repo somebody/tutorial --dry-run")

# %%
# Do not leave out `--dry-run` for this one. Its card calls the images CIFAR-10, since that is all
# that the recipes know; that they are not can be told from their fingerprint alone.

card = (checkpoint / "README.md").read_text(encoding="utf-8")
print(card[card.index("# tutorial") : card.index("## Use")])

# %%
# So a checkpoint to be published is one trained on CIFAR-10, from a recipe of the zoo's or one of
# your own:
#
# ```
# rectgrad zoo train zoo/recipes/cifar10_cnn.toml --data cifar10 --out runs/cifar10_cnn
# rectgrad zoo verify runs/cifar10_cnn --data cifar10
# rectgrad zoo publish runs/cifar10_cnn --repo OWNER/NAME
# ```
#
# The first takes about 20 minutes on two CPU cores. [The zoo](../../zoo/README.md) has the
# accuracies of its own.
