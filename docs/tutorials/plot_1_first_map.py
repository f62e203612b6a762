"""
# A first map

A classifier predicts a class. An attribution map has one number per pixel, its contribution to
the class. The plain gradient is a noisy attribution map. In Rectified Gradient (RectGrad), only the
units with the largest contribution propagate the gradient at each layer. The map consists of a few
sharp regions.

This tutorial computes the map of a photograph, and then the map of a custom model. It needs Python
3.10 or newer and no GPU. It also runs as a script, in a checkout of the repository:

```
pip install '.[imagenet]'
python docs/tutorials/plot_1_first_map.py
```

Without a display, replace `plt.show()` by `plt.savefig("map.png")`.
"""

# %%
# ## A model and a photograph
#
# `tf_efficientnet_lite0` is an ImageNet network. The extra `imagenet` contains its weights.
# scikit-image contains a photograph of a cat. This tutorial downloads nothing.

import skimage.data
import torch
from PIL import Image

import rectgrad_zoo

model = rectgrad_zoo.load("tf_efficientnet_lite0")
photograph = Image.fromarray(skimage.data.chelsea())
image = rectgrad_zoo.transform(model)(photograph)[None]  # (1, 3, 224, 224)

with torch.no_grad():
    probabilities = model(image).softmax(dim=1)[0]
labels = rectgrad_zoo.labels(model) or []
for index in probabilities.topk(3).indices.tolist():
    print(f"{probabilities[index]:.0%}  class {index}, {labels[index]}")

# %%
# ## The map
#
# `RectGrad` has the interface of [Captum](https://captum.ai): the arguments are a model, inputs and
# the class to explain. The result has the shape of the inputs.

from captum_rectgrad import RectGrad

target = int(probabilities.argmax())
attributions = RectGrad(model).attribute(image, target=target)

print(tuple(attributions.shape))
print(f"{(attributions[0].sum(dim=0) != 0).float().mean():.0%} of the pixels are not zero")

# %%
# ## The plot
#
# `plot_comparison` draws images in rows and methods in columns. It sums the three channels of a
# map and clips extreme values. Red pixels contribute to the class, blue pixels contribute against
# it. Captum's `Saliency`, the plain gradient, is drawn beside RectGrad.

import matplotlib.pyplot as plt
from captum.attr import Saliency

from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.maps import Row, plot_comparison

image.requires_grad_()
gradient = Saliency(model).attribute(image, target=target, abs=False)

maps = {"Saliency": gradient[0], "RectGrad": attributions[0]}
plot_comparison(
    [Row(picture(model, image[0].detach()), labels[target], maps)],
    plt.figure("A cat; its saliency map is noise all over, RectGrad's is at the eyes and the nose"),
)
plt.show()

# %%
# ## A custom model
#
# RectGrad accepts any PyTorch classifier that returns logits, one row per image. The model below
# uses functional ReLUs. A map is informative only for a trained model, so the model is trained on
# images that the package generates: ten shapes on textures.

import torch.nn.functional as F
from torch import Tensor, nn

from captum_rectgrad.plotting.single_map import plain, plot_map
from captum_rectgrad.plotting.whole_pixels import draw_pixels
from captum_rectgrad.studies.data.shapes import SHAPE_CLASSES, shapes


class MyModel(nn.Module):
    """Three convolutions, and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 32, 3, padding=1)
        self.third = nn.Conv2d(32, 64, 3, padding=1)
        self.last = nn.Linear(64 * 8 * 8, len(SHAPE_CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, 3, 32, 32)` to the logits `(N, 10)`."""
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.max_pool2d(F.relu(self.second(x)), 2)
        x = F.relu(self.third(x))
        logits: Tensor = self.last(x.flatten(1))
        return logits


torch.manual_seed(0)
mine = MyModel()
optimizer = torch.optim.Adam(mine.parameters(), lr=0.002)
learnt, unseen = shapes(3000, seed=1), shapes(500, seed=2)
for _ in range(6):
    for batch in torch.randperm(len(learnt)).split(50):
        optimizer.zero_grad()
        logits = mine(learnt.images[batch] / 127.5 - 1)
        F.cross_entropy(logits, learnt.labels[batch]).backward()
        optimizer.step()

mine.eval()
inputs = unseen.images / 127.5 - 1
with torch.no_grad():
    predicted = mine(inputs).argmax(dim=1)
print(f"{(predicted == unseen.labels).float().mean():.0%} of 500 new shapes are recognised")

# %%
# The call is the same, here for a batch of images with one class per image. `plot_map` draws a
# single map on given axes, `draw_pixels` an image with the same pixels.

right = torch.nonzero(predicted == unseen.labels)[:6, 0]
found = RectGrad(mine).attribute(inputs[right], target=predicted[right])

figure, axes = plt.subplots(
    2,
    6,
    num="Six shapes, and below each its RectGrad map, parts of the outline",
    figsize=(9, 3.2),
    layout="constrained",
)
for column, number in enumerate(right.tolist()):
    draw_pixels(axes[0, column], unseen.images[number].permute(1, 2, 0).numpy() / 255)
    plain(axes[0, column])
    axes[0, column].set_title(SHAPE_CLASSES[predicted[number]])
    plot_map(found[column], axes[1, column])
plt.show()

# %%
# ## Next steps
#
# - `captum_rectgrad.show(model, "photo.jpg")` makes the first figure in one call.
# - The command line needs no Python code: `rectgrad explain photo.jpg --out map.png`.
# - In most libraries, hooks miss functional ReLUs. [The next tutorial](plot_2_your_model.py)
#   measures the effect.
# - A sharp map is not necessarily correct: see [When not to trust a
#   map](../when-not-to-trust-a-map.md).
