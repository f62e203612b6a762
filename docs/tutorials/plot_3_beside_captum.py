"""
# Beside Captum's methods, and inside `NoiseTunnel`

`RectGrad` is a `captum.attr.GradientAttribution`. It stands in one loop with Captum's methods,
goes into Captum's `NoiseTunnel`, its metrics and its pictures.
"""

# %%
# ## One loop for all
#
# Two photographs that come with scikit-image, an ImageNet network, and the class it predicts for
# each. Captum's gradients want inputs that require them.

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
from captum_rectgrad.cli.explain import class_name, picture
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
# The scales have nothing to do with each other: compare shares of a map, not its values. In the
# picture every map has its own.


def compare(maps: dict[str, Tensor], name: str) -> None:
    """Draw both images, and their maps beside them; the name says what is seen."""
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
# SmoothGrad is the mean over noisy copies of the image, of whatever method is in the tunnel.
# Noise is 15 % of the range of the inputs here, and there are eight copies of each image; those
# of RectGrad are thresholded one by one, then averaged.

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
# Whether that is worth eight passes is for you to say: the mean is less sparse than a single map.

# %%
# ## Inside Captum's metrics
#
# `sensitivity_max` is how far a map moves, as a share of its length, when the image is changed a
# little; lower is steadier. (It is asked of the first image alone, with eight changes of 0.02 at
# most.)

from captum.metrics import sensitivity_max

# Captum tells its metrics' own inputs, too, that they do not require gradients.
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
# One image says nothing about other images. And a steady map need not be a right one: the image
# itself is the steadiest of all.

# %%
# ## Inside Captum's pictures
#
# `captum.attr.visualization` takes arrays of shape `(H, W, C)`. It refuses maps that are zero
# everywhere, which RectGrad's can be.

from captum.attr import visualization

figure, axes = plt.subplots(
    num="A cat in grey, RectGrad's map over it in red", figsize=(4, 4), layout="constrained"
)
visualization.visualize_image_attr(
    maps["RectGrad"][0].permute(1, 2, 0).numpy(),
    picture(model, images[0].detach()),
    method="blended_heat_map",
    sign="positive",
    cmap="Reds",
    outlier_perc=20,  # of what is attributed in all: drawn in full
    plt_fig_axis=(figure, axes),
    use_pyplot=False,
    title="RectGrad, drawn by Captum",
)
plt.show()

# %%
# ## Methods that are themselves, or say why not
#
# Captum's `GuidedBackprop` and `DeepLift` silently become something else on some networks
# ([measured here](plot_2_your_model.py) for the first). In this package's own comparisons both
# are held against an independent computation first, and where they are not themselves there is a
# reason in place of a map. Here is a network that uses one ReLU twice:

from torch import nn

from captum_rectgrad.evaluation.methods import choose_methods
from captum_rectgrad.evaluation.run_method import run

torch.manual_seed(0)
relu = nn.ReLU()
twice = nn.Sequential(
    nn.Conv2d(3, 8, 3), relu, nn.Conv2d(8, 8, 3), relu, nn.Flatten(), nn.Linear(8 * 28 * 28, 10)
).eval()
for each in choose_methods(["guided-bp", "deeplift", "rectgrad"]):
    outcome = run(each, twice, torch.rand(1, 3, 32, 32), target=3)
    print(f"{each.title:10}", outcome if isinstance(outcome, str) else "a map")

# %%
# `rectgrad explain --methods saliency,deeplift,rectgrad` draws such a comparison from the command
# line; `MODULE:NAME` adds any other method of Captum's.
