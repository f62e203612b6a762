"""
# Compare with Captum's methods, and use NoiseTunnel

`RectGrad` is a `captum.attr.GradientAttribution`, with the interface of Captum's own methods. It
works with Captum's `NoiseTunnel`, metrics and plots.
"""

# %%
# ## Several methods
#
# The inputs are two photographs of scikit-image. The targets are the predictions of an ImageNet
# network. Captum's gradient methods expect inputs with `requires_grad`.

import warnings

import matplotlib.pyplot as plt
import torch
from captum.attr import (
    Attribution,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor

import rectgrad_zoo
from captum_rectgrad import RectGrad
from captum_rectgrad.explain.classes import class_name
from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.images import sample_images
from captum_rectgrad.plotting.maps import Row, plot_comparison

model = rectgrad_zoo.load("tf_efficientnet_lite0")
photographs = sample_images()
chosen = [photographs[name] for name in ("chelsea", "coffee")]
images = torch.stack([rectgrad_zoo.transform(model)(image) for image in chosen]).requires_grad_()
targets = model(images).argmax(dim=1)

calls: dict[str, tuple[Attribution, dict[str, object]]] = {
    "Saliency": (Saliency(model), {"abs": False}),
    "Input X Gradient": (InputXGradient(model), {}),
    "Integrated Gradients": (IntegratedGradients(model), {"n_steps": 20, "internal_batch_size": 8}),
    "RectGrad": (RectGrad(model), {}),
}
maps: dict[str, Tensor] = {
    title: method.attribute(images, target=targets, **options).detach()
    for title, (method, options) in calls.items()
}
for title, found in maps.items():
    nothing = (found.sum(dim=1) == 0).double().mean()
    print(f"{title:22}largest value {found.abs().max():.1e}, {nothing:.0%} of the pixels zero")

# %%
# The methods have different scales. Compare shares of a map or ranks, not values. In the figure
# each map has its own scale.


def compare(maps: dict[str, Tensor], name: str) -> None:
    """Draw both images and their maps in a figure with a descriptive name."""
    rows = [
        Row(
            picture(model, image),
            class_name(model, int(target)),
            {title: found[number] for title, found in maps.items()},
        )
        for number, (image, target) in enumerate(zip(images.detach(), targets, strict=True))
    ]
    plot_comparison(rows, plt.figure(name))
    plt.show()


compare(maps, "A cat and a cup of coffee, and their maps by four methods")

# %%
# ## Inside `NoiseTunnel`
#
# SmoothGrad is the mean of a method's maps over noisy copies of the image. Here the standard
# deviation of the noise is 15 % of the range of the inputs, and each image has eight copies.
# RectGrad has thresholds for each copy. The mean follows.

width = 0.15 * float(images.detach().max() - images.detach().min())
torch.manual_seed(0)
smooth: dict[str, Tensor] = {}
for title in ("Saliency", "RectGrad"):
    method, options = calls[title]
    tunnel = NoiseTunnel(method).attribute(
        images, nt_type="smoothgrad", nt_samples=8, stdevs=width, target=targets, **options
    )
    smooth |= {title: maps[title], f"{title} in NoiseTunnel": tunnel.detach()}
    nothing = (smooth[f"{title} in NoiseTunnel"].sum(dim=1) == 0).double().mean()
    print(f"{title} in NoiseTunnel: {nothing:.0%} of the pixels zero")

compare(smooth, "The same two with Saliency and RectGrad, alone and in NoiseTunnel")

# %%
# The mean is less sparse than a single map, and costs eight passes.
#
# - `stdevs` is in units of the normalised input.
# - `nt_samples_batch_size` is the number of noisy copies of each image in one pass. It limits the
#   memory.
# - RectGrad multiplies by the noisy copies. `NoBiasRectGrad(model)` gives the mean of the gradients
#   without the multiplication.
# - `final_threshold` sets negative values of each copy's map to zero before the mean. To apply the
#   threshold to the mean, use `RectGrad(model, final_threshold=False)` and clamp the result.

# %%
# ## Inside Captum's metrics
#
# `sensitivity_max` is the largest change of a map under small perturbations of the image, relative
# to the norm of the map. Lower is more stable. The code uses the first image and eight
# perturbations of at most 0.02.

from captum.metrics import sensitivity_max

# Captum warns about the inputs that its metrics create.
warnings.filterwarnings("ignore", message=r"Input Tensor \d+ did not already require gradients")
for title in ("Saliency", "RectGrad"):
    method, options = calls[title]
    torch.manual_seed(0)
    moved = sensitivity_max(
        method.attribute,
        images[:1].detach(),
        perturb_radius=0.02,
        n_perturb_samples=8,
        target=targets[:1],
        **options,
    )
    print(f"{title:10}{float(moved):.2f}")

# %%
# One image does not represent all images. A stable map is not necessarily correct: the image itself
# would be a perfectly stable map.

# %%
# ## Inside Captum's plots
#
# `captum.attr.visualization` takes arrays of shape `(H, W, C)`. It raises an error for all-zero
# maps, which RectGrad can return. Matplotlib omits or blurs pixels of a sparse map unless each of
# them has a whole number of pixels in the figure, here 2 x 2 at 100 dpi. `plot_comparison` ensures
# this itself.

from captum.attr import visualization

figure = plt.figure("A cat in grey, RectGrad's map over it in red", figsize=(4.48, 4.78), dpi=100)
axes = figure.add_axes((0, 0, 1, 4.48 / 4.78))
visualization.visualize_image_attr(
    maps["RectGrad"][0].permute(1, 2, 0).numpy(),
    picture(model, images[0].detach()),
    method="blended_heat_map",
    sign="positive",
    cmap="Reds",
    outlier_perc=20,  # the largest values, 20 % of the total attribution, are set to 1
    plt_fig_axis=(figure, axes),
    use_pyplot=False,
    title="RectGrad, drawn by Captum",
)
plt.show()

# %%
# ## Models that Captum's hooks do not support
#
# Captum's `GuidedBackprop` and `Deconvolution` modify the gradient at `nn.ReLU` modules only. At
# `F.relu` and at ReLU6 they return the plain gradient without a warning ([the previous
# tutorial](plot_2_your_model.py) measures it). There are two alternatives:
#
# - `GuidedBackprop`, `Deconvolution` and `Saliency` of this package have Captum's names, arguments
#   and defaults. They are correct on every model that RectGrad supports. Only the import changes.
# - `captum_compatible(model)` returns an equivalent copy of the model without in-place operations
#   and with every `nn.ReLU6` replaced by ReLUs. It does not replace `F.relu` by modules.

import captum.attr
from torch import nn

import captum_rectgrad
from captum_rectgrad.evaluation.captum_compatible import captum_compatible

warnings.filterwarnings("ignore", message="Setting (forward, )?backward hooks on ReLU")
torch.manual_seed(0)
lite = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.ReLU6(inplace=True), nn.Flatten(), nn.Linear(8 * 30 * 30, 10)
).eval()
small = torch.rand(2, 3, 32, 32, requires_grad=True)
ours = captum_rectgrad.GuidedBackprop(lite).attribute(small, target=3)
for title, net in (("the model", lite), ("captum_compatible", captum_compatible(lite))):
    theirs = captum.attr.GuidedBackprop(net).attribute(small, target=3)
    print(f"{title:18}largest difference {(theirs - ours).abs().max():.0e}")

# %%
# The comparisons of this package first compare `GuidedBackprop` and `DeepLift` of Captum with an
# independent computation. If a method is incorrect, the comparison returns the reason instead of a
# map. The network below calls one ReLU twice:

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.evaluation.run_method import run

relu = nn.ReLU()
twice = nn.Sequential(
    nn.Conv2d(3, 8, 3), relu, nn.Conv2d(8, 8, 3), relu, nn.Flatten(), nn.Linear(8 * 28 * 28, 10)
).eval()
for each in choose_methods(["guided-bp", "deeplift", "rectgrad"]):
    outcome = run(each, twice, torch.rand(1, 3, 32, 32), target=3)
    print(f"{each.title:10}", outcome if isinstance(outcome, str) else "a map")

# %%
# `choose_methods` has the methods that the papers compare, with the papers' arguments. `rectgrad
# explain --methods saliency,deeplift,rectgrad` draws such a comparison on the command line.
# `MODULE:NAME` adds any other Captum method.
