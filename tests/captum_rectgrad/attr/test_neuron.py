"""Single neurons: RectGrad of the network that ends at their layer."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import NeuronRectGrad, RectGrad, RectGradError, RectGradWarning

# Neurons that a ReLU turns off have an empty map.
pytestmark = pytest.mark.filterwarnings("ignore:attribution of sample")

OPTIONS: dict[str, Any] = {"percentile": 70, "final_threshold": False}


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(288, 5),
        nn.SiLU(),
        nn.Linear(5, 3),
    ).double()


def batch() -> Tensor:
    return torch.randn(3, 2, 6, 6, dtype=torch.float64, generator=torch.manual_seed(1))


@pytest.mark.parametrize("k", [2, 3])
def test_it_is_rectgrad_of_the_network_that_ends_there(k: int) -> None:
    net, x = model(), batch()
    method = NeuronRectGrad(net, net[k], **OPTIONS)
    head = RectGrad(net[: k + 1], **OPTIONS)
    # Neuron (4, 2, 3), whose value the ReLU behind the convolution overwrites in place.
    assert torch.equal(method.attribute(x, (4, 2, 3)), head.attribute(x, (4, 2, 3)))
    # A slice means the sum.
    total = nn.Sequential(*net[: k + 1], nn.Flatten(2))
    several = method.attribute(x, (4, slice(None), slice(None)))

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = total

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)[:, 4].sum(dim=1)

    torch.testing.assert_close(several, RectGrad(Sum(), **OPTIONS).attribute(x))
    own = method.attribute(x, lambda y: y[:, 4].flatten(1).sum(dim=1))
    torch.testing.assert_close(own, several)


def test_the_input_of_a_layer_is_the_output_of_the_one_before() -> None:
    net, x = model(), batch()
    at_input = NeuronRectGrad(net, net[7], **OPTIONS).attribute(
        x, 2, attribute_to_neuron_input=True
    )
    assert torch.equal(at_input, NeuronRectGrad(net, net[6], **OPTIONS).attribute(x, 2))


def test_what_a_selector_computes_is_not_taken_for_the_models() -> None:
    net, x = model(), batch()
    method = NeuronRectGrad(net, net[5], **OPTIONS)
    gated = method.attribute(x, lambda y: y.relu()[:, 2] * 0 + y[:, 2])
    torch.testing.assert_close(gated, method.attribute(x, 2))

    # Rectified at percentile 70, the ReLU of a single nonzero unit of five would close.
    def positive(y: Tensor) -> Tensor:
        return torch.relu(y - y.detach() + 1)[:, 2]

    torch.testing.assert_close(method.attribute(x, positive), method.attribute(x, 2))


def test_a_batch_in_parts_and_a_tuple_of_inputs() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.relu = nn.Linear(6, 40), nn.Linear(4, 40), nn.ReLU()
            self.head = nn.Linear(40, 2)

        def forward(self, x: Tensor, y: Tensor, scale: Tensor) -> Tensor:
            out: Tensor = self.head(self.relu(self.a(x) + self.b(y))) * scale
            return out

    torch.manual_seed(0)
    net = Two().double()
    x, y = torch.randn(5, 6).double(), torch.randn(5, 4).double()
    scale = torch.rand(5, 1).double()
    method = NeuronRectGrad(net, net.head, **OPTIONS)
    whole = method.attribute((x, y), 1, scale)
    parts = method.attribute((x, y), 1, scale, internal_batch_size=2)
    for a, b, of in zip(whole, parts, (x, y), strict=True):
        assert a.shape == of.shape
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)


def test_what_cannot_be_chosen_is_refused() -> None:
    net, x = model(), batch()
    with pytest.raises(AssertionError, match=r"selects \(3, 6\) .*one number per sample"):
        NeuronRectGrad(net, net[2]).attribute(x, (4, 2))
    for selector in (40, slice(0, 3), 1.5, "a", (1.0,), (slice(50, 60),)):
        with pytest.raises(
            AssertionError, match=r"neuron_selector .*(does not fit|selects no neuron)"
        ):
            NeuronRectGrad(net, net[5]).attribute(x, selector)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="layer must be one module"):
        NeuronRectGrad(net, [net[2]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="neuron_selector must return a tensor, got str"):
        NeuronRectGrad(net, net[2]).attribute(x, lambda _: "y")  # type: ignore[arg-type, return-value]
    with pytest.raises(RectGradError, match=r"no gradient reaches input 0"):
        NeuronRectGrad(net, net[2]).attribute(x, lambda y: y.detach()[:, 0, 0, 0])
    with pytest.warns(RectGradWarning, match="no activation was found"):
        NeuronRectGrad(net, net[0]).attribute(x, (0, 1, 1))
