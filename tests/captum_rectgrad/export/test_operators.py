"""Every family of operators, exported in a small network and compared with PyTorch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad, RectGradPRR, Saliency, export_onnx
from captum_rectgrad.attr.base import ModifiedGradient
from captum_rectgrad.export.check import check_onnx
from captum_rectgrad.export.operators import UnsupportedOperatorError

CHANNELS, SIZE, IMAGES = 4, 9, 5

CONVOLUTIONS: dict[str, Callable[[], nn.Module]] = {
    "stride 1": lambda: nn.Conv2d(CHANNELS, 6, 3, padding=1),
    "stride 2": lambda: nn.Conv2d(CHANNELS, 6, 3, stride=2, padding=1),
    "stride 2 and a row that no window covers": lambda: nn.Conv2d(CHANNELS, 6, 2, stride=4),
    "patches": lambda: nn.Conv2d(CHANNELS, 6, 3, stride=3),
    "dilation": lambda: nn.Conv2d(CHANNELS, 6, 3, dilation=2, padding=1),
    "two sizes": lambda: nn.Conv2d(CHANNELS, 6, (1, 3), stride=(2, 1), padding=(0, 1)),
    "large padding": lambda: nn.Conv2d(CHANNELS, 6, 2, padding=2),
    "depthwise": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS),
    "depthwise, stride 2": lambda: nn.Conv2d(CHANNELS, 8, 3, stride=2, groups=CHANNELS),
    "groups": lambda: nn.Conv2d(CHANNELS, 6, 3, groups=2),
    "groups, stride 2": lambda: nn.Conv2d(CHANNELS, 6, 3, stride=2, groups=2),
    "transposed": lambda: nn.ConvTranspose2d(CHANNELS, 6, 3, stride=2, padding=1, output_padding=1),
}
POOLINGS: dict[str, Callable[[], nn.Module]] = {
    "max": lambda: nn.MaxPool2d(2),
    "max, overlap and padding": lambda: nn.MaxPool2d(3, stride=2, padding=1),
    "max, ceil mode": lambda: nn.MaxPool2d(2, ceil_mode=True),
    "max, dilation": lambda: nn.MaxPool2d(2, dilation=2),
    "average": lambda: nn.AvgPool2d(2),
    "average, overlap and padding": lambda: nn.AvgPool2d(3, stride=2, padding=1),
    "average, without padding in the mean": lambda: nn.AvgPool2d(
        3, stride=2, padding=1, count_include_pad=False
    ),
    "global": lambda: nn.AdaptiveAvgPool2d(1),
    "adaptive, equal windows": lambda: nn.AdaptiveAvgPool2d(3),
    "adaptive, unequal windows": lambda: nn.AdaptiveAvgPool2d(4),
}
ACTIVATIONS: tuple[type[nn.Module], ...] = (
    nn.CELU,
    nn.ELU,
    nn.GELU,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardtanh,
    nn.LeakyReLU,
    nn.LogSigmoid,
    nn.Mish,
    nn.PReLU,
    nn.ReLU,
    nn.ReLU6,
    nn.SELU,
    nn.Sigmoid,
    nn.SiLU,
    nn.Softplus,
    nn.Softsign,
    nn.Tanh,
)
INTERPOLATIONS: dict[str, Callable[[], nn.Module]] = {
    "nearest": lambda: nn.Upsample(scale_factor=2),
    "bilinear": lambda: nn.Upsample(size=(14, 5), mode="bilinear"),
    "bilinear with corners": lambda: nn.Upsample(size=(5, 14), mode="bilinear", align_corners=True),
    "bicubic": lambda: nn.Upsample(scale_factor=1.5, mode="bicubic"),
}
NORMS: dict[str, Callable[[], nn.Module]] = {
    "batch": lambda: nn.BatchNorm2d(CHANNELS),
    "batch, without parameters": lambda: nn.BatchNorm2d(CHANNELS, affine=False),
    "group": lambda: nn.GroupNorm(2, CHANNELS),
    "layer": lambda: nn.LayerNorm([CHANNELS, SIZE, SIZE]),
}


class Branches(nn.Module):
    """Views, joins and slices: a shuffle of channels, a concatenation, a padding and a mean."""

    def forward(self, x: Tensor) -> Tensor:
        """Mix the channels of `(N, C, H, W)`."""
        first, second = x.chunk(2, dim=1)
        first = nn.functional.normalize(first, dim=1)
        joined = torch.cat([first * 2, second, x[:, 1:3, ::2].mean(2, keepdim=True) + first], dim=1)
        shuffled = joined.unflatten(1, (2, 3)).transpose(1, 2).flatten(1, 2)
        return (
            nn.functional.pad(shuffled, (1, -1, 0, 1)).roll(1, 2)
            + shuffled.sum((1,), True)[:, :, :1]
        )


class Attention(nn.Module):
    """Self-attention of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(CHANNELS, 3 * 8)

    def forward(self, x: Tensor) -> Tensor:
        """Attend over the pixels of `(N, C, H, W)`."""
        tokens = self.embed(x.flatten(2).transpose(1, 2)).unflatten(2, (3, 2, 4))
        query, key, value = tokens.permute(2, 0, 3, 1, 4).unbind(0)
        return nn.functional.scaled_dot_product_attention(query, key, value).mean(2).flatten(1)


def network(part: nn.Module) -> nn.Module:
    """A classifier of `(N, 3, 9, 9)` that contains a part."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, CHANNELS, 3, padding=1), nn.ReLU(), part, nn.Flatten(), nn.LazyLinear(5)
    )
    for parameter in model.parameters():
        if not isinstance(parameter, nn.UninitializedParameter):
            parameter.data += 0.3 * torch.randn(parameter.shape)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean = torch.randn(CHANNELS)
            norm.running_var = torch.rand(CHANNELS) + 0.5
    model(torch.zeros(1, 3, SIZE, SIZE))
    return model.eval()


def check(
    part: nn.Module,
    folder: Path,
    methods: tuple[type[ModifiedGradient], ...] = (Saliency, RectGradPRR),
) -> None:
    """Compare the plain gradient, and RectGrad with PRR, for a batch of any size."""
    model = network(part)
    images = torch.randn(IMAGES, 3, SIZE, SIZE)
    for method in methods:
        written = export_onnx(model, images[:1], folder / "map.onnx", method, dynamic=["batch"])
        found = check_onnx(written.path, model, images, method, percentiles=[90, 40])
        assert found.failure is None
        assert found.deviating.sum() == 0


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_and_its_gradient(name: str, tmp_path: Path) -> None:
    check(CONVOLUTIONS[name](), tmp_path)


@pytest.mark.parametrize("name", POOLINGS)
def test_pooling_and_its_gradient(name: str, tmp_path: Path) -> None:
    # PRR sums over dilated windows with `Tensor.unfold`, which has no translation.
    methods = (Saliency, RectGrad) if "dilation" in name else (Saliency, RectGradPRR)
    check(POOLINGS[name](), tmp_path, methods)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_and_its_derivative(activation: type[nn.Module], tmp_path: Path) -> None:
    check(activation(), tmp_path)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.SiLU, nn.Mish, nn.Hardswish, nn.ELU, nn.CELU])
def test_activation_in_place(activation: Callable[..., nn.Module], tmp_path: Path) -> None:
    check(activation(inplace=True), tmp_path)


@pytest.mark.parametrize("name", INTERPOLATIONS)
def test_interpolation_and_its_gradient(name: str, tmp_path: Path) -> None:
    check(INTERPOLATIONS[name](), tmp_path)


@pytest.mark.parametrize("name", NORMS)
def test_normalisation_and_its_gradient(name: str, tmp_path: Path) -> None:
    check(NORMS[name](), tmp_path)


def test_views_joins_and_slices(tmp_path: Path) -> None:
    check(Branches(), tmp_path)


def test_attention(tmp_path: Path) -> None:
    check(Attention(), tmp_path)


@pytest.mark.parametrize(
    ("part", "operator"),
    [
        (lambda x: x.cumsum(1), "aten.cumsum.default"),
        (lambda x: torch.fft.fft(x).real, "aten._fft_r2c.default"),
        (
            lambda x: nn.functional.relu_(x[:, :2]) + x[:, 2:],
            "aten.relu_.default in place on a view",
        ),
    ],
)
def test_operator_without_translation_is_named(
    part: Callable[[Tensor], Tensor], operator: str, tmp_path: Path
) -> None:
    class Part(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return part(x)

    model = network(Part())
    with pytest.raises(UnsupportedOperatorError, match="no translation for") as raised:
        export_onnx(model, torch.zeros(1, 3, SIZE, SIZE), tmp_path / "map.onnx")
    assert operator in str(raised.value)
    assert not (tmp_path / "map.onnx").exists()
