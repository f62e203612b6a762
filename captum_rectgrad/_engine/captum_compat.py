"""Private names of Captum, with types. No other file uses them."""

from collections.abc import Callable
from typing import Any, TypeVar

from captum._utils import common
from captum.attr._utils import lrp_rules
from captum.log import log_usage as captums_log_usage
from torch import Tensor

# Captum defines these types but is not marked as typed.
TargetType = (
    None
    | int
    | tuple[int, ...]
    | Tensor
    | list[int]
    | list[tuple[int, ...]]
    | Callable[[Any], Tensor]  # not in Captum
)
NeuronSelector = int | tuple[int | slice, ...] | Callable[..., Tensor]
TensorOrTensors = TypeVar("TensorOrTensors", Tensor, tuple[Tensor, ...])
Method = TypeVar("Method", bound=Callable[..., object])


EpsilonRule = lrp_rules.EpsilonRule


def log_usage(method: Method) -> Method:
    """Report each call to Captum's usage log, which is inactive by default."""
    logged: Method = captums_log_usage(part_of_slo=True)(method)
    return logged


def is_tuple(inputs: object) -> bool:
    """Whether the inputs are a tuple."""
    return bool(common._is_tuple(inputs))


def as_tuple(inputs: object) -> tuple[object, ...]:
    """The inputs as a tuple. Raises AssertionError if an input is not a tensor."""
    formatted = common._format_tensor_into_tuples(inputs)
    return (inputs,) if formatted is None else tuple(formatted)


def as_arguments(additional_forward_args: object) -> tuple[Any, ...]:
    """The additional arguments of the model as a tuple."""
    if additional_forward_args is None:
        return ()
    several = isinstance(additional_forward_args, tuple)
    return additional_forward_args if several else (additional_forward_args,)  # type: ignore[return-value]


def select_targets(output: Tensor, target: TargetType) -> Tensor:
    """The outputs that a target selects. Raises AssertionError if the target does not fit."""
    selected: Tensor = common._select_targets(output, target)
    return selected


def select_neuron(tensors: tuple[Tensor, ...], selector: NeuronSelector) -> Tensor:
    """The neurons that a selector selects. Raises AssertionError if the selector does not fit."""
    selected: Tensor = common._verify_select_neuron(tensors, selector)
    return selected
