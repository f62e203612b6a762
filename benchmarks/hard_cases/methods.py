"""The methods in the table, each called as its documentation says."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import Tensor, nn

from benchmarks.hard_cases.nets import CLASSES
from captum_rectgrad import RectGrad

# Of a layer of 512 units, 51 pass: enough that something reaches the input of a small net.
PERCENTILE = 90

# From a model, images, the target and RectGrad's options to maps of the images' shape.
Attribute = Callable[[nn.Module, Tensor, int, dict[str, Any]], Tensor]


@dataclass(frozen=True)
class Method:
    """A column of the table.

    Attributes:
        title: its heading.
        attribute: what it does.
        package: the distribution that it comes from.
        module: its import name, where it is one of the peers that may not be installed.
        ours: whether it takes the options.
    """

    title: str
    attribute: Attribute = field(repr=False)
    package: str
    module: str | None = None
    ours: bool = False

    @property
    def installed(self) -> bool:
        """Whether it can be run."""
        return self.module is None or find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """The version of its distribution."""
        return version(self.package)


def rectgrad(model: nn.Module, x: Tensor, target: int, options: dict[str, Any]) -> Tensor:
    """RectGrad with the paper's defaults, but for the percentile."""
    maps: Tensor = RectGrad(model, **{"percentile": PERCENTILE, **options}).attribute(
        x, target=target
    )
    return maps


def captum_guided(model: nn.Module, x: Tensor, target: int, _: dict[str, Any]) -> Tensor:
    """Captum's guided backpropagation."""
    maps: Tensor = GuidedBackprop(model).attribute(x, target=target)
    return maps


def captum_deconvolution(model: nn.Module, x: Tensor, target: int, _: dict[str, Any]) -> Tensor:
    """Captum's deconvolution."""
    maps: Tensor = Deconvolution(model).attribute(x, target=target)
    return maps


def zennit_guided(model: nn.Module, x: Tensor, target: int, _: dict[str, Any]) -> Tensor:
    """Guided backpropagation of zennit: an attributor in a `with` statement, a one-hot output."""
    from zennit.attribution import Gradient  # noqa: PLC0415
    from zennit.composites import GuidedBackprop as Composite  # noqa: PLC0415

    def one_hot(output: Any) -> Tensor:
        rows = torch.eye(CLASSES, dtype=getattr(output, "dtype", x.dtype))
        return rows[[target] * len(x)]

    with Gradient(model=model, composite=Composite()) as attributor:
        _, maps = attributor(x, one_hot)
    result: Tensor = maps
    return result


def grad_cam_guided(model: nn.Module, x: Tensor, target: int, _: dict[str, Any]) -> Tensor:
    """pytorch-grad-cam's guided backpropagation: returns one image, channels last, in NumPy."""
    from pytorch_grad_cam import GuidedBackpropReLUModel  # noqa: PLC0415

    image = GuidedBackpropReLUModel(model=model, device="cpu")(x, target_category=target)
    return torch.from_numpy(image).permute(2, 0, 1)[None]


OURS = Method("RectGrad", rectgrad, "captum-rectgrad", ours=True)
METHODS = (
    OURS,
    Method("Captum GuidedBackprop", captum_guided, "captum"),
    Method("Captum Deconvolution", captum_deconvolution, "captum"),
    Method("zennit GuidedBackprop", zennit_guided, "zennit", "zennit"),
    Method("pytorch-grad-cam GuidedBackprop", grad_cam_guided, "grad-cam", "pytorch_grad_cam"),
)


def plain_gradient(model: nn.Module, x: Tensor, target: int) -> Tensor:
    """What a method gives that has done nothing."""
    leaf = x.detach().clone().requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (gradient,) = torch.autograd.grad(model(leaf)[:, target].sum(), leaf)
    return gradient
