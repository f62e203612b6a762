"""Captum's target check: a batch has the attributions of its samples, each with its own target."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.captum_configs import CASES, ENTRIES, NEURON_METHODS, Arguments, Case, flat

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)


def per_sample(target: Any, samples: int) -> bool:
    return isinstance(target, list | Tensor) and len(target) == samples > 1


def sample(arguments: Arguments, i: int, samples: int, *, as_list: bool) -> Arguments:
    """The arguments for one sample; its target alone, or in a list or tensor of one."""
    part = slice(i, i + 1)
    inputs = arguments["inputs"]
    own = dict(arguments)
    own["inputs"] = inputs[part] if isinstance(inputs, Tensor) else tuple(x[part] for x in inputs)
    if "additional_forward_args" in own:
        own["additional_forward_args"] = tuple(
            argument[part] if isinstance(argument, Tensor) else argument
            for argument in own["additional_forward_args"]
        )
    if per_sample(own.get("target"), samples):
        own["target"] = own["target"][part if as_list else i]
    return own


def check_shapes(case: Case, found: list[Tensor]) -> None:
    """They are shaped as Captum's, and none is all zero: there is something to compare."""
    assert all(attribution.abs().max() > 1e-4 for attribution in found), case.method
    assert all(len(attribution) == case.samples for attribution in found)
    if case.layer is None or case.method in NEURON_METHODS:
        inputs = case.arguments["inputs"]
        several = inputs if isinstance(inputs, tuple) else (inputs,)
        assert [a.shape for a in found] == [x.shape for x in several]
        assert [a.dtype for a in found] == [x.dtype for x in several]


@pytest.mark.parametrize("cases", ENTRIES.values(), ids=ENTRIES)
def test_a_batch_has_the_attributions_of_its_samples(cases: list[Case]) -> None:
    for case in (case.fresh() for case in cases):
        whole = case.attribute()
        check_shapes(case, whole)
        method = case.on(case.model)
        forms = [False, True] if per_sample(case.arguments.get("target"), case.samples) else [False]
        for i in range(case.samples):
            for as_list in forms:
                own = sample(case.arguments, i, case.samples, as_list=as_list)
                alone = flat(method.attribute(**own))
                for together, single in zip(whole, alone, strict=True):
                    torch.testing.assert_close(together[i : i + 1], single)


def test_every_form_of_target_is_among_them() -> None:
    forms = set()
    for case in CASES:
        target = case.arguments.get("target")
        if isinstance(target, list):
            forms.add(("list", type(target[0]).__name__))
        elif isinstance(target, Tensor):
            forms.add(("tensor", "one" if target.numel() == 1 else "per sample"))
        else:
            forms.add(("single", type(target).__name__))
    assert forms == {
        ("list", "int"),
        ("list", "tuple"),
        ("tensor", "one"),
        ("tensor", "per sample"),
        ("single", "int"),
        ("single", "NoneType"),
    }


@pytest.mark.parametrize("wrong", [(0, 0), [0], torch.tensor([0, 1]), 2, -3])
def test_a_target_that_does_not_fit_is_refused_as_by_captum(wrong: Any) -> None:
    for case in CASES:
        if case.name in {"basic_single_target", "basic_layer_in_place"}:
            fresh = case.fresh()
            with pytest.raises(AssertionError, match=r"(?i)target"):
                fresh.attribute(target=wrong)
