"""`rectified_grad`: the gradient of anything under a rule, for a graph that exists already."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad import (
    RectGrad,
    RectGradError,
    RectGradWarning,
    ThresholdRule,
    rectified_grad,
)
from captum_rectgrad.rules.max_pooling import redistribute

PERCENTILE = 70


def cnn(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        activation(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, padding=1),
        activation(),
        nn.Flatten(),
        nn.Linear(96, 5),
    ).double()


def images(samples: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(samples, 2, 8, 8, dtype=torch.float64, generator=generator)
    return x.requires_grad_()


def plain_gradient(output: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(output.sum(), x, retain_graph=True)[0]


@pytest.mark.parametrize("options", [{}, {"prr": True}, {"padding_trick": False}, {"rule": "Mod"}])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
def test_a_logit_has_the_gradient_of_rectgrad(
    activation: type[nn.Module], options: dict[str, Any]
) -> None:
    model, x = cnn(activation), images()
    method = RectGrad(model, PERCENTILE, multiply_by_inputs=False, final_threshold=False, **options)
    (found,) = rectified_grad(model(x)[:, 2], x, percentile=PERCENTILE, **options)
    expected = method.attribute(x.detach(), target=2)
    assert expected.count_nonzero()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_the_default_is_the_papers_percentile() -> None:
    model, x = cnn(), images()
    (found,) = rectified_grad(model(x)[:, 2], x)
    assert torch.equal(found, rectified_grad(model(x)[:, 2], x, percentile=98)[0])
    assert not torch.equal(found, rectified_grad(model(x)[:, 2], x, tau=0)[0])


def test_a_score_of_one_box_is_attributed_without_a_target() -> None:
    model, x = cnn(), images(1)
    scores = model(x).reshape(5, 1).sigmoid()[:, 0]
    # A sigmoid on the way counts as an activation: chosen ReLUs leave it out.
    (found,) = rectified_grad(scores[3], x, percentile=PERCENTILE, activations=[nn.ReLU])
    logits = model(x)
    slope = scores[3] * (1 - scores[3])
    (logit,) = rectified_grad(logits[:, 3], x, slope.detach()[None], percentile=PERCENTILE)
    torch.testing.assert_close(found, logit, rtol=1e-12, atol=1e-14)
    assert found.count_nonzero()


def test_the_mean_over_a_mask_is_the_gradient_of_the_masked_outputs() -> None:
    model, x = cnn()[:2], images(2)
    mask = torch.rand(8, 8, generator=torch.Generator().manual_seed(2)) > 0.5
    heat = model(x).sum(1)
    (found,) = rectified_grad(heat[:, mask].mean(), x, percentile=PERCENTILE)
    weights = mask.to(x.dtype).expand(2, 8, 8) / (2 * mask.sum())
    (expected,) = rectified_grad(model(x).sum(1), x, weights, percentile=PERCENTILE)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_a_similarity_of_two_inputs_has_one_pass_per_branch() -> None:
    model, one, two = cnn(), images(), images()
    two = (two.detach() + 1).requires_grad_()
    first, second = rectified_grad(
        torch.cosine_similarity(model(one), model(two)), [one, two], percentile=PERCENTILE
    )
    (alone,) = rectified_grad(
        torch.cosine_similarity(model(one), model(two).detach()), one, percentile=PERCENTILE
    )
    torch.testing.assert_close(first, alone, rtol=1e-12, atol=1e-14)
    assert second.count_nonzero()
    assert not torch.equal(first, second)


def test_a_loss_of_a_batch_has_thresholds_per_sample() -> None:
    model, x, labels = cnn(), images(), torch.tensor([0, 3, 1])
    (found,) = rectified_grad(
        F.cross_entropy(model(x), labels, reduction="sum"), x, percentile=PERCENTILE
    )
    for i in range(3):
        sample = x[i : i + 1].detach().requires_grad_()
        loss = F.cross_entropy(model(sample), labels[i : i + 1])
        (alone,) = rectified_grad(loss, sample, percentile=PERCENTILE)
        assert alone.count_nonzero()
        torch.testing.assert_close(found[i : i + 1], alone, rtol=1e-12, atol=1e-14)


def test_without_batched_all_samples_share_a_threshold() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 40, dtype=torch.float64).requires_grad_()
    weight = torch.randn(3, 40, dtype=torch.float64)
    (found,) = rectified_grad(x.relu(), x, weight, percentile=PERCENTILE, batched=False)
    keep = ThresholdRule(percentile=PERCENTILE).keep(
        x.relu().reshape(1, -1), weight.reshape(1, -1), is_last=True
    )
    assert torch.equal(found, torch.where(keep.reshape(3, 40), weight, 0))
    (batched,) = rectified_grad(x.relu(), x, weight, percentile=PERCENTILE)
    assert not torch.equal(found, batched)


@pytest.mark.filterwarnings("ignore:no activation")
def test_prr_shares_out_the_gradient_of_a_pooling() -> None:
    x = torch.rand(2, 1, 4, 4, dtype=torch.float64).requires_grad_()
    output = F.max_pool2d(x, 2)
    (found,) = rectified_grad(output, x, prr=True)
    (shared,) = rectified_grad(F.adaptive_max_pool2d(x, 2), x, prr=True)
    expected = redistribute(x.detach(), torch.ones_like(output), 2)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(shared, expected)


def test_gradients_of_several_outputs_are_added() -> None:
    model, x = cnn()[:2], images(2)
    h = model(x)
    weights = [torch.randn_like(h[:, :3]), torch.randn_like(h[:, 3:])]
    (found,) = rectified_grad([h[:, :3], h[:, 3:]], x, weights, percentile=PERCENTILE)
    (expected,) = rectified_grad(model(x), x, torch.cat(weights, 1), percentile=PERCENTILE)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_a_hidden_tensor_may_be_the_input() -> None:
    model, x = cnn(), images()
    hidden = model[:3](x)
    (found,) = rectified_grad(model[3:](hidden)[:, 1], hidden, percentile=PERCENTILE)
    leaf = hidden.detach().requires_grad_()
    (expected,) = rectified_grad(model[3:](leaf)[:, 1], leaf, percentile=PERCENTILE)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_a_retained_graph_gives_the_same_again_and_then_the_plain_gradient() -> None:
    model, x = cnn(), images()
    output = model(x)[:, 1]
    expected = plain_gradient(model(x)[:, 1], x)
    first = rectified_grad(output, x, percentile=PERCENTILE, prr=True, retain_graph=True)
    second = rectified_grad(output, x, percentile=PERCENTILE, prr=True, retain_graph=True)
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[0], expected)
    assert torch.equal(plain_gradient(output, x), expected)
    output.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, expected)


def test_nodes_are_ordinary_after_an_error() -> None:
    class Failing:
        def keep(self, activation: Tensor, grad_output: Tensor, *, is_last: bool) -> Tensor:
            del activation, grad_output, is_last
            raise ArithmeticError

    model, x = cnn(), images()
    output = model(x)[:, 1]
    with pytest.raises(ArithmeticError):
        rectified_grad(output, x, rule=Failing(), retain_graph=True)
    torch.testing.assert_close(plain_gradient(output, x), plain_gradient(model(x)[:, 1], x))


def test_the_graph_is_freed_unless_it_is_retained() -> None:
    model, x = cnn(), images()
    output = model(x)[:, 1]
    rectified_grad(output, x)
    with pytest.raises(RuntimeError, match="second time"):
        plain_gradient(output, x)


def test_inputs_keep_their_grad_and_parameters_have_none() -> None:
    model, x = cnn(), images()
    rectified_grad(model(x)[:, 1], x)
    assert x.grad is None
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_modes_of_autograd_do_not_matter(mode: Callable[[], torch.no_grad]) -> None:
    model, x = cnn(), images()
    output = model(x)[:, 1]
    with mode():
        (found,) = rectified_grad(output, x, percentile=PERCENTILE)
    assert torch.equal(found, rectified_grad(model(x)[:, 1], x, percentile=PERCENTILE)[0])


def test_an_activation_in_place_on_a_view_is_refused() -> None:
    x = torch.randn(2, 8, requires_grad=True)
    h = x * 2
    h[:, :4].relu_()
    with pytest.raises(RectGradError, match="in place on a view"):
        rectified_grad(h.sum(1), x)


def test_an_overwritten_activation_is_refused() -> None:
    x = torch.randn(2, 8, requires_grad=True)
    h = x.relu()
    h += 1
    with pytest.raises(RuntimeError, match="inplace"):
        rectified_grad(h.sum(1), x)


def test_an_unknown_batch_dimension_is_refused_and_batched_false_serves_it() -> None:
    x = torch.randn(4, 3, dtype=torch.float64).requires_grad_()
    output = (x.t() @ x).relu().sum()
    with pytest.raises(RectGradError, match="batched=False"):
        rectified_grad(output, x)
    output = (x.t() @ x).relu().sum()
    assert rectified_grad(output, x, tau=0, batched=False)[0].count_nonzero()


def test_single_modules_are_refused() -> None:
    model, x = cnn(), images()
    with pytest.raises(TypeError, match="classes"):
        rectified_grad(model(x)[:, 0], x, activations=[model[1]])


def test_an_input_without_a_gradient_is_refused() -> None:
    model, x = cnn(), images()
    with pytest.raises(ValueError, match=r"requires_grad_\(\)"):
        rectified_grad(model(x)[:, 0], x.detach())


def test_an_input_that_is_not_reached_is_refused() -> None:
    model, x, other = cnn(), images(), images()
    with pytest.raises(RectGradError, match="no gradient reaches input 1"):
        rectified_grad(model(x)[:, 0], [x, other])


def test_an_output_without_a_graph_is_refused() -> None:
    model, x = cnn(), images()
    with pytest.raises(RectGradError, match="no gradient reaches input 0"):
        rectified_grad(model(x).detach()[:, 0], x)


@pytest.mark.parametrize("samples", [1, 2, 0])
def test_different_or_empty_batches_are_refused(samples: int) -> None:
    x, other = images(3), images(samples)
    with pytest.raises(ValueError, match=r"\(3, 2, 8, 8\)"):
        rectified_grad(x.sum() + other.sum(), [x, other])


def test_a_scalar_input_is_refused_unless_batched_is_false() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(ValueError, match="dimension 0"):
        rectified_grad(x.relu(), x)
    assert rectified_grad(x.relu(), x, tau=0, batched=False) == (torch.tensor(1.0),)


def test_create_graph_gives_a_gradient_that_can_be_differentiated() -> None:
    model, x = cnn(nn.GELU), images()
    (found,) = rectified_grad(model(x)[:, 1], x, percentile=PERCENTILE, create_graph=True)
    found.square().sum().backward()
    assert x.grad is not None
    assert x.grad.count_nonzero()
    assert model[0].weight.grad is not None


def test_gradients_that_a_hook_of_the_users_has_kept_are_not_overwritten() -> None:
    x = torch.rand(1, 40_000, requires_grad=True)
    y = torch.relu(x * 2)
    kept: list[Tensor] = []
    assert y.grad_fn is not None
    y.grad_fn.register_hook(lambda gradients, _: kept.append(gradients[0]))
    (gradient,) = rectified_grad(y.square(), x, retain_graph=True)
    assert kept[0].count_nonzero() == 40_000
    assert 0 < gradient.count_nonzero() < 1_000


def test_a_graph_without_activations_is_warned_of_at_the_callers_line() -> None:
    x = torch.rand(2, 3, requires_grad=True)
    with pytest.warns(RectGradWarning, match="no activation") as seen:
        (gradient,) = rectified_grad((x * 2).sum(dim=1), x)
    assert seen[0].filename == __file__
    assert gradient.tolist() == [[2.0] * 3] * 2


def test_an_unhandled_activation_in_a_graph_is_warned_of() -> None:
    x = torch.rand(2, 3, requires_grad=True)
    with pytest.warns(RectGradWarning, match=r"torch\.maximum"):
        rectified_grad(torch.maximum(x.relu(), torch.zeros(())).sum(dim=1), x)


def test_a_region_of_the_output_is_no_unhandled_activation() -> None:
    model, x = cnn(), images()
    hidden = model[:2](x)
    region = hidden[:, :1].detach() > hidden.detach().mean()
    (gradient,) = rectified_grad((hidden * region.expand_as(hidden)).sum(), x)
    assert gradient.any()


def test_an_activation_of_one_number_per_sample() -> None:
    x = torch.randn(9_000, requires_grad=True)
    (gradient,) = rectified_grad(torch.relu(x), x, tau=0)
    assert torch.equal(gradient, (x > 0).float())


def test_a_class_that_no_graph_shows_is_refused() -> None:
    class Swish(nn.Module):
        """Composed of operations."""

    x = torch.rand(2, 3, requires_grad=True)
    for wrong in (Swish, nn.Linear, nn.ReLU()):
        with pytest.raises(TypeError, match=r"activation classes of torch\.nn"):
            rectified_grad(x.relu(), x, activations=[wrong])
