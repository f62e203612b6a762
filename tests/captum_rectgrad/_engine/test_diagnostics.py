"""Attributions that do not exist or are doubtful: refused or warned of, with the reason."""

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from captum_rectgrad import RectGrad, RectGradError, RectGradWarning


class Computes(nn.Module):
    """A net that ends in a function of its own."""

    def __init__(self, end: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(12, 50), nn.ReLU(), nn.Linear(50, 3))
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.net(x))  # type: ignore[operator]


@pytest.mark.parametrize(
    "end",
    [
        lambda y: y.detach(),
        lambda y: y.argmax(dim=1, keepdim=True).float(),
        torch.ones_like,
        lambda y: torch.ones_like(y, requires_grad=True) * 2,
    ],
)
def test_an_output_that_does_not_depend_on_the_input_is_refused(end: object) -> None:
    with pytest.raises(RectGradError, match="no gradient reaches input 0"):
        RectGrad(Computes(end)).attribute(torch.rand(2, 3, 2, 2), 0)


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(float("inf"), torch.float32), (float("nan"), torch.float32), (6e4, torch.float16)],
)
def test_maps_that_are_not_finite_are_warned_of(scale: float, dtype: torch.dtype) -> None:
    class Overflows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return ((x * scale).relu() * scale).sum(dim=1)

    with pytest.warns(RectGradWarning, match="attribution of sample 0 .* is not finite"):
        RectGrad(Overflows(), tau=0).attribute(torch.rand(2, 30).to(dtype) + 1)


@pytest.mark.parametrize("rows", [lambda y: torch.cat([y, y]), lambda y: y[:1], lambda y: y.t()])
def test_outputs_whose_rows_are_not_the_samples_are_refused(rows: object) -> None:
    with pytest.raises(RectGradError, match="for a batch of 2: the model's output"):
        RectGrad(Computes(rows)).attribute(torch.rand(2, 3, 2, 2), 0)


def test_a_model_that_calls_autograd_in_its_forward_computes_what_it_always_does() -> None:
    class Force(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(6, 30), nn.ReLU(), nn.Linear(30, 1))
            self.last = nn.Linear(6, 40)
            self.outputs: list[Tensor] = []
            self.double()

        def force(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                y = x.detach().requires_grad_()
                (force,) = torch.autograd.grad(self.net(y).sum(), y)
            return force

        def forward(self, x: Tensor) -> Tensor:
            self.outputs.append(torch.relu(self.last(x * self.force(x))))
            return self.outputs[-1].sum(dim=1)

    class Explains(Force):
        def force(self, x: Tensor) -> Tensor:
            return RectGrad(self.net, percentile=50, final_threshold=False).attribute(x, 0)

    x = torch.rand(2, 6, dtype=torch.float64)
    for kind in (Force, Explains):
        model = kind()
        found = RectGrad(model, percentile=70, multiply_by_inputs=False, final_threshold=False)
        gradient = found.attribute(x)
        model(x)
        assert torch.equal(model.outputs[0], model.outputs[1])

        # The inner gradient is a constant: the map is that of the layer behind it.
        force = model.force(x)
        total = nn.Linear(40, 1, bias=False, dtype=torch.float64)
        nn.init.ones_(total.weight)
        rest = nn.Sequential(model.last, nn.ReLU(), total)
        expected = RectGrad(rest, percentile=70, multiply_by_inputs=False, final_threshold=False)
        torch.testing.assert_close(gradient, force * expected.attribute(x * force, 0))
        assert gradient.any()


def test_an_output_that_does_not_depend_on_one_of_several_inputs_is_refused() -> None:
    class Second(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            del y
            return x.relu()

    with pytest.raises(RectGradError, match="no gradient reaches input 1"):
        RectGrad(Second()).attribute((torch.rand(2, 3), torch.rand(2, 3)), 0)


@pytest.mark.parametrize(
    "end", [lambda y: {"a": y, "b": y}, lambda y: (y, y), lambda y: y.tolist()]
)
def test_outputs_that_are_no_tensor_are_refused(end: object) -> None:
    with pytest.raises(TypeError, match=r"the model must return a tensor, got (dict|tuple|list)"):
        RectGrad(Computes(end)).attribute(torch.rand(2, 3, 2, 2), 0)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="non-empty"):
        RectGrad(Computes(lambda y: y)).attribute(torch.rand(0, 3, 2, 2), 0)


def test_spatial_maps_of_size_zero_have_maps_of_size_zero() -> None:
    """Where the model itself can take them; convolutions and pools refuse them themselves."""

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3, 1, 1))
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            empty = torch.relu(x[..., :0, :0] * self.scale).sum(dim=(2, 3))
            y: Tensor = self.head(empty + torch.relu(x * self.scale).sum(dim=(2, 3)))
            return y

    x = torch.rand(2, 3, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        partly = RectGrad(Mean(), tau=float("-inf")).attribute(x, 0)
        assert RectGrad(Mean()).attribute(x[..., :0, :0], 0).shape == (2, 3, 0, 0)
    assert partly.shape == x.shape
    with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        RectGrad(nn.Sequential(nn.Conv2d(3, 2, 3))).attribute(x[..., :0, :0], (0, 0, 0))


def test_reentrant_checkpoints_are_refused_by_pytorch_with_the_way_out() -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(6, 30), nn.Linear(30, 2)

        def forward(self, x: Tensor) -> Tensor:
            hidden = checkpoint(lambda h: self.first(h).relu(), x, use_reentrant=True)
            y: Tensor = self.last(hidden)
            return y

    with pytest.raises(RuntimeError, match="use_reentrant=False"):
        RectGrad(Checkpointed()).attribute(torch.rand(2, 6), 0)


def test_warnings_about_parts_of_a_batch_are_those_about_the_whole() -> None:
    """A warning names the sample by its number in the batch, however that was divided."""
    torch.manual_seed(0)
    first, last = nn.Linear(6, 300, bias=False), nn.Linear(300, 2)
    net = nn.Sequential(first, nn.ReLU(), last)
    x = torch.rand(5, 6)
    x[3] = -1
    with torch.no_grad():
        first.weight.abs_()
        last.weight.abs_()
    for size in (None, 2):
        with pytest.warns(RectGradWarning, match=r"sample 3 is all zero") as seen:
            RectGrad(net, percentile=50).attribute(x, 0, internal_batch_size=size)
        assert len(seen) == 1
        with pytest.warns(RectGradWarning, match="no activation was found") as seen:
            RectGrad(last).attribute(torch.rand(5, 300), 0, internal_batch_size=size)
        assert len(seen) == 1
        assert seen[0].filename == __file__


def narrow() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 3))


def test_a_map_that_is_zero_for_every_percentile_does_not_ask_for_a_lower_one() -> None:
    """Zero weights of the classifier, and an output whose own ReLU is closed."""
    x = torch.rand(2, 12)
    untrained, dead = narrow(), narrow().append(nn.ReLU())
    nn.init.zeros_(untrained.get_parameter("4.weight"))
    nn.init.constant_(dead.get_parameter("4.bias"), -100)
    for model, size in ((untrained, None), (dead, None), (dead, 1)):
        with pytest.warns(RectGradWarning, match=r"sample 0 \(and 1 more\) is all zero") as seen:
            RectGrad(model, percentile=50).attribute(x, 0, internal_batch_size=size)
        (message,) = (str(warning.message) for warning in seen)
        assert "lower" not in message
        place = "ReLU after '2' (8 units)" if model is untrained else "ReLU after '4' (3 units)"
        assert f"all scores are zero at {place}" in message
        assert "check the weights of the model and the target" in message
    with pytest.warns(RectGradWarning, match="no gradient passed .*; lower percentile or tau$"):
        RectGrad(narrow(), percentile=99).attribute(x, 0)


def test_a_share_as_percentile_is_noticed_once() -> None:
    x = torch.rand(2, 12)
    with pytest.warns(
        RectGradWarning, match=r"98 means 98 %. Did you mean percentile=98\?"
    ) as seen:
        RectGrad(narrow(), percentile=0.98).attribute(x, 0, internal_batch_size=1)
    assert len(seen) == 1
    for percentile in (0, 1, 50):
        RectGrad(narrow(), percentile=percentile).attribute(x, 0)


def test_probabilities_are_noticed_once() -> None:
    x = torch.rand(2, 12)
    for dtype in (torch.float32, torch.bfloat16):
        model = narrow().append(nn.Softmax(dim=1)).to(dtype)
        with pytest.warns(RectGradWarning, match="sum to one, .* pass logits") as seen:
            RectGrad(model, percentile=50).attribute(x.to(dtype), 0, internal_batch_size=1)
        assert len(seen) == 1


def test_outputs_that_are_no_probabilities_are_not_taken_for_them() -> None:
    x = torch.rand(2, 12)
    sure = narrow().append(nn.Sigmoid())
    with torch.no_grad():
        sure.get_parameter("4.weight").mul_(1e-3)
        sure.get_parameter("4.bias").copy_(torch.tensor([12.0, -12.0, -12.0]))
        torch.testing.assert_close(sure(x).sum(dim=1), torch.ones(2), atol=1e-4, rtol=0)
    one = nn.Sequential(*narrow()[:-1], nn.Linear(8, 1), nn.Softmax(dim=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        RectGrad(sure, tau=float("-inf")).attribute(x, 0)
        RectGrad(narrow(), percentile=50).attribute(x, 0)
    with pytest.warns(RectGradWarning) as seen:  # one class has no gradient after a softmax
        RectGrad(one, percentile=50).attribute(x, 0)
    assert not any("pass logits" in str(warning.message) for warning in seen)


def test_images_in_0_to_255_are_noticed_once() -> None:
    model = nn.Sequential(nn.Conv2d(3, 30, 16), nn.ReLU(), nn.Flatten(), nn.Linear(30, 2))
    torch.manual_seed(0)
    raw = torch.randint(256, (2, 3, 16, 16)).float()
    raw[0, 0, 0, 0] = 200
    with pytest.warns(RectGradWarning, match=r"^input 0 has integers in 0 to 255") as seen:
        RectGrad(model, percentile=50).attribute(raw, 0, internal_batch_size=1)
    assert len(seen) == 1
    # A range of their own, a mask, rows of a table.
    for x in (raw / 255, raw - 128, raw + 0.5, (raw > 100).float()):
        RectGrad(model, percentile=50).attribute(x, 0)
    RectGrad(narrow(), percentile=50).attribute(raw[:, 0, 0, :12], 0)
