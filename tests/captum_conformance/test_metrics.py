"""Captum's infidelity and sensitivity of the methods, against their definitions."""

from typing import Any

import pytest
import torch
from captum.metrics import infidelity, infidelity_perturb_func_decorator, sensitivity_max
from captum.testing.helpers.basic_models import BasicModel_MultiLayer
from torch import Tensor

from captum_rectgrad import NeuronRectGrad, NoBiasRectGrad, RectGrad
from tests.support.captum_configs import CASES, INPUT_METHODS, Case, case_id, flat

# Nets this small are often cut off whole, for some sample.
pytestmark = pytest.mark.filterwarnings(
    "ignore:attribution of sample",
    "ignore:the outputs are non-negative",  # some networks of Captum end in a softmax
)

DRAWS = 4
RADIUS = 5.0
ENTRIES = {"basic_multi_input_multi_target", "conv_with_perturbations_per_eval"}
CHOSEN = [case for case in CASES if case.name in ENTRIES]

Several = tuple[Tensor, ...]


def tensors(given: Any) -> Several:
    return given if isinstance(given, tuple) else (given,)


def moved(inputs: Any, radius: float = RADIUS) -> Several:
    return tuple(x + radius * (2 * torch.rand_like(x) - 1) for x in tensors(inputs))


def difference(inputs: Any) -> tuple[Several, Several]:
    """Captum's form of a perturbation: what is subtracted, and what is left."""
    perturbed = moved(inputs)
    return tuple(x - p for x, p in zip(tensors(inputs), perturbed, strict=True)), perturbed


def sample(case: Case, i: int, inputs: Several) -> dict[str, Any]:
    """The arguments of one sample, with other inputs."""
    part = slice(i, i + 1)
    own = dict(case.arguments)
    own["inputs"] = inputs if isinstance(own["inputs"], tuple) else inputs[0]
    further = own.get("additional_forward_args", ())
    own["additional_forward_args"] = tuple(a[part] if isinstance(a, Tensor) else a for a in further)
    if isinstance(own["target"], list):
        own["target"] = own["target"][i]
    return own


def logit(case: Case, own: dict[str, Any]) -> Tensor:
    with torch.no_grad():
        output = case.model(*tensors(own["inputs"]), *own["additional_forward_args"])
    return output[0, own["target"]]


def expanded(inputs: Any) -> Several:
    return tuple(x.repeat_interleave(DRAWS, dim=0) for x in tensors(inputs))


@pytest.mark.parametrize("case", CHOSEN, ids=case_id)
def test_infidelity_is_a_mean_of_squares(case: Case) -> None:
    case = case.fresh()
    attributions = case.on(case.model).attribute(**case.arguments)
    torch.manual_seed(3)
    further = {k: v for k, v in case.arguments.items() if k != "inputs"}
    found = infidelity(
        case.model,
        difference,
        case.arguments["inputs"],
        attributions,
        n_perturb_samples=DRAWS,
        **further,
    )
    torch.manual_seed(3)
    perturbations, perturbed = difference(expanded(case.arguments["inputs"]))
    squares = []
    for row in range(case.samples * DRAWS):
        i, part = row // DRAWS, slice(row, row + 1)
        whole = tuple(x[i : i + 1] for x in tensors(case.arguments["inputs"]))
        before = logit(case, sample(case, i, whole))
        after = logit(case, sample(case, i, tuple(p[part] for p in perturbed)))
        foretold = sum(
            (p[row] * a[i]).sum() for p, a in zip(perturbations, flat(attributions), strict=True)
        )
        squares.append((foretold - (before - after)) ** 2)
    expected = torch.stack(squares).view(case.samples, DRAWS).mean(dim=1)
    assert expected.max() > 1e-6
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("case", CHOSEN, ids=case_id)
def test_sensitivity_is_the_largest_relative_change(case: Case) -> None:
    case = case.fresh()
    method = case.on(case.model)
    torch.manual_seed(3)
    found = sensitivity_max(
        method.attribute,
        perturb_func=moved,
        perturb_radius=RADIUS,
        n_perturb_samples=DRAWS,
        **case.arguments,
    )
    torch.manual_seed(3)
    perturbed = moved(expanded(case.arguments["inputs"]))
    changes = []
    for row in range(case.samples * DRAWS):
        i, part = row // DRAWS, slice(row, row + 1)
        whole = tuple(x[i : i + 1] for x in tensors(case.arguments["inputs"]))
        before = torch.cat([a.flatten() for a in flat(method.attribute(**sample(case, i, whole)))])
        own = sample(case, i, tuple(p[part] for p in perturbed))
        after = torch.cat([a.flatten() for a in flat(method.attribute(**own))])
        # Captum divides by one where a map is all zero.
        changes.append((after - before).norm() / (before.norm() or 1))
    torch.testing.assert_close(found, torch.stack(changes).view(case.samples, DRAWS).amax(dim=1))


@pytest.mark.parametrize("case", CHOSEN, ids=case_id)
def test_sensitivity_to_nothing_is_zero(case: Case) -> None:
    case = case.fresh()
    found = sensitivity_max(
        case.on(case.model).attribute, perturb_radius=0.0, n_perturb_samples=3, **case.arguments
    )
    torch.testing.assert_close(found, torch.zeros_like(found))


def bright(samples: int = 3) -> Tensor:
    """Inputs of Captum's small net at which all its units are far from being switched off."""
    generator = torch.Generator().manual_seed(5)
    return 5 + torch.rand(samples, 3, generator=generator, dtype=torch.float64)


# These have no threshold to set.
BY_SIGNS = ("Saliency", "Deconvolution", "GuidedBackprop")
# They and NoBiasRectGrad never multiply; the others may.
CHOICES = [
    (name, times_input)
    for name in INPUT_METHODS
    for times_input in (False, True)
    if name not in ("NoBiasRectGrad", *BY_SIGNS) or not times_input
]


@pytest.mark.parametrize(("name", "times_input"), CHOICES)
def test_nothing_is_infidel_where_the_net_is_linear_and_every_unit_passes(
    name: str, times_input: bool
) -> None:
    # All weights are one and, near these inputs, all units are on. So the net is linear there;
    # every score is positive, whatever the rule, and exceeds a threshold of zero; no unit is cut
    # off. The map is then the exact gradient, which foretells every change.
    model, x = BasicModel_MultiLayer().double(), bright()
    options: dict[str, Any] = {}
    if name not in BY_SIGNS:
        options["tau"] = 0.0
        if name != "RectGradConst":
            options["percentile"] = None
        if name != "NoBiasRectGrad":
            options["multiply_by_inputs"] = times_input
    attributions = INPUT_METHODS[name](model, **options).attribute(x, target=1)

    @infidelity_perturb_func_decorator(multiply_by_inputs=times_input)  # type: ignore[untyped-decorator]
    def perturb(inputs: Tensor) -> Tensor:
        return moved(inputs, 1.0)[0]

    def score(maps: Tensor) -> Tensor:
        torch.manual_seed(0)
        return infidelity(model, perturb, x, maps, target=1)

    assert (score(attributions) < 1e-20).all()
    assert (score(attributions * 1.1) > 1e-4).all()


def test_an_empty_map_is_as_infidel_as_the_output_changes() -> None:
    model, x = BasicModel_MultiLayer().double(), bright()
    # At the paper's percentile nothing passes a layer of four units.
    empty = RectGrad(model).attribute(x, target=1)
    assert empty.count_nonzero() == 0
    torch.manual_seed(0)
    found = infidelity(model, difference, x, empty, target=1, n_perturb_samples=DRAWS)
    torch.manual_seed(0)
    _, (perturbed,) = difference(expanded(x))
    change = (model(x).repeat_interleave(DRAWS, dim=0) - model(perturbed))[:, 1].detach()
    torch.testing.assert_close(found, (change**2).view(3, DRAWS).mean(dim=1))


def test_the_gradient_of_a_linear_net_does_not_move_and_times_the_input_it_does() -> None:
    model, x = BasicModel_MultiLayer().double(), bright()
    options: dict[str, Any] = {"perturb_radius": 0.1, "target": 1}
    still = sensitivity_max(NoBiasRectGrad(model, tau=0).attribute, x, **options)
    torch.testing.assert_close(still, torch.zeros_like(still))
    # A map `w * x` of equal weights changes, relative to itself, by `|e| / |x|` at most.
    moving = sensitivity_max(RectGrad(model, tau=0).attribute, x, **options)
    assert (moving > 0).all()
    assert (moving <= 0.1 * 3**0.5 / x.norm(dim=1)).all()


def test_a_neuron_is_judged_by_its_own_value() -> None:
    model, x = BasicModel_MultiLayer().double(), bright()
    method = NeuronRectGrad(model, model.relu, tau=0, multiply_by_inputs=False)

    def neuron(inputs: Tensor) -> Tensor:
        return model.relu(model.linear1(model.linear0(inputs)))[:, 2]

    found = infidelity(neuron, difference, x, method.attribute(x, 2))
    assert (found < 1e-20).all()
    sensitivity = sensitivity_max(method.attribute, x, neuron_selector=2)
    torch.testing.assert_close(sensitivity, torch.zeros_like(sensitivity))
