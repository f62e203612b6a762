"""Captum's own test configurations, with the methods of this package in place of Captum's.

Captum ships the table its test suite is generated from: models, inputs, targets, layers, neurons.
All of its entries are re-run, also those meant for methods of another kind (DeepLIFT, ablation),
less the arguments that only those methods have. Entries are run with RectGrad, LayerRectGrad or
NeuronRectGrad and with one other method of that kind in turn: the methods are settings of one
mechanism, and `tests/captum_rectgrad` says what each computes.
"""

import copy
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from captum.attr import NoiseTunnel
from captum.testing.attr.helpers.gen_test_utils import get_target_layer, parse_test_config
from captum.testing.attr.helpers.test_config import config
from captum.testing.helpers.basic_models import BasicModel_ConvNet
from torch import Tensor, nn

from captum_rectgrad import (
    Deconvolution,
    GuidedBackprop,
    LayerDeconvolution,
    LayerGuidedBackprop,
    LayerRectGrad,
    NeuronDeconvolution,
    NeuronGradient,
    NeuronGuidedBackprop,
    NeuronRectGrad,
    NoBiasRectGrad,
    RectGrad,
    RectGradConst,
    RectGradMod,
    RectGradPRR,
    Saliency,
)

Arguments: TypeAlias = dict[str, Any]
Factory: TypeAlias = Callable[..., Any]

# Captum's layers have four units of which three are equal. At the default percentile nothing passes
# these, and all checks would compare zeros; at the tenth the threshold is the smallest score.
OPEN: Arguments = {"percentile": 10, "final_threshold": False}

INPUT_METHODS: dict[str, Factory] = {
    "RectGrad": partial(RectGrad, **OPEN),
    "RectGradPRR": partial(RectGradPRR, **OPEN),
    "RectGradMod": partial(RectGradMod, **OPEN),
    "RectGradConst": partial(RectGradConst, tau=0, final_threshold=False),
    "NoBiasRectGrad": partial(NoBiasRectGrad, **OPEN),
    "Saliency": Saliency,
    "Deconvolution": Deconvolution,
    "GuidedBackprop": GuidedBackprop,
}
LAYER_METHODS: dict[str, Factory] = {
    "LayerRectGrad": partial(LayerRectGrad, **OPEN),
    "LayerDeconvolution": LayerDeconvolution,
    "LayerGuidedBackprop": LayerGuidedBackprop,
}
NEURON_METHODS: dict[str, Factory] = {
    "NeuronRectGrad": partial(NeuronRectGrad, **OPEN),
    "NeuronGradient": NeuronGradient,
    "NeuronDeconvolution": NeuronDeconvolution,
    "NeuronGuidedBackprop": NeuronGuidedBackprop,
}

# Arguments of the methods that ours stand in for, which a gradient does not have: reference
# points, numbers of steps or of samples, and what is perturbed at a time.
FOREIGN = {"baselines", "n_samples", "perturbations_per_eval", "sliding_window_shapes"}
OURS = {"inputs", "target", "additional_forward_args", "internal_batch_size", "neuron_selector"}
TUNNEL = {"nt_samples", "nt_samples_batch_size", "stdevs"}

# One of the seeds with which no convolution of Captum's inputs is negative everywhere.
WEIGHTS = 10

# LayerActivation has no target; an attribution has to say of what.
WITHOUT_TARGET = {"basic_activation_multi_layer_multi_output"}


# Entries have the first method of their kind and one of the others in turn.
KIND_METHODS = (INPUT_METHODS, LAYER_METHODS, NEURON_METHODS)
MAIN = [next(iter(methods)) for methods in KIND_METHODS]
VARIANTS = [name for methods in KIND_METHODS for name in methods if name not in MAIN]


@dataclass(frozen=True)
class Case:
    """One entry of Captum's table with one of our methods.

    Attributes:
        name: of the entry.
        method: name of the class.
        factory: from a model (and layer) to the method.
        model: Captum's, in eval mode.
        layer: its name or names, or None.
        arguments: of `attribute`.
        noise_tunnel: whether the method is inside one.
    """

    name: str
    method: str
    factory: Factory
    model: nn.Module
    layer: str | list[str] | None
    arguments: Arguments
    noise_tunnel: bool

    def fresh(self) -> "Case":
        """A copy, with a model and inputs that no other test has touched."""
        return copy.deepcopy(self)

    def on(self, model: nn.Module, inner: nn.Module | None = None, **options: Any) -> Any:
        """The method on a model.

        Args:
            model: what it is given.
            inner: where its layers are looked up: inside a wrapper.
            options: further arguments of the method.
        """
        layers = [] if self.layer is None else [get_target_layer(inner or model, self.layer)]
        method = self.factory(model, *layers, **options)
        return NoiseTunnel(method) if self.noise_tunnel else method

    def attribute(self, **changed: Any) -> list[Tensor]:
        """The attributions, as a flat list."""
        return flat(self.on(self.model).attribute(**{**self.arguments, **changed}))

    @property
    def samples(self) -> int:
        """The size of the batch."""
        inputs = self.arguments["inputs"]
        return len(inputs if isinstance(inputs, Tensor) else inputs[0])


def flat(attributions: Any) -> list[Tensor]:
    """The tensors of a result, whatever they are nested in."""
    if isinstance(attributions, Tensor):
        return [attributions]
    return [tensor for part in attributions for tensor in flat(part)]


def _responsive(model: nn.Module) -> nn.Module:
    """The model in eval mode and float64, with an output that depends on the input.

    Captum's convolutional net has equal weights before its softmax, which takes out what all
    logits have in common: its gradient is zero but for rounding, and so would all attributions be.
    Others are drawn, so small that the softmax does not saturate.
    """
    model = copy.deepcopy(model).double().eval()
    if isinstance(model, BasicModel_ConvNet):
        generator = torch.Generator().manual_seed(WEIGHTS)
        scales = {model.conv1: 0.3, model.conv2: 0.25, model.fc1: 0.5, model.fc2: 0.03}
        for layer, scale in scales.items():
            drawn = torch.randn(layer.weight.shape, generator=generator)
            layer.weight.data.copy_(scale * drawn)
    return model


def _double(argument: Any) -> Any:
    """The argument in float64, so that rounding decides nothing; targets stay integers."""
    if isinstance(argument, tuple):
        return tuple(map(_double, argument))
    floating = isinstance(argument, Tensor) and argument.is_floating_point()
    return argument.double() if floating else argument


def _cases() -> list[Case]:
    cases: list[Case] = []
    in_turn = [itertools.cycle(list(methods)[1:]) for methods in KIND_METHODS]
    for entry in config:
        _, model, arguments, layer, noise_tunnel, _ = parse_test_config(entry)
        number = 0 if layer is None else 2 if "neuron_selector" in arguments else 1
        methods = KIND_METHODS[number]
        chosen = {name: methods[name] for name in (MAIN[number], next(in_turn[number]))}
        kept = OURS | TUNNEL if noise_tunnel else OURS
        foreign = FOREIGN if noise_tunnel else FOREIGN | TUNNEL
        if methods is NEURON_METHODS:
            # Conductance is of a neuron for an output; ours is of the neuron.
            kept, foreign = kept - {"target"}, foreign | {"target"}
        unknown = arguments.keys() - kept - foreign
        if unknown:
            raise ValueError(f"{entry['name']} has arguments unknown to this suite: {unknown}")
        own = {key: _double(value) for key, value in arguments.items() if key in kept}
        cases.extend(
            Case(entry["name"], name, factory, _responsive(model), layer, own, noise_tunnel)
            for name, factory in chosen.items()
        )
    return cases


ALL = _cases()
CASES = [case for case in ALL if case.name not in WITHOUT_TARGET]


def kind(case: Case) -> str:
    """The class of the model with what it is made of, the layers, and what is attributed."""
    inner = getattr(case.model, "multi_input_module", None)
    of = "neuron" if case.method in NEURON_METHODS else "output"
    return f"{type(case.model).__name__} {inner} {case.layer} {of}"


def _form(value: Any) -> str:
    """What distinguishes an argument from another, numbers apart."""
    if isinstance(value, Tensor):
        return f"Tensor{tuple(value.shape)}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(_form, value))})"
    if value is None or isinstance(value, bool):
        return repr(value)
    return type(value).__name__


def _forms() -> list[str]:
    """One entry of those that differ in their numbers only, as in Captum's own checks."""
    names: dict[str, str] = {}
    for case in CASES:
        arguments = {key: _form(value) for key, value in sorted(case.arguments.items())}
        names.setdefault(f"{case.noise_tunnel} {kind(case)} {arguments}", case.name)
    return list(names.values())


def entries(names: Iterable[str]) -> dict[str, list[Case]]:
    """The cases of each of these entries."""
    return {name: [case for case in CASES if case.name == name] for name in names}


ENTRIES = entries(dict.fromkeys(case.name for case in CASES))
FORMS = entries(_forms())


def _kinds() -> list[Case]:
    """One case for each kind of model and layers; and for each variant, kinds in turn."""
    main = list({kind(case): case for case in CASES if case.method not in VARIANTS}.values())
    in_turn = itertools.cycle([kind(case) for case in main])
    chosen = []
    for variant in VARIANTS:
        of_variant = {kind(case): case for case in CASES if case.method == variant}
        # The next kind of model that this variant is run with.
        chosen.append(of_variant[next(one for one in in_turn if one in of_variant)])
    return [*main, *chosen]


KINDS = _kinds()


def case_id(case: Case) -> str:
    return f"{case.name}-{case.method}"


def hooks(model: nn.Module) -> dict[str, int]:
    """How many hooks of any kind are on each module."""
    return {
        f"{name}.{attribute}": len(found)
        for name, module in model.named_modules()
        for attribute, found in vars(module).items()
        if "hooks" in attribute and found
    }
