import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import GuidedBackprop, RectGrad
from captum_rectgrad.attr.relu_rules import signed_gradient
from captum_rectgrad.evaluation.seeds import derived_seed
from captum_rectgrad.sanity.convergence import INPUT, Convergence, convergence
from captum_rectgrad.sanity.findings import judge_convergence


def vectors(seed: int, images: int, logits: int) -> list[Tensor]:
    def drawn(*parts: object) -> Tensor:
        generator = torch.Generator().manual_seed(derived_seed(seed, *parts))
        return torch.randn(logits, generator=generator)

    return [
        torch.stack([drawn(which, image) for image in range(images)])
        for which in ("first", "second")
    ]


def test_of_linear_layers_by_hand() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(7, 6), nn.Linear(6, 5)).eval().double()
    found = convergence(signed_gradient(model), torch.rand(4, 7).double(), seed=2)
    assert found.layers == (INPUT, "0", "1")
    sent = [v.double() for v in vectors(2, 4, 5)]
    second = [v @ model.state_dict()["1.weight"] for v in sent]
    first = [v @ model.state_dict()["0.weight"] for v in second]
    for row, pair in zip(found.cosines, (first, first, second), strict=True):
        expected = torch.cosine_similarity(pair[0], pair[1], dim=1)
        np.testing.assert_allclose(row, expected.numpy(), atol=1e-6)


def test_a_rank_one_matrix_gives_absolute_cosine_one() -> None:
    last = nn.Linear(6, 5)
    last.weight.data = torch.outer(torch.rand(5), torch.rand(6))
    found = convergence(signed_gradient(nn.Sequential(nn.Linear(7, 6), last)), torch.rand(9, 7))
    np.testing.assert_allclose(abs(found.cosines), 1, atol=1e-6)


def test_convergence_is_found_with_cancelling_signs() -> None:
    last = nn.Linear(6, 5)
    last.weight.data = torch.outer(torch.rand(5), torch.rand(6))
    found = convergence(signed_gradient(nn.Sequential(nn.Linear(7, 6), last)), torch.rand(40, 7))
    assert abs(found.cosines[0].mean()) < 0.5
    assert judge_convergence(found, 0.5, seed=0).verdict == "failed"


def test_what_unrelated_vectors_have() -> None:
    def found(logits: int) -> Convergence:
        return Convergence((INPUT,), np.zeros((1, 20)), logits)

    assert found(1).unrelated == pytest.approx(1)
    assert found(2).unrelated == pytest.approx(2 / np.pi)
    assert found(3).unrelated == pytest.approx(0.5)
    one, other = vectors(0, 4000, 10)
    drawn = torch.cosine_similarity(one, other).abs().mean()
    assert found(10).unrelated == pytest.approx(float(drawn), abs=0.01)
    assert judge_convergence(found(2), 0.5, seed=0).verdict == "not run"
    passed = judge_convergence(found(10), 0.5, seed=0)
    assert passed.verdict == "passed"
    assert "0.26 for unrelated vectors of 10 logits" in passed.sentence


def test_the_batch_size_does_not_change_results() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 80), nn.ReLU(), nn.Linear(80, 5)).eval().double()
    x = torch.rand(7, 30).double()
    whole, parts = (convergence(GuidedBackprop(model), x, batch_size=n).cosines for n in (7, 3))
    np.testing.assert_allclose(parts, whole, atol=1e-6)


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_guided_backpropagation_converges_and_the_gradient_does_not() -> None:
    torch.manual_seed(0)
    layers = [layer for _ in range(6) for layer in (nn.Linear(200, 200), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(200, 10)).eval()
    x = torch.rand(20, 200)
    guided, gradient = (convergence(m(model), x).cosines for m in (GuidedBackprop, signed_gradient))
    assert guided[0].mean() > 0.9
    assert abs(gradient[0].mean()) < 0.2
    assert (np.diff(guided[1:].mean(axis=1)) < 0).all()  # towards the input it only grows


@pytest.mark.bitwise("the backward signals are the same")
def test_what_a_method_does_besides_is_left_out() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 80), nn.ReLU(), nn.Linear(80, 5)).eval()
    x = torch.rand(5, 30)
    bare = RectGrad(model, 50, final_threshold=False, multiply_by_inputs=False)
    one, other = (convergence(m, x).cosines for m in (bare, RectGrad(model, 50)))
    np.testing.assert_array_equal(one, other)


def test_layers_may_be_chosen() -> None:
    model = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 5)).eval()
    assert convergence(signed_gradient(model), torch.rand(3, 7), layers=["2"]).layers == (
        INPUT,
        "2",
    )
    with pytest.raises(ValueError, match="it has 0, 2"):
        convergence(signed_gradient(model), torch.rand(3, 7), layers=["1"])


class Windows(nn.Module):
    """Gives its layer the rows of all windows of an image, as window attention does."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.within = nn.Linear(8, 8), nn.Linear(4, 4)
        self.after = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        windows = self.before(x).reshape(-1, 4)  # two for each sample
        y: Tensor = self.after(self.within(windows).reshape(-1, 8))
        return y


class Transposed(nn.Module):
    """Gives its layer the positions first, of which there are `positions`."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.positions = positions
        self.within, self.after = nn.Linear(4, 4), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        sequence = x.reshape(len(x), self.positions, 4).transpose(0, 1)
        y: Tensor = self.after(self.within(sequence).mean(dim=0))
        return y


@pytest.mark.parametrize("batch_size", [6, 4, 1])
def test_layers_without_samples_in_dimension_0_are_left_out(batch_size: int) -> None:
    torch.manual_seed(0)
    model, x = Windows().eval().double(), torch.rand(6, 8).double()
    found = convergence(signed_gradient(model), x, batch_size=batch_size, seed=2)
    assert found.layers == (INPUT, "before", "after")
    state = model.state_dict()
    block = torch.block_diag(state["within.weight"], state["within.weight"])
    after = [v.double() @ state["after.weight"] for v in vectors(2, 6, 5)]
    inputs = [v @ block @ state["before.weight"] for v in after]
    for row, pair in zip(found.cosines, (inputs, inputs, after), strict=True):
        expected = torch.cosine_similarity(pair[0], pair[1], dim=1)
        np.testing.assert_allclose(row, expected.numpy(), atol=1e-6)
    with pytest.raises(ValueError, match="it has before, after"):
        convergence(signed_gradient(model), x, layers=["within"])


@pytest.mark.parametrize("positions", [1, 2, 6])
def test_a_dimension_of_the_batch_size_is_not_taken_for_samples(positions: int) -> None:
    model = Transposed(positions).eval()
    found = convergence(signed_gradient(model), torch.rand(6, 4 * positions), batch_size=6)
    assert found.layers == (INPUT, "after")
