"""NoiseTunnel around a method is what a loop over noisy samples, one at a time, makes of it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from captum.attr import LayerGradientXActivation, NoiseTunnel
from captum.testing.attr.helpers.gen_test_utils import get_target_layer
from torch import Tensor

from tests.support.captum_configs import CASES, Case, case_id, flat

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)

DRAWS = 5

# From the attributions of the draws, `(draws, ...)`, to what is made of them.
KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "smoothgrad": lambda draws: draws.mean(dim=0),
    "smoothgrad_sq": lambda draws: (draws**2).mean(dim=0),
    "vargrad": lambda draws: draws.var(dim=0, correction=0),
}

# Two inputs, further arguments, targets per sample; a convolutional net; a layer; a neuron.
ENTRIES = {
    "basic_multi_input_multi_target",
    "basic_multiple_tuple_target",
    "conv_with_perturbations_per_eval",
    "basic_layer_multi_input",
    "conv_layer_single_target",
    "basic_neuron_multi_input",
    "conv_neuron",
}
CHOSEN = [case for case in CASES if case.name in ENTRIES]


def noises(inputs: tuple[Tensor, ...], stdevs: tuple[float, ...], size: int) -> list[Any]:
    """The noise of each draw, in the order in which Captum draws it.

    Returns:
        For each draw one tensor per input.
    """
    drawn: list[Any] = []
    while len(drawn) < DRAWS:
        part = min(size, DRAWS - len(drawn))
        together = [
            torch.normal(0, torch.tensor(s).repeat(len(x) * part, *x.shape[1:]))
            for x, s in zip(inputs, stdevs, strict=True)
        ]
        drawn.extend([noise[k::part] for noise in together] for k in range(part))
    return drawn


def by_hand(case: Case, stdevs: tuple[float, ...], size: int) -> list[Tensor]:
    """The attributions of every draw, `(draws, N, ...)`, each from one sample alone."""
    given = case.arguments["inputs"]
    inputs = given if isinstance(given, tuple) else (given,)
    method = case.on(case.model)
    draws = []
    for noise in noises(inputs, stdevs, size):
        rows = []
        for i in range(case.samples):
            part = slice(i, i + 1)
            own = dict(case.arguments)
            noisy = tuple(x[part] + n[part] for x, n in zip(inputs, noise, strict=True))
            own["inputs"] = noisy if isinstance(given, tuple) else noisy[0]
            if isinstance(own.get("target"), list):
                own["target"] = own["target"][part]
            own["additional_forward_args"] = tuple(
                a[part] if isinstance(a, Tensor) else a
                for a in own.get("additional_forward_args", ())
            )
            rows.append(flat(method.attribute(**own)))
        draws.append([torch.cat(parts) for parts in zip(*rows, strict=True)])
    return [torch.stack(parts) for parts in zip(*draws, strict=True)]


@pytest.mark.parametrize("size", [None, 2])
@pytest.mark.parametrize("case", CHOSEN, ids=case_id)
def test_it_is_a_loop_over_noisy_samples(case: Case, size: int | None) -> None:
    case = case.fresh()
    given = case.arguments["inputs"]
    stdevs = (8.0, 5.0) if isinstance(given, tuple) else (5.0,)
    torch.manual_seed(7)
    draws = by_hand(case, stdevs, size or DRAWS)
    # So much noise that units open and close: the gradient alone is piecewise constant.
    # Deconvolution keeps nothing of the forward pass but what max-pooling chose, and some nets have
    # none; nor does guided backpropagation at the last layers.
    if not case.method.endswith("Deconvolution") and case.method != "LayerGuidedBackprop":
        assert all(draw.std(dim=0).max() > 1e-5 for draw in draws)
    for kind, aggregate in KINDS.items():
        torch.manual_seed(7)
        found = NoiseTunnel(case.on(case.model)).attribute(
            **case.arguments,
            nt_type=kind,
            nt_samples=DRAWS,
            nt_samples_batch_size=size,
            stdevs=stdevs if isinstance(given, tuple) else stdevs[0],
        )
        for one, draw in zip(flat(found), draws, strict=True):
            torch.testing.assert_close(one, aggregate(draw))


@pytest.mark.parametrize("case", [c for c in CHOSEN if c.layer is None], ids=case_id)
def test_batches_of_our_own_inside_the_tunnel_change_nothing(case: Case) -> None:
    case = case.fresh()
    whole, parts = (
        flat(
            NoiseTunnel(case.on(case.model)).attribute(
                **case.arguments, nt_samples=DRAWS, stdevs=0.0, internal_batch_size=size
            )
        )
        for size in (None, 3)
    )
    for one, other, alone in zip(whole, parts, case.attribute(), strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one, alone)


def test_a_list_of_layers_does_not_fit_into_captums_tunnel() -> None:
    name = "basic_gradient_multi_layer_multi_output"
    case = next(case.fresh() for case in CASES if case.name == name)
    assert len(get_target_layer(case.model, case.layer)) == 3
    # The tunnel takes a tensor or a tuple, and Captum's own methods meet the same refusal.
    theirs = LayerGradientXActivation(case.model, case.on(case.model).layer)
    with pytest.raises(AssertionError, match=r"torch\.Tensor or a tuple.*list"):
        NoiseTunnel(theirs).attribute(**case.arguments, nt_samples=2)
    with pytest.raises(AssertionError, match=r"torch\.Tensor or a tuple.*list"):
        NoiseTunnel(case.on(case.model)).attribute(**case.arguments, nt_samples=2)
