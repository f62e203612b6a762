"""
# Do maps highlight noise?

Kim et al. (2019, section 5.3) add one fixed patch of random pixels to the upper left corner of
every training and test image. The patch has no information about the class, so attributions in the
patch are noise. The zoo has such a network. This tutorial computes its maps of photographs,
offline. The last section links to the recorded measurement on CIFAR-10.
"""

# %%
# ## The network and its patch
#
# `cifar10_cnn_occluded` is the CNN of the paper's appendix F.2. Its recipe defines the patch.

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
# ## Images
#
# The network requires images of 32 x 32 pixels. Each of the 15 photographs of scikit-image gives
# five images: the photograph and its quarters.


def five(photograph: Image.Image) -> list[Image.Image]:
    """The photograph and its quarters, resized to 32 x 32."""
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
# The next cell compares the predictions with those for a different patch in the same place:

other = to_model_range(occlude(pictures, Occlusion(patch.size, seed=1)))
with torch.no_grad():
    kept = (model(other).argmax(dim=1) == targets).double().mean()
print(f"{kept:.0%} of the predictions do not change")

# %%
# Some predictions change, because the network was trained with *this* patch. The network therefore
# depends slightly on the patch, and small attributions in the patch may be correct.

# %%
# ## The maps
#
# The methods are Captum's, with signed maps, and RectGrad. The corner has 8 x 8 pixels, 6.25 % of
# the image. The filters of the first layer at these pixels depend on the patch alone.

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.evaluation.run_method import attribute

keys = ["saliency", "gradient-input", "guided-bp", "integrated", "deeplift", "rectgrad"]
methods = choose_methods([*keys, "rectgrad-prr"])
maps = {method.title: attribute(method, model, inputs, targets) for method in methods}

side = patch.size - 2
corner = torch.zeros(32, 32, dtype=torch.bool)
corner[:side, :side] = True

# %%

from captum_rectgrad.explain.preprocessing import picture
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
# The paper sums the absolute attribution in the corner. The sum is proportional to the scale of a
# method, and RectGrad's values are small everywhere. The table therefore also has the share of the
# map. In addition, the paper keeps only the highest 5 % of the baselines' maps, but all of
# RectGrad's. The table has both variants. Intervals are over the 15 photographs, not over the 75
# images.

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.intervals import mean
from captum_rectgrad.evaluation.map_metrics import amount_inside, share_inside
from captum_rectgrad.studies.compute.maps import final_threshold


def by_photograph(values: torch.Tensor) -> torch.Tensor:
    """The mean over the five images of each photograph; empty maps are omitted."""
    return values.view(15, 5).nanmean(dim=1)


def in_words(share: Estimate) -> str:
    """Format the share and its 95 % interval in per cent."""
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
# RectGrad's sum is far lower than the sums of Captum's methods. Its share is not lower on these
# photographs: the interval contains the corner's share of the area. The sum alone is misleading.

# %%
# ## Results on CIFAR-10
#
# Fifteen photographs of other classes are not a test of the method. [The recorded
# results](../results/patch/report.md) use 1,000 test images of CIFAR-10 and a control that the
# paper does not have: networks trained with a different noise patch in every image. With this
# control the order of the methods changes, and saliency's share in the corner is lower than
# RectGrad's. [The study of saliency maps](../results/occluded-saliency/report.md) is figure 2 of
# the paper. The following commands repeat both studies:
#
# ```
# rectgrad reproduce patch --preset quick --data cifar10
# rectgrad reproduce occluded-saliency --preset quick --data cifar10
# ```
