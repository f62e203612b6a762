"""RectGrad with one choice made: the variants of the paper and its follow-up by name."""

from torch import nn

from captum_rectgrad.activations import Activations
from captum_rectgrad.rectgrad import RectGrad
from captum_rectgrad.rules import Rule


class RectGradPRR(RectGrad):
    """RectGrad with the proportional redistribution rule at max-pooling (appendix C.2).

    Smoother maps. On a model without max-pooling it is RectGrad. Arguments as in `RectGrad`.
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        rule: Rule = "PR1",
        padding_trick: bool = True,
        final_threshold: bool = True,
        multiply_by_inputs: bool = True,
        activations: Activations = None,
    ) -> None:
        super().__init__(
            model,
            percentile,
            tau,
            rule,
            padding_trick,
            prr=True,
            final_threshold=final_threshold,
            multiply_by_inputs=multiply_by_inputs,
            activations=activations,
        )


class RectGradMod(RectGrad):
    """PR1 at the last hidden activation before the output, PR2 at all others (figure 17).

    The paper's counterexample: it also follows units that speak against the class. Arguments as
    in `RectGrad`.
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        padding_trick: bool = True,
        prr: bool = False,
        final_threshold: bool = True,
        multiply_by_inputs: bool = True,
        activations: Activations = None,
    ) -> None:
        super().__init__(
            model,
            percentile,
            tau,
            "Mod",
            padding_trick,
            prr,
            final_threshold,
            multiply_by_inputs,
            activations,
        )


class RectGradConst(RectGrad):
    """RectGrad with one constant threshold for all layers (section 4.1 before the percentile).

    With the default `tau=0` and `padding_trick=False` it is guided backpropagation times input
    (claim 2). Other arguments as in `RectGrad`.
    """

    def __init__(
        self,
        model: nn.Module,
        tau: float = 0.0,
        rule: Rule = "PR1",
        padding_trick: bool = True,
        prr: bool = False,
        final_threshold: bool = True,
        multiply_by_inputs: bool = True,
        activations: Activations = None,
    ) -> None:
        super().__init__(
            model,
            None,
            tau,
            rule,
            padding_trick,
            prr,
            final_threshold,
            multiply_by_inputs,
            activations,
        )


class NoBiasRectGrad(RectGrad):
    """RectGrad without the multiplication by the input (Brocki and Chung 2020).

    Maps that do not favour bright pixels. Arguments as in `RectGrad`.
    """

    def __init__(
        self,
        model: nn.Module,
        percentile: float | None = None,
        tau: float | None = None,
        rule: Rule = "PR1",
        padding_trick: bool = True,
        prr: bool = False,
        final_threshold: bool = True,
        activations: Activations = None,
    ) -> None:
        super().__init__(
            model,
            percentile,
            tau,
            rule,
            padding_trick,
            prr,
            final_threshold,
            multiply_by_inputs=False,
            activations=activations,
        )
