"""
# Does a map point at noise?

Kim et al. (2019, section 5.3) put one and the same patch of random pixels into the upper left
corner of every image, in training and in testing. Nothing in the patch tells the classes apart:
what a map shows there is noise. The zoo has such a network. This page asks it about photographs,
offline; at the end is where the measurement on CIFAR-10 is recorded.
"""

# %%
# ## The network and its patch
#
# `cifar10_cnn_occluded` is the CNN of the paper's appendix F.2. Its recipe knows the patch.

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image

import rectgrad_zoo
from captum_rectgrad.plotting.images import photographs
from rectgrad_zoo.data.images import to_model_range
from rectgrad_zoo.data.occlusion import Occlusion, occlude

model = rectgrad_zoo.load("cifar10_cnn_occluded")
patch = rectgrad_zoo.recipe("cifar10_cnn_occluded").occlusion
assert patch is not None
print(patch)

# %%
# ## Small pictures
#
# The network takes 32 x 32 pixels. From each of the 15 photographs that come with scikit-image
# there are five pictures: the whole, and its quarters.


def five(photograph: Image.Image) -> list[Image.Image]:
    """The whole and its quarters, brought to 32 x 32."""
    width, height = photograph.size
    half, middle = width // 2, height // 2
    boxes = (
        (0, 0, width, height),
        (0, 0, half, middle),
        (half, 0, width, middle),
        (0, middle, half, height),
        (half, middle, width, height),
    )
    return [photograph.crop(box).resize((32, 32)) for box in boxes]


pixels = np.stack([np.asarray(small) for each in photographs().values() for small in five(each)])
pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # (75, 3, 32, 32), uint8
seen = occlude(pictures, patch)
inputs = to_model_range(seen)
with torch.no_grad():
    targets = model(inputs).argmax(dim=1)

# %%
# Does the network mind which noise it is? With another patch in the same place:

other = to_model_range(occlude(pictures, Occlusion(patch.size, seed=1)))
with torch.no_grad():
    kept = (model(other).argmax(dim=1) == targets).double().mean()
print(f"{kept:.0%} of the predictions stay what they were")

# %%
# Not all of them: the network has learnt *this* patch, and another is not quite nothing to it.
# That is a caution for all that follows, since a map that shows the patch a little may be right.

# %%
# ## The maps
#
# Captum's methods with their signs, and RectGrad. The corner is the 8 x 8 pixels in which a
# filter of the first layer sees nothing but noise; that is 6.25 % of the picture.

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.evaluation.run_method import attribute

keys = ["saliency", "gradient-input", "guided-bp", "integrated", "deeplift", "rectgrad"]
methods = choose_methods([*keys, "rectgrad-prr"])
maps = {method.title: attribute(method, model, inputs, targets) for method in methods}

side = patch.size - 2
corner = torch.zeros(32, 32, dtype=torch.bool)
corner[:side, :side] = True

# %%

from captum_rectgrad.cli.explain import picture
from captum_rectgrad.plotting.maps import Row, plot_comparison

names = list(photographs())
rows = [
    Row(
        picture(model, inputs[5 * names.index(name)]),
        name,
        {
            method.title: maps[method.title][5 * names.index(name)]
            for method in choose_methods(["saliency", "guided-bp", "deeplift", "rectgrad"])
        },
    )
    for name in ("coffee", "astronaut", "motorcycle")
]
plot_comparison(
    rows, plt.figure("Three small photographs behind the patch of noise, and their maps")
)
plt.show()

# %%
# ## Sums and shares
#
# The paper adds up the absolute attribution in the corner. That number is proportional to a
# method's scale, and RectGrad's maps are small everywhere; so beside it stands the share of the
# map. The paper also cuts off all but the highest 5 % of the baselines' maps before it compares,
# and not of RectGrad's: both ways are below. Intervals are over the 15 photographs, not over the
# 75 pictures.

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.evaluation.map_metrics import amount_inside, share_inside
from captum_rectgrad.studies.compute.maps import final_threshold


def by_photograph(values: torch.Tensor) -> torch.Tensor:
    """The mean of the five pictures of each photograph; an empty map has no share."""
    return values.view(15, 5).nanmean(dim=1)


def in_words(share: Estimate) -> str:
    """The share and its 95 % interval, in per cent."""
    return f"{share.value:4.1%} ({share.low:4.1%} to {share.high:5.1%})"


print(f"{'':18}{'sum':>5}   {'share of the map':25}share of the highest 5 %")
shares = {}
for method in methods:
    found = maps[method.title]
    total = by_photograph(amount_inside(found, corner)).mean()
    share = shares[method.title] = mean(by_photograph(share_inside(found, corner)))
    top = final_threshold(found) if method.baseline else found
    top_share = mean(by_photograph(share_inside(top, corner)))
    print(f"{method.title:18}{total:5.2f}   {in_words(share):25}{in_words(top_share)}")

# %%

places = np.arange(len(shares))
values = np.array([[each.value, each.low, each.high] for each in shares.values()])
figure, axes = plt.subplots(
    num="For each method the share of its map in the corner, with an interval",
    figsize=(8, 3),
    layout="constrained",
)
below, above = values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]
axes.errorbar(values[:, 0], places, xerr=[below, above], fmt="o", color="#c43c00", capsize=3)
axes.axvline(float(corner.double().mean()), color="0.6", linestyle=":", label="the corner's area")
axes.set(title="share of the map in the corner of noise", xlim=(0, None))
axes.set_yticks(places, list(shares))
axes.invert_yaxis()
axes.legend()
plt.show()

# %%
# By the sum RectGrad does better than all of Captum's methods, by far. By the share it does not,
# on these photographs: what little it shows is in the corner about as often as anywhere, and its
# interval holds the corner's share of the area. A sum alone would have misled.

# %%
# ## What was measured on CIFAR-10
#
# Fifteen photographs of other things than the network was trained on are no test. The same
# question on 1,000 test images of CIFAR-10 is [recorded](../results/patch/report.md), with a
# control that the paper does not have: networks behind noise that is another in every image.
# There the order of the methods changes, and saliency has less in the corner than RectGrad. [What
# saliency maps show of the patch](../results/occluded-saliency/report.md) is figure 2 of the
# paper. To repeat both:
#
# ```
# rectgrad reproduce patch --preset quick --data cifar10
# rectgrad reproduce occluded-saliency --preset quick --data cifar10
# ```
