"""
# Choosing q, the padding trick and PRR

RectGrad has one number, the percentile `q` (98 by default), and two switches: the padding trick and
proportional redistribution (PRR). This tutorial measures their effects. It shows when `q` has no
effect and when a map is all zero.
"""

# %%
# ## The effect of q
#
# The score of a unit is its activation times the output gradient. At every activation, the `q` per
# cent of the units with the lowest scores do not pass the gradient. A higher `q` gives a sparser
# map.

import matplotlib.pyplot as plt
import torch

import rectgrad_zoo
from captum_rectgrad import RectGrad
from captum_rectgrad.explain.classes import class_name
from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.images import photographs
from captum_rectgrad.plotting.maps import Row, plot_comparison

model = rectgrad_zoo.load("tf_efficientnet_lite0")
image = rectgrad_zoo.transform(model)(photographs()["chelsea"])[None]
target = int(model(image).argmax())

maps = {
    f"q = {q:g}": RectGrad(model, percentile=q).attribute(image, target=target)[0]
    for q in (50, 90, 98, 99.5)
}
plot_comparison(
    [Row(picture(model, image[0]), class_name(model, target), maps)],
    plt.figure("A cat, and its RectGrad maps at q = 50, 90, 98, 99.5: fewer and fewer pixels"),
)
plt.show()

# %%
# ## Thresholds at zero
#
# Most scores are exactly zero, because most units are inactive or have no gradient. If the
# percentile is among these scores, the threshold is zero for any `q`.
# `return_layer_statistics=True` returns the threshold of every activation.

percentiles = (0.0, 10.0, 20.0, 50.0, 80.0, 90.0, 95.0, 98.0, 99.5)
at_zero, below_zero, left = [], [], []
for q in percentiles:
    whole, layers = RectGrad(model, percentile=q).attribute(
        image, target=target, return_layer_statistics=True
    )
    thresholds = [float(layer.threshold) for layer in layers if layer.threshold is not None]
    at_zero.append(sum(threshold == 0 for threshold in thresholds))
    below_zero.append(sum(threshold < 0 for threshold in thresholds))
    left.append(float((whole.sum(dim=1) != 0).double().mean()))
    print(
        f"q = {q:4g}: of {len(layers)} thresholds {below_zero[-1]} below zero, "
        f"{at_zero[-1]} at zero; "
        f"{left[-1]:.0%} of the pixels are left"
    )

names = [f"{q:g}" for q in percentiles]
figure, axes = plt.subplots(
    1,
    2,
    num="Thresholds below zero and at zero for each q, and the share of pixels left",
    figsize=(9, 3),
    layout="constrained",
)
axes[0].bar(names, below_zero, color="#2a6a9e", label="below zero")
axes[0].bar(names, at_zero, bottom=below_zero, color="0.8", label="exactly zero")
axes[0].set(title=f"thresholds of {len(layers)} layers", xlabel="q", ylabel="layers")
axes[0].legend()
axes[1].plot(names, left, "o-", color="#c43c00")
axes[1].set(title="pixels that are not zero", xlabel="q", ylabel="share", ylim=(0, 1))
plt.show()

# %%
# If all thresholds are zero, `q` has no effect: the map at q = 50 equals the map of `tau=0`, bit
# for bit. Without the padding trick, the map of `tau=0` is the positive part of guided
# backpropagation times the input (claim 2 of the paper).

from captum_rectgrad import GuidedBackprop, RectGradConst

half = RectGrad(model, percentile=50).attribute(image, target=target)
constant = RectGradConst(model, tau=0).attribute(image, target=target)
print("q = 50 is tau = 0:", torch.equal(half, constant))

untricked = RectGradConst(model, tau=0, padding_trick=False).attribute(image, target=target)
guided = GuidedBackprop(model).attribute(image, target=target) * image
print(
    f"largest difference to guided backpropagation: {(untricked - guided.relu()).abs().max():.1g}"
)

# %%
# For this image, `q` has no effect where all thresholds are zero. For lower `q`, units with
# negative scores pass as well. Only a high `q` removes more units than guided backpropagation. The
# paper and the default use 98.

# %%
# ## All-zero maps: narrow layers
#
# The threshold is one of the layer's scores, the nearest rank. A unit passes only **above** it.
# With 25 units or fewer and q = 98, the threshold is the highest score, and no unit passes.

import warnings

from torch import nn

torch.manual_seed(0)
narrow = nn.Sequential(
    nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 30 * 30, 20), nn.ReLU()
).append(nn.Linear(20, 10))
small = torch.rand(1, 3, 32, 32)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    empty = RectGrad(narrow).attribute(small, target=3)
print(f"{int(empty.count_nonzero())} values are not zero")
print(caught[0].message)

# %%
# The warning names the layer. There are two solutions: a lower `q`, or the exclusion of the layer
# from the rule.

lower = RectGrad(narrow, percentile=90).attribute(small, target=3)
without = RectGrad(narrow, activations=[narrow[1]]).attribute(small, target=3)
print(f"q = 90: {int(lower.count_nonzero())}; without the layer: {int(without.count_nonzero())}")

# %%
# ## The padding trick
#
# Padding creates an artificial edge at the border of the image. The padding trick sets a border of
# one pixel of the gradient to zero before every padded convolution (appendix C.1). The code uses
# the network of the paper's CIFAR-10 experiments, on photographs resized to 32 x 32. The
# photographs are not of the network's classes. The explained class is the predicted class.

from captum_rectgrad.evaluation.map_metrics import relative_total_variation, share_inside

cifar = rectgrad_zoo.load("cifar10_cnn")
pictures = list(photographs().values())
inputs = torch.stack([rectgrad_zoo.transform(cifar)(each) for each in pictures])
targets = cifar(inputs).argmax(dim=1)

border = torch.ones(32, 32, dtype=torch.bool)
border[1:-1, 1:-1] = False
with_trick = RectGrad(cifar).attribute(inputs, target=targets)
without_trick = RectGrad(cifar, padding_trick=False).attribute(inputs, target=targets)
print(f"of the area      {border.double().mean():.1%}")
for title, found in (("with the trick", with_trick), ("without", without_trick)):
    print(f"{title:16} {share_inside(found, border).mean():.1%} of the map on the border")

# %%
# ## PRR
#
# Max-pooling passes the gradient to the largest unit of a window. The proportional redistribution
# rule distributes it in proportion to the activations (appendix C.2). It has an effect only on
# networks with max-pooling, so not on `tf_efficientnet_lite0`.

from captum_rectgrad import RectGradPRR

redistributed = RectGradPRR(cifar).attribute(inputs, target=targets)
for title, found in (("RectGrad", with_trick), ("RectGrad PRR", redistributed)):
    rough = relative_total_variation(found).nanmean()
    pixels = (found.sum(dim=1) != 0).double().mean()
    print(f"{title:13} roughness {rough:.2f}, {pixels:.0%} of the pixels not zero")

shown = [list(photographs()).index(name) for name in ("coffee", "motorcycle", "rocket")]
columns = {
    "without the trick": without_trick,
    "RectGrad": with_trick,
    "RectGrad PRR": redistributed,
}
rows = [
    Row(
        picture(cifar, inputs[number]),
        f"taken for: {class_name(cifar, int(targets[number]))}",
        {title: found[number] for title, found in columns.items()},
    )
    for number in shown
]
plot_comparison(
    rows,
    plt.figure("Three photographs, and their maps without the padding trick, with it, with PRR"),
)
plt.show()

# %%
# Roughness is the total variation per unit of attribution, averaged over 15 photographs. Here the
# effect of PRR is small. [The recorded results](../results/total-variation/report.md) have the
# roughness on test images of CIFAR-10, with intervals.
