"""
# Sanity checks: when not to trust it

RectGrad's maps are sparse, sharp and on the object. None of that says that they show why the
network decided. The question to ask of a map is what it depends on: make the network random, ask
for another class, and see whether the map changes. This page does it for three methods on a small
scale, and then with one command.
"""

# %%
# ## By eye: another class, another network
#
# A cat, and what speaks for a cat. Then what speaks for a sports car, of which there is none in
# the picture. Then the first again, with the last layer of the network made random, which now
# knows nothing about classes.

import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from captum.attr import Saliency
from torch import nn

import rectgrad_zoo
from captum_rectgrad import RectGrad
from captum_rectgrad.cli.explain import class_index, picture
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
# RectGrad has nearly the same map three times: eyes and nose, whatever is asked of whatever
# network. Each of the three looks convincing. Of the noise of saliency the eye is no judge; for
# that there are numbers.

# %%
# ## In numbers
#
# `captum_rectgrad.sanity` compares maps by their rank correlation, which is 1 for equal maps.
# First of the model and a copy in which layers are random, from the last one on (Adebayo et al.
# 2018); then of the predicted class and three others (Nie et al. 2018). The model is
# `cifar10_cnn`, the images are twenty shapes on textures that the package draws: not what it was
# trained on, so that this page needs no data.

from torchvision.transforms.functional import to_pil_image

from captum_rectgrad.evaluation.intervals import crossed_mean, mean
from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.sanity.class_sensitivity import class_sensitivity, other_classes
from captum_rectgrad.sanity.explaining import Explaining
from captum_rectgrad.sanity.randomisation import Randomisation, randomisation
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
    explaining = Explaining(method, inputs, targets)
    found = cascades[method.title] = randomisation(explaining, small, repeats=2)
    half = crossed_mean(found.similarity[UNSIGNED][found.half])
    another = mean(class_sensitivity(explaining, small, others)[UNSIGNED])
    print(f"{method.title:12}{half!s:30}{another}")

# %%
# The whole way from the trained network to one that is random throughout:

figure, axes = plt.subplots(
    num="Likeness of maps as more and more layers are random, for three methods",
    figsize=(8, 3.2),
    layout="constrained",
)
for title, found in cascades.items():
    curve = np.nanmean(found.similarity[UNSIGNED], axis=(1, 2))
    axes.plot(("none", *found.layers), (1, *curve), "o-", label=title)
axes.axhline(0, color="0.6", linewidth=0.8)
axes.set(
    title="likeness to the maps of the trained network",
    xlabel="random from the last layer to this one",
    ylabel="rank correlation",
)
axes.legend()
plt.show()

# %%
# **The honest sentence: with half of the layers random, RectGrad's maps are still much as they
# were, and maps of different classes are much alike. They do not show what the later layers have
# learnt, nor what separates one class from another.** Saliency changes far more, noisy as it is.

# %%
# ## With one command
#
# `rectgrad check` makes all the checks of one method on one model, with 95 % intervals, a verdict
# for each, a page and a figure. It is run here as from a shell, on fewer images than its default
# of 100.

import tempfile
from pathlib import Path

from captum_rectgrad.cli.main import main

folder = tempfile.mkdtemp()
command = "check --model cifar10_cnn --method rectgrad --count 20 --steps 3 --repeats 2"
status = main([*command.split(), "--out", f"{folder}/rectgrad"])
print(f"exit status {status}; {', '.join(sorted(f.name for f in Path(folder).glob('*/*')))}")

# %%
# Exit status 1 means that something failed, so a script can stop there. For your own model:
#
# ```
# rectgrad check photo1.jpg photo2.jpg ... --model resnet50 --method rectgrad
# ```
#
# with ten images or more; fewer decide nothing.

# %%
# ## What follows
#
# - Use RectGrad to see which parts of an image the *early* layers respond to on the way to some
#   logit.
# - Do not read "why a cat and not a dog" from it. The plain gradient changes with the class.
# - A high percentile helps, at a price: [the curves on CIFAR-10](../when-not-to-trust-a-map.md),
#   with intervals.
# - What each check does and when it fails: [the checks](../sanity-checks.md).
