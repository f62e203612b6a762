"""
# Custom models: timm, in-place and functional ReLUs

Methods that modify the gradient at ReLUs must find every ReLU. Hooks on modules miss `F.relu(x)`
and `x.relu_()`, which then pass the plain gradient without a warning. RectGrad finds activations in
the autograd graph. This tutorial compares both approaches on two trained networks.
"""

# %%
# ## Three implementations of one network
#
# `cifar10_cnn` of the zoo has one `nn.ReLU` per activation. The two classes below use the same
# weights. The first uses functions. The second uses one in-place module for all five activations.

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
# The three networks compute the same function, so a method should give the same map. The table has
# two distances for each method and network: to the method's map of the network with modules, and to
# the plain gradient. Both are relative to the largest value of the reference map.

import warnings
from collections.abc import Callable

import captum.attr

import captum_rectgrad
from captum_rectgrad import RectGrad

# Captum warns about its hooks at every call.
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
    """Guided backpropagation, from this package."""
    return captum_rectgrad.GuidedBackprop(model).attribute(x, target=target)


def distance(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    return float((found - expected).abs().max() / expected.abs().max())


methods: dict[str, Attribute] = {
    "Captum's GuidedBackprop": of_captum,
    "this package's GuidedBackprop": of_this_package,
    "RectGrad": of_rectgrad,
}
print(f"{'':42}to its own map    to the gradient")
for title, attribute in methods.items():
    own = attribute(modules, image, target)
    for written, network in (("functional", functional), ("in place", in_place)):
        found = attribute(network, image, target)
        plain = gradient(network, image, target)
        far, near = distance(found, own), distance(found, plain)
        print(f"{title:30}{written:10}{far:16.2g}  {near:17.2g}")

# %%
# On the functional network, Captum's `GuidedBackprop` equals the plain gradient: the distance is 0.
# There is no warning. On the in-place network it is correct, because the hooks of a module run at
# each of its five calls. RectGrad and `GuidedBackprop` of this package are correct on both
# networks. [Hard cases](../hard-cases.md) has more networks.

# %%
# ## A network of timm
#
# Many networks have no `nn.ReLU`. The activations of timm's `tf_efficientnet_lite0` are in-place
# `nn.ReLU6` modules.

import timm

from captum_rectgrad.explain.preprocessing import picture
from captum_rectgrad.plotting.maps import Row, plot_comparison

model = rectgrad_zoo.load("tf_efficientnet_lite0")
names = [type(module).__name__ for module in model.modules()]
in_place_too = sum(getattr(module, "inplace", False) for module in model.modules())
print({name: names.count(name) for name in ("ReLU", "ReLU6")}, f"{in_place_too} of them in place")

image = rectgrad_zoo.transform(model)(photograph)[None].requires_grad_()
target = int(model(image).argmax())
plain = gradient(model, image, target)
guided = of_captum(model, image, target)
print(f"distance of Captum's GuidedBackprop to the plain gradient: {distance(guided, plain):.2g}")

# %%
# Captum's hooks are on `nn.ReLU` only, so its `GuidedBackprop` equals the plain gradient. The first
# two columns of the figure show the same map.

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
# ## Other networks of timm
#
# RectGrad accepts `timm.create_model("resnet50.a1_in1k", pretrained=True).eval()`.
# `rectgrad_zoo.load("resnet50.a1_in1k")` loads the same network and verifies its hash. Its argument
# `weights=` takes a local state dict. Both need a download on the first call. The code below uses
# an untrained ResNet instead. It compares the map of a network with in-place ReLUs to the map of a
# copy without in-place ReLUs. It also verifies that hooks and weights of the network do not change.

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
print("weights equal:", all(torch.equal(v, before[k]) for k, v in resnet.state_dict().items()))
print("hooks left:", sum(len(m._forward_hooks) + len(m._backward_hooks) for m in resnet.modules()))

# %%
# [97 of timm's 98 families](../timm-support.md) were compared with a naive reference. The remaining
# family is too large.
#
# ## Requirements
#
# - **The model returns logits.** A softmax at the end changes the explained output.
# - **The model is in `eval()` mode.** Batch normalisation in training mode mixes samples and gives
#   a warning.
# - **The rule applies to all elementwise activations**, including the sigmoid of a
#   squeeze-and-excite gate, as in the original code. `RectGrad(model, activations=[nn.ReLU])`
#   restricts the rule to ReLUs.
# - **The model has activations.** Otherwise the map is the plain gradient, with a warning:

linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 96 * 96, 10))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    RectGrad(linear).attribute(batch, target=1)
print(caught[0].message)
