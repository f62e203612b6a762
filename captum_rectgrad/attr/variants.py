"""The variants of RectGrad in the paper and its follow-up."""

from torch import nn
from typing_extensions import Unpack

from captum_rectgrad.attr.options import (
    OptionsButMultiplication,
    OptionsButPRR,
    OptionsButRule,
    OptionsButThreshold,
)
from captum_rectgrad.attr.rectgrad import RectGrad


class RectGradPRR(RectGrad):
    """RectGrad with the proportional redistribution rule at max-pooling (appendix C.2).

    The maps are smoother. Without max-pooling, the method equals RectGrad. Arguments as in
    `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import RectGradPRR
        >>> model = nn.Sequential(
        ...     nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10)
        ... )
        >>> RectGradPRR(model, percentile=90).attribute(torch.rand(2, 3, 8, 8), target=4).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        **options: Unpack[OptionsButPRR],
    ) -> None:
        super().__init__(model, percentile, tau, prr=True, **options)


class RectGradMod(RectGrad):
    """RectGrad with PR1 at the last hidden activation and PR2 at all other activations (figure 17).

    The paper's counterexample: the method also propagates through units with negative
    contributions. Arguments as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import RectGradMod
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> RectGradMod(model, percentile=90).attribute(torch.rand(2, 3, 8, 8), target=4).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        **options: Unpack[OptionsButRule],
    ) -> None:
        super().__init__(model, percentile, tau, rule="Mod", **options)


class RectGradConst(RectGrad):
    """RectGrad with a constant threshold for all layers (section 4.1).

    With the default `tau=0` and `padding_trick=False`, the method equals the positive part of
    guided backpropagation times input (claim 2). Other arguments as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import RectGradConst
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> RectGradConst(model).attribute(torch.rand(2, 3, 8, 8), target=4).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self, model: nn.Module, tau: float = 0.0, **options: Unpack[OptionsButThreshold]
    ) -> None:
        super().__init__(model, None, tau, **options)


class NoBiasRectGrad(RectGrad):
    """RectGrad without the multiplication by the input (Brocki and Chung 2020).

    The maps do not favour bright pixels. Arguments as in `RectGrad`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from captum_rectgrad import NoBiasRectGrad
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 10))
        >>> NoBiasRectGrad(model, percentile=90).attribute(torch.rand(2, 3, 8, 8), target=4).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        **options: Unpack[OptionsButMultiplication],
    ) -> None:
        super().__init__(model, percentile, tau, multiply_by_inputs=False, **options)
