"""
# Sanity checks: when not to trust a map

RectGrad maps are sparse, sharp and located on the object. These properties do not show that a map
explains the decision of the network. Sanity checks measure whether a map changes with the network
and with the class. This tutorial runs small checks for three methods, and then all checks with one
command.
"""

# %%
# ## Visual comparison: another class, another network
#
# The figure has three maps of a photograph of a cat: for the class "tiger cat", for the class
# "sports car", and for "tiger cat" after randomisation of the last layer. The randomised network
# has no information about the classes.

import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from captum.attr import Saliency
from torch import nn

import rectgrad_zoo
from captum_rectgrad import RectGrad
from captum_rectgrad.explain.classes import class_index
from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.images import sample_images
from captum_rectgrad.plotting.maps import Row, plot_comparison

model = rectgrad_zoo.load("tf_efficientnet_lite0")
image = rectgrad_zoo.transform(model)(sample_images()["chelsea"])[None].requires_grad_()
cat, car = (class_index(model, name) for name in ("tiger cat", "sports car"))

torch.manual_seed(0)
ignorant = copy.deepcopy(model)
assert isinstance(ignorant.classifier, nn.Linear)
ignorant.classifier.reset_parameters()

asked = {
    "tiger cat": (model, cat),
    "sports car": (model, car),
    "last layer random": (ignorant, cat),
}
seen = picture(model, image[0].detach())
rows = [
    Row(
        seen,
        "RectGrad",
        {title: RectGrad(net).attribute(image, target=c)[0] for title, (net, c) in asked.items()},
    ),
    Row(
        seen,
        "Saliency",
        {
            title: Saliency(net).attribute(image, target=c, abs=False)[0]
            for title, (net, c) in asked.items()
        },
    ),
]
plot_comparison(
    rows, plt.figure("RectGrad's maps for a cat, a car, and a random last layer hardly differ")
)
plt.show()

# %%
# RectGrad's three maps are almost equal: the eyes and the nose. Each of them looks convincing. The
# noisy maps of saliency cannot be compared visually.

# %%
# ## Measurement
#
# `captum_rectgrad.sanity` compares maps by their rank correlation, which is 1 for equal maps. The
# first check compares the model with a copy whose layers are randomised, starting with the last
# layer (Adebayo et al. 2018). The second check compares the predicted class with three other
# classes (Nie et al. 2018). The model is `cifar10_cnn`. The images are twenty generated shapes on
# textures, so this tutorial needs no data.

from torchvision.transforms.functional import to_pil_image

from captum_rectgrad.evaluation.intervals import crossed_mean, mean
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.sanity import (
    AttributionTask,
    Randomisation,
    class_sensitivity,
    other_classes,
    randomisation,
)
from captum_rectgrad.sanity.similarity import UNSIGNED
from captum_rectgrad.studies.data.shapes import shapes

small = rectgrad_zoo.load("cifar10_cnn")
transform = rectgrad_zoo.transform(small)
inputs = torch.stack([transform(to_pil_image(each)) for each in shapes(20, seed=3).images])
with torch.no_grad():
    targets = small(inputs).argmax(dim=1)
others = other_classes(small, inputs, count=3, batch_size=20)

cascades: dict[str, Randomisation] = {}
print(f"{'':12}{'half of the layers random':30}another class")
for method in choose_methods(["saliency", "guided-bp", "rectgrad"]):
    task = AttributionTask(method, inputs, targets)
    found = cascades[method.title] = randomisation(task, small, repeats=2)
    half = crossed_mean(found.similarity[UNSIGNED][found.half])
    another = mean(class_sensitivity(task, small, others)[UNSIGNED])
    print(f"{method.title:12}{half!s:30}{another}")

# %%
# The similarity for each number of randomised layers:

figure, axes = plt.subplots(
    num="Similarity of maps by the number of random layers, for three methods",
    figsize=(8, 3.2),
    layout="constrained",
)
for title, found in cascades.items():
    curve = np.nanmean(found.similarity[UNSIGNED], axis=(1, 2))
    axes.plot(("none", *found.layers), (1, *curve), "o-", label=title)
axes.axhline(0, color="0.6", linewidth=0.8)
axes.set(
    title="similarity to the maps of the trained network",
    xlabel="random from the last layer to this one",
    ylabel="rank correlation",
)
axes.legend()
plt.show()

# %%
# **With half of the layers random, RectGrad's maps are similar to the original maps. Its maps of
# different classes are similar as well. They do not show the function of the later layers, nor the
# difference between two classes.** Saliency's maps change far more, although they are noisy.

# %%
# ## One command for all checks
#
# `rectgrad check` runs all checks of one method on one model. It writes a page and a figure with 95
# % intervals and a verdict per check. The call below uses fewer images than the default of 100.

import tempfile
from pathlib import Path

from captum_rectgrad.cli.main import main

folder = tempfile.mkdtemp()
command = "check --model cifar10_cnn --method rectgrad --count 20 --steps 3 --repeats 2"
status = main([*command.split(), "--out", f"{folder}/rectgrad"])
print(f"exit status {status}; {', '.join(sorted(f.name for f in Path(folder).glob('*/*')))}")

# %%
# Exit status 1 means that a check failed. For another model:
#
# ```
# rectgrad check photo1.jpg photo2.jpg ... --model resnet50 --method rectgrad
# ```
#
# The checks need at least ten images. With fewer images every verdict is "undecided".

# %%
# ## Conclusions
#
# - RectGrad shows the image regions to which the *early* layers respond on the path to a logit.
# - RectGrad does not answer "why a cat and not a dog". The plain gradient changes with the class.
# - A higher percentile reduces the similarity and leaves fewer pixels: see [the numbers on
#   CIFAR-10](../when-not-to-trust-a-map.md).
# - [Sanity checks](../sanity-checks.md) describes the procedure and the verdict of each check.
