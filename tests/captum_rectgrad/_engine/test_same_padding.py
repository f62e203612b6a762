"""Which convolutions pad, and where the padding trick zeroes the gradient."""

import pytest
import torch
from timm.layers.cond_conv2d import CondConv2d
from timm.layers.create_conv2d import create_conv2d
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, RectGrad
from captum_rectgrad._engine.activations import ActivationFilter
from captum_rectgrad._engine.model_parts import examine
from captum_rectgrad._engine.module_calls import ModuleCalls
from captum_rectgrad._engine.same_padding import padded_dims


def dims_of(conv: nn.Module, size: tuple[int, ...]) -> tuple[int, ...]:
    """Where this convolution pads an input of this size, by its node and the hooks it gets."""
    calls = ModuleCalls()
    parts = examine(conv, ActivationFilter())
    handles = list(calls.record(parts.convolutions, "convolution"))
    node = conv(torch.zeros(2, 1, *size, requires_grad=True)).grad_fn
    for handle in handles:
        handle.remove()
    assert node.name() == "ConvolutionBackward0"
    return padded_dims(node, next((call for call in calls.finished if node in call.nodes()), None))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(
    ("conv", "size", "dims"),
    [
        (nn.Conv1d(1, 1, 3, padding=1), (8,), (-1,)),
        (nn.Conv2d(1, 1, 3), (8, 8), ()),
        (nn.Conv2d(1, 1, 3, padding=1), (8, 8), (-2, -1)),
        (nn.Conv2d(1, 1, (3, 1), padding=(1, 0)), (8, 8), (-2,)),
        (nn.Conv2d(1, 1, (1, 3), padding="same"), (8, 8), (-1,)),
        (nn.Conv2d(1, 1, (2, 4), padding="same"), (8, 8), (-2, -1)),  # pads by an operation
        (nn.Conv2d(1, 1, 3, padding="valid"), (8, 8), ()),
        (nn.Conv2d(1, 1, (3, 1), padding=(1, 0), padding_mode="reflect"), (8, 8), (-2,)),
        (nn.Conv2d(1, 1, 1), (8, 8), ()),
        # The border is padding although the output is no larger than without.
        (nn.Conv2d(1, 1, 3, stride=4, padding=1), (4, 4), (-2, -1)),
        (nn.Conv3d(1, 1, 3, padding=(1, 0, 1)), (5, 5, 5), (-3, -1)),
    ],
)
def test_padded_dimensions(conv: nn.Module, size: tuple[int, ...], dims: tuple[int, ...]) -> None:
    assert dims_of(conv, size) == dims


@pytest.mark.parametrize(("size", "stride"), [(224, 2), (15, 2), (14, 1)])
def test_timm_same_convolutions_pad_outside_and_count(size: int, stride: int) -> None:
    conv = create_conv2d(1, 1, 3, stride=stride, padding="same")
    if stride == 2:
        assert conv.padding == (0, 0)
    assert dims_of(conv, (size, size)) == (-2, -1)


@pytest.mark.parametrize("padding", ["same", 1])
def test_timm_convolutions_with_weights_by_sample_count_too(padding: str | int) -> None:
    """Between layers without activations: RectGrad's map is the gradient but for the border."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv = CondConv2d(1, 4, 3, stride=2, padding=padding, num_experts=2)
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.relu(self.conv(x, torch.ones(len(x), 2)) + 100).sum(dim=(1, 2, 3))
            return y

    x = torch.ones(2, 1, 10, 10)
    found = RectGrad(Net(), tau=0, final_threshold=False).attribute(x)
    # Outputs 1 to 3 of 0 to 4 see positions 2 to 8 ("same" pads behind), or 1 to 7.
    seen = slice(2, 9) if padding == "same" else slice(1, 8)
    assert (found[:, :, seen, seen] != 0).all()
    assert found.count_nonzero() == found[:, :, seen, seen].numel()


class ZeroBorder(torch.autograd.Function):
    """The trick written naively: the identity, whose gradient has no border."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        del ctx
        return x.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        del ctx
        inside = torch.zeros_like(gradient)
        inside[..., 1:-1, 1:-1] = gradient[..., 1:-1, 1:-1]
        return inside


class Skips(nn.Module):
    """Convolutions whose output has several users, or is changed before the ReLU."""

    def __init__(self, use: str, *, is_twin: bool = False, keeps: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.use, self.is_twin, self.keeps = use, is_twin, keeps
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.unpadded = nn.Conv2d(8, 8, 1)
        self.norm = nn.BatchNorm2d(8).eval()
        self.head = nn.Linear(8 * 16 * 16, 2)
        self.gradients: list[Tensor] = []
        self.double()

    def padded(self, conv: nn.Module, x: Tensor) -> Tensor:
        y: Tensor = conv(x)
        return ZeroBorder.apply(y) if self.is_twin else y

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.padded(self.first, x))
        z = self.padded(self.second, h)
        if self.keeps:
            z.register_hook(self.gradients.append)
        if self.use == "skip":
            a = torch.relu(z) + z
        elif self.use == "sum":  # its gradient is the other convolution's too, which does not pad
            z += self.unpadded(h)
            a = torch.relu(z)
        elif self.use == "in place":
            a = torch.relu_(z)
        elif self.use == "norm":
            a = torch.relu(self.norm(z))
        elif self.use == "norm and skip":
            a = torch.relu(self.norm(z) + z)
        else:
            a = torch.relu(z)
        output: Tensor = self.head(a.flatten(1))
        return output


def images() -> Tensor:
    return torch.randn(3, 1, 16, 16, generator=torch.manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("use", ["alone", "skip", "sum", "in place", "norm", "norm and skip"])
@pytest.mark.parametrize("percentile", [0, 60, 98])
@pytest.mark.parametrize("keeps", [False, True])
def test_border_is_zeroed_at_the_convolution_alone(
    use: str, percentile: float, *, keeps: bool
) -> None:
    found = RectGrad(Skips(use, keeps=keeps), percentile).attribute(images(), target=1)
    twin = RectGrad(
        Skips(use, is_twin=True), percentile, activations=[nn.ReLU], padding_trick=False
    )
    expected = twin.attribute(images(), target=1)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)
    assert expected.any()


@pytest.mark.parametrize("use", ["alone", "norm"])
def test_layer_sees_its_gradient_with_the_border(use: str) -> None:
    model = Skips(use, keeps=False)
    arriving = LayerRectGrad(model, model.second, percentile=0, multiply_by_inputs=False)
    assert arriving.attribute(images(), target=1)[..., 0, :].any()


@pytest.mark.parametrize("use", ["alone", "norm"])
def test_hooks_of_the_model_see_the_border(use: str) -> None:
    model = Skips(use)
    RectGrad(model, percentile=0).attribute(images(), target=1)
    assert model.gradients[0][..., 0, :].any()
