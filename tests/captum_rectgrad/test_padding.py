"""Which convolutions pad, and what the padding trick zeroes."""

from functools import partial

import pytest
import torch
from timm.layers.cond_conv2d import CondConv2d
from timm.layers.create_conv2d import create_conv2d
from torch import Tensor, nn

from captum_rectgrad import LayerRectGrad, RectGrad
from captum_rectgrad.hooks import Convolution
from captum_rectgrad.padding import padded_dims, zero_border, zero_border_
from captum_rectgrad.rectified_pass import RectifiedPass
from captum_rectgrad.rules import Selection
from captum_rectgrad.windows import Windows


def windows(conv: Convolution) -> Windows:
    dims = len(conv.kernel_size)
    return Windows.of(dims, conv.kernel_size, conv.stride, conv.padding, conv.dilation)


@pytest.mark.parametrize(
    ("conv", "size", "dims"),
    [
        (nn.Conv1d(1, 1, 3, padding=1), (8,), (-1,)),
        (nn.Conv2d(1, 1, 3), (8, 8), ()),
        (nn.Conv2d(1, 1, 3, padding=1), (8, 8), (-2, -1)),
        (nn.Conv2d(1, 1, (3, 1), padding=(1, 0)), (8, 8), (-2,)),
        (nn.Conv2d(1, 1, (1, 3), padding="same"), (8, 8), (-1,)),
        (nn.Conv2d(1, 1, 3, padding="valid"), (8, 8), ()),
        (nn.Conv2d(1, 1, 1), (8, 8), ()),
        # The border is padding although the output is no larger than without.
        (nn.Conv2d(1, 1, 3, stride=4, padding=1), (4, 4), (-2, -1)),
        (nn.Conv3d(1, 1, 3, padding=(1, 0, 1)), (5, 5, 5), (-3, -1)),
    ],
)
def test_padded_dims(conv: Convolution, size: tuple[int, ...], dims: tuple[int, ...]) -> None:
    x = torch.zeros(2, 1, *size)
    assert padded_dims(windows(conv), x.shape, conv(x).shape) == dims


@pytest.mark.parametrize(("size", "stride"), [(224, 2), (15, 2), (14, 1)])
def test_timm_same_convolutions_pad_outside_and_count(size: int, stride: int) -> None:
    conv = create_conv2d(1, 1, 3, stride=stride, padding="same")
    assert isinstance(conv, nn.Conv2d)
    x = torch.zeros(1, 1, size, size)
    if stride == 2:
        assert conv.padding == (0, 0)
    assert padded_dims(windows(conv), x.shape, conv(x).shape) == (-2, -1)


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


def zeroed(gradient: Tensor, dims: tuple[int, ...]) -> Tensor:
    return zero_border(gradient, dims, torch.empty_like)


def test_border_by_hand() -> None:
    gradient = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert zeroed(gradient, (-2, -1)).tolist() == [[[[0] * 4, [0, 5, 6, 0], [0] * 4]]]
    assert zeroed(gradient, (-1,)).tolist() == [[[[0, 1, 2, 0], [0, 5, 6, 0], [0, 9, 10, 0]]]]
    assert gradient.tolist() == torch.arange(12.0).reshape(1, 1, 3, 4).tolist()


def test_a_dimension_that_would_be_all_border_is_left_alone() -> None:
    gradient = torch.ones(1, 1, 2, 3)
    assert zeroed(gradient, (-2, -1)).tolist() == [[[[0, 1, 0], [0, 1, 0]]]]
    assert zeroed(gradient, (-2,)) is gradient


def test_the_border_is_zero_whatever_was_there() -> None:
    gradient = torch.full((1, 1, 3, 3), torch.nan)
    gradient[0, 0, 0] = torch.inf
    gradient[0, 0, 1, 1] = -0.0
    found = zeroed(gradient, (-2, -1))
    assert found.abs().sum() == 0
    assert found.signbit().nonzero().tolist() == [[0, 0, 1, 1]]  # what is inside stays as it was


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.complex64, torch.complex128]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_border_of_other_numbers_and_layouts(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    gradient = torch.randn(2, 3, 4, 5).to(dtype).contiguous(memory_format=layout)
    expected = gradient.clone()
    expected[:, :, [0, -1]] = 0
    expected[:, :, :, [0, -1]] = 0
    assert torch.equal(zeroed(gradient, (-2, -1)), expected)
    expected = gradient.clone()
    expected[:, :, [0, -1]] = 0
    assert torch.equal(zeroed(gradient, (-2,)), expected)


def test_a_sign_that_is_only_noted() -> None:
    gradient = torch.arange(1.0, 13).reshape(1, 1, 3, 4)
    noted = torch._neg_view(gradient)
    assert noted.is_neg()
    assert torch.equal(zeroed(noted, (-2, -1)), -zeroed(gradient, (-2, -1)))


class Skips(nn.Module):
    """Convolutions whose output has several users, or is changed before the ReLU."""

    def __init__(self, use: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.use = use
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.unpadded = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8 * 16 * 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        z = self.second(h)
        if self.use == "skip":
            a = torch.relu(z) + z
        elif self.use == "sum":  # its gradient is the other convolution's too, which does not pad
            z += self.unpadded(h)
            a = torch.relu(z)
        elif self.use == "in place":
            a = torch.relu_(z)
        else:
            a = torch.relu(z)
        output: Tensor = self.head(a.flatten(1))
        return output


@pytest.mark.parametrize("use", ["alone", "skip", "sum", "in place"])
@pytest.mark.parametrize("percentile", [0, 60, 98])
@pytest.mark.bitwise("the border is zeroed at another moment; the convolutions are the same")
def test_zeroing_the_border_at_once_changes_nothing(
    use: str, percentile: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(3, 1, 16, 16, generator=torch.manual_seed(1))
    method = RectGrad(Skips(use), percentile=percentile)
    at_once = method.attribute(x, target=1)
    monkeypatch.setattr(RectifiedPass, "_padded_before", lambda *_: ())
    assert torch.equal(at_once, method.attribute(x, target=1))
    assert at_once.any()


def test_a_layer_sees_its_gradient_with_the_border() -> None:
    model = Skips("alone")
    x = torch.randn(2, 1, 16, 16, generator=torch.manual_seed(1))
    arriving = LayerRectGrad(model, model.second, percentile=0, multiply_by_inputs=False)
    assert arriving.attribute(x, target=1)[..., 0, :].any()


@pytest.mark.parametrize("shape", [(4, 8, 16, 16), (8, 16, 32)])
def test_alone_a_sample_may_have_any_shape(shape: tuple[int, ...]) -> None:
    a, r = torch.rand(2, *shape, generator=torch.manual_seed(0))
    finish = partial(zero_border_, (-2, -1))
    passing, _ = Selection("PR1", percentile=0).passed_on(
        a, r, samples=1, last_hidden=True, finish=finish
    )
    expected = torch.where(a * r > (a * r).min(), r, 0)
    zero_border_((-2, -1), expected)
    assert torch.equal(passing, expected)


def test_hooks_of_the_model_see_the_border() -> None:
    seen: list[Tensor] = []

    class Hooked(Skips):
        def forward(self, x: Tensor) -> Tensor:
            z = self.second(torch.relu(self.first(x)))
            z.register_hook(seen.append)
            output: Tensor = self.head(torch.relu(z).flatten(1))
            return output

    x = torch.randn(2, 1, 16, 16, generator=torch.manual_seed(1))
    RectGrad(Hooked("alone"), percentile=0).attribute(x, target=1)
    assert seen[0][..., 0, :].any()
