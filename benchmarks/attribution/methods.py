"""The measured methods. Each one is built once per network and called repeatedly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from captum.attr import GuidedBackprop, InputXGradient, Saliency
from torch import Tensor, nn

from benchmarks.attribution.quantile_port import quantile_port
from captum_rectgrad import RectGrad

PERCENTILE = 98.0

# From images and targets, `(N,)`, to maps.
Attribute = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Method:
    """A column of the table.

    Attributes:
        key: name in the record.
        title: heading of the column.
        made: function from a network to an attribution function.
        module: import name of an optional package.
    """

    key: str
    title: str
    made: Callable[[nn.Module], Attribute] = field(repr=False)
    module: str | None = None

    @property
    def installed(self) -> bool:
        """Whether the package of the method is installed."""
        return self.module is None or find_spec(self.module) is not None


def _rectgrad(**options: Any) -> Callable[[nn.Module], Attribute]:
    def made(model: nn.Module) -> Attribute:
        method = RectGrad(model, percentile=PERCENTILE, **options)
        return lambda images, target: method.attribute(images, target=target)

    return made


def _captum(kind: Callable[[nn.Module], Any]) -> Callable[[nn.Module], Attribute]:
    def made(model: nn.Module) -> Attribute:
        method = kind(model)
        return lambda images, target: method.attribute(images, target=target)

    return made


def _zennit(model: nn.Module) -> Attribute:
    from zennit.attribution import Gradient  # noqa: PLC0415
    from zennit.composites import GuidedBackprop as Composite  # noqa: PLC0415

    def attribute(images: Tensor, target: Tensor) -> Tensor:
        def one_hot(output: Tensor) -> Tensor:
            return torch.eye(output.shape[1], dtype=output.dtype, device=output.device)[target]

        with Gradient(model=model, composite=Composite()) as attributor:
            _, maps = attributor(images, one_hot)
        result: Tensor = maps
        return result

    return attribute


def _grad_cam(model: nn.Module) -> Attribute:
    """The method processes one image at a time."""
    from pytorch_grad_cam import GuidedBackpropReLUModel  # noqa: PLC0415

    device = next(model.parameters()).device
    method = GuidedBackpropReLUModel(model=model, device=device)

    def attribute(images: Tensor, target: Tensor) -> Tensor:
        maps = [
            torch.from_numpy(method(image[None], target_category=label))
            for image, label in zip(images, target.tolist(), strict=True)
        ]
        return torch.stack(maps).movedim(-1, 1)

    return attribute


BASELINE = Method("saliency", "Saliency", _captum(Saliency))
RECTGRAD = Method("rectgrad", "RectGrad", _rectgrad())
METHODS = (
    BASELINE,
    RECTGRAD,
    Method("rectgrad-no-padding", "RectGrad, no padding trick", _rectgrad(padding_trick=False)),
    Method("rectgrad-prr", "RectGrad PRR", _rectgrad(prr=True)),
    Method("quantile-port", "Port with `torch.quantile`", lambda m: quantile_port(m, PERCENTILE)),
    Method("guided-backprop", "Captum GuidedBackprop", _captum(GuidedBackprop)),
    Method("input-x-gradient", "Captum InputXGradient", _captum(InputXGradient)),
    Method("zennit", "zennit GuidedBackprop", _zennit, "zennit"),
    Method("grad-cam", "pytorch-grad-cam GuidedBackprop", _grad_cam, "pytorch_grad_cam"),
)
