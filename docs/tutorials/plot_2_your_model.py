"""
# Your own model: timm, in place, functional

Methods that change the gradient at ReLUs have to find every ReLU. Hooks on modules miss
`F.relu(x)` and `x.relu_()`, and pass the plain gradient there, without a warning. RectGrad looks
for activations in the autograd graph instead. This page measures both, on two trained networks.
"""

# %%
# ## One network, written in three ways
#
# `cifar10_cnn` of the zoo has an `nn.ReLU` for every activation. Here it is again, with the same
# weights: once with functions, once in place and with a single module for all five.

import matplotlib.pyplot as plt
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

import rectgrad_zoo
from rectgrad_zoo.architectures.cifar10_cnn import Cifar10CNN


class Functional(Cifar10CNN):
    """The ReLUs are functions and tensor methods."""

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, 3, 32, 32)` to the logits `(N, 10)`."""
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(self.conv2(x).relu(), 2)
        x = F.relu(self.conv3(x), inplace=True)
        x = F.max_pool2d(self.conv4(x).relu_(), 2)
        logits: Tensor = self.fc2(torch.relu(self.fc1(x.flatten(1))))
        return logits


class InPlace(Cifar10CNN):
    """One ReLU, in place, used five times."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, 3, 32, 32)` to the logits `(N, 10)`."""
        x = self.relu(self.conv1(x))
        x = self.pool1(self.relu(self.conv2(x)))
        x = self.relu(self.conv3(x))
        x = self.pool2(self.relu(self.conv4(x)))
        logits: Tensor = self.fc2(self.relu(self.fc1(x.flatten(1))))
        return logits


modules = rectgrad_zoo.load("cifar10_cnn")
functional, in_place = Functional().eval(), InPlace().eval()
for network in (functional, in_place):
    network.load_state_dict(modules.state_dict())

photograph = Image.fromarray(skimage.data.chelsea())
image = rectgrad_zoo.transform(modules)(photograph)[None].requires_grad_()
target = int(modules(image).argmax())
print([bool(torch.equal(modules(image), network(image))) for network in (functional, in_place)])

# %%
# Three networks, one function. So a method's map should be one, too. What follows is how far each
# is from the method's own map of the network with modules, as a share of that map's largest
# value; and how far from the plain gradient.

import warnings
from collections.abc import Callable

import captum.attr

import captum_rectgrad
from captum_rectgrad import RectGrad

# Captum announces its hooks with a warning at every call.
warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU activations")

Attribute = Callable[[nn.Module, Tensor, int], Tensor]


def gradient(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """The plain gradient, with its sign."""
    found: Tensor = captum.attr.Saliency(model).attribute(x, target=target, abs=False)
    return found


def of_captum(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Guided backpropagation, from Captum."""
    found: Tensor = captum.attr.GuidedBackprop(model).attribute(x, target=target)
    return found


def of_rectgrad(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """RectGrad, as in the paper."""
    return RectGrad(model).attribute(x, target=target)


def of_this_package(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """Guided backpropagation again, by the mechanism of RectGrad."""
    return captum_rectgrad.GuidedBackprop(model).attribute(x, target=target)


def distance(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest value that is expected."""
    return float((found - expected).abs().max() / expected.abs().max())


methods: dict[str, Attribute] = {
    "Captum's GuidedBackprop": of_captum,
    "this package's GuidedBackprop": of_this_package,
    "RectGrad": of_rectgrad,
}
print(f"{'':40}from its own map  from the gradient")
for title, attribute in methods.items():
    own = attribute(modules, image, target)
    for written, network in (("functional", functional), ("in place", in_place)):
        found = attribute(network, image, target)
        plain = gradient(network, image, target)
        far, near = distance(found, own), distance(found, plain)
        print(f"{title:30}{written:10}{far:16.2g}  {near:17.2g}")

# %%
# Captum's `GuidedBackprop` **is** the plain gradient on the functional network: the distance is
# 0. Nothing warned. On the other network it is right, as the hooks of one module are called for
# each of its five calls. RectGrad is right on both, and so is guided backpropagation when it is
# done by the mechanism of this package. There are [harder cases](../hard-cases.md).

# %%
# ## A network of timm's
#
# Many networks have no `nn.ReLU` at all. `tf_efficientnet_lite0` is timm's, with trained weights;
# its activations are `nn.ReLU6`, in place.

import timm

from captum_rectgrad.cli.explain import picture
from captum_rectgrad.plotting.maps import Row, plot_comparison

model = rectgrad_zoo.load("tf_efficientnet_lite0")
names = [type(module).__name__ for module in model.modules()]
in_place_too = sum(getattr(module, "inplace", False) for module in model.modules())
print({name: names.count(name) for name in ("ReLU", "ReLU6")}, f"{in_place_too} of them in place")

image = rectgrad_zoo.transform(model)(photograph)[None].requires_grad_()
target = int(model(image).argmax())
plain = gradient(model, image, target)
guided = of_captum(model, image, target)
print(f"Captum's GuidedBackprop is {distance(guided, plain):.2g} from the plain gradient")

# %%
# The plain gradient once more, under another name: Captum hooks `nn.ReLU` and nothing else. Two
# columns of the picture are the same map.

maps: dict[str, Tensor | str] = {
    "plain gradient": plain[0],
    "Captum's GuidedBackprop": guided[0],
    "this package's GuidedBackprop": of_this_package(model, image, target)[0],
    "RectGrad": of_rectgrad(model, image, target)[0],
}
plot_comparison(
    [Row(picture(model, image[0].detach()), "as the model sees it", maps)],
    plt.figure("A cat; plain gradient and Captum's GuidedBackprop are one map, the others are not"),
)
plt.show()

# %%
# ## Any other of timm's
#
# `timm.create_model("resnet50.a1_in1k", pretrained=True).eval()` is a model like any other, and
# `rectgrad_zoo.load("resnet50.a1_in1k")` the same with its hash checked; `weights=` takes a state
# dict of yours. Both need a download the first time. What can be shown here without one, and so
# without sense in the map, is that an untrained ResNet with in-place ReLUs is served right:
# against a copy in which nothing is in place, and hooks and weights afterwards as before.

torch.manual_seed(0)
resnet = timm.create_model("resnet18", pretrained=False, num_classes=10).eval()
copy = timm.create_model("resnet18", pretrained=False, num_classes=10).eval()
copy.load_state_dict(resnet.state_dict())
for module in copy.modules():
    if isinstance(module, nn.ReLU):
        module.inplace = False

batch = torch.rand(2, 3, 96, 96)
before = {name: value.clone() for name, value in resnet.state_dict().items()}
found, expected = (RectGrad(each).attribute(batch, target=[1, 2]) for each in (resnet, copy))
print(f"distance {distance(found, expected):.2g}")
print("weights as before:", all(torch.equal(v, before[k]) for k, v in resnet.state_dict().items()))
print("hooks left:", sum(len(m._forward_hooks) + len(m._backward_hooks) for m in resnet.modules()))

# %%
# [97 of timm's 98 families](../timm-support.md) were compared with a naive reference in this way.
# The other is too large.
#
# ## What to look out for
#
# - **Logits, not probabilities.** A softmax at the end changes what is explained.
# - **`eval()`.** Batch normalisation in training mode mixes samples, and warns.
# - **All elementwise activations are thresholded**, the sigmoid of a squeeze-and-excite gate too,
#   as in the original. `RectGrad(model, activations=[nn.ReLU])` narrows it.
# - **A model without any activation that can be found warns**, since the map would be the plain
#   gradient:

linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 96 * 96, 10))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    RectGrad(linear).attribute(batch, target=1)
print(caught[0].message)
