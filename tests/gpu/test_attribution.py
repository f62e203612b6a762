"""RectGrad on a GPU: the maps of the CPU, without waiting, and as a CUDA graph."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import timm
import torch
from torch import Tensor, nn

import rectgrad_zoo
from captum_rectgrad import NoBiasRectGrad, RectGrad, RectGradMod, RectGradPRR
from captum_rectgrad._engine.attribution import AttributionRequest
from captum_rectgrad._engine.forward_inputs import ForwardInputs
from captum_rectgrad._engine.model_parts import examine

pytestmark = pytest.mark.gpu
METHODS: tuple[Callable[[nn.Module], RectGrad], ...] = (
    RectGrad,
    RectGradPRR,
    RectGradMod,
    NoBiasRectGrad,
    lambda model: RectGrad(model, percentile=30, rule="PR4"),
)
Synchronisations = Callable[[], AbstractContextManager[list[str]]]


def network(name: str, device: torch.device, dtype: torch.dtype = torch.float64) -> nn.Module:
    if name == "cifar10_cnn":
        return rectgrad_zoo.load(name).to(device, dtype)
    torch.manual_seed(0)
    model: nn.Module = timm.create_model(name)
    return model.eval().to(device, dtype)


def images(size: int, device: torch.device, dtype: torch.dtype = torch.float64) -> Tensor:
    drawn = torch.randn(4, 3, size, size, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return drawn.to(device)


@pytest.mark.parametrize("name", ["cifar10_cnn", "resnet18", "tf_efficientnet_lite0"])
@pytest.mark.parametrize("method", METHODS)
def test_the_maps_of_the_cpu(
    method: Callable[[nn.Module], RectGrad], name: str, device: torch.device
) -> None:
    """In float64, where rounding hardly ever decides which of two scores is larger."""
    size, cpu, target = 32 if name == "cifar10_cnn" else 64, torch.device("cpu"), [0, 3, 5, 7]
    expected = method(network(name, cpu)).attribute(images(size, cpu), target=target)
    found = method(network(name, device)).attribute(images(size, device), target=target)
    assert found.device.type == device.type
    assert expected.any()
    scale = float(expected.abs().max())
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-6, atol=1e-9 * scale)


@pytest.mark.parametrize("name", ["cifar10_cnn", "resnet50", "vgg16"])
def test_a_pass_waits_for_the_look_at_its_maps_alone(
    name: str, cuda: torch.device, synchronisations: Synchronisations
) -> None:
    model = network(name, cuda, torch.float32)
    size = 32 if name == "cifar10_cnn" else 64
    method, x = RectGrad(model), images(size, cuda, torch.float32)
    target = torch.zeros(4, dtype=torch.long, device=cuda)
    method.attribute(x, target=target)
    with synchronisations() as waits:
        x.sum().item()
    assert waits  # so that the next assertion can fail
    request = AttributionRequest(model, method.settings, lambda output, *_: output[:, 0])
    parts = examine(model, method.settings.activations)
    with synchronisations() as waits:
        request._pass(ForwardInputs((x,), None, ()), parts, recorded=False)
    assert len(waits) == 1


def test_a_call_waits_for_its_checks_alone(
    cuda: torch.device, synchronisations: Synchronisations
) -> None:
    """However many activations there are: the inputs, the targets, and the maps in two looks."""
    target, counts = torch.zeros(4, dtype=torch.long, device=cuda), []
    for name in ("cifar10_cnn", "resnet50"):
        method = RectGrad(network(name, cuda, torch.float32))
        x = images(32, cuda, torch.float32)
        method.attribute(x, target=target)
        with synchronisations() as waits:
            method.attribute(x, target=target)
        counts.append(len(waits))
    assert 0 < min(counts) <= max(counts) <= 5


@pytest.mark.parametrize("name", ["cifar10_cnn", "resnet18"])
def test_an_attribution_as_a_cuda_graph(name: str, cuda: torch.device) -> None:
    method, target = RectGrad(network(name, cuda)), torch.tensor([0, 3, 5, 7], device=cuda)
    x = images(32, cuda)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            method.attribute(x, target=target)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        maps = method.attribute(x, target=target)
    for new in (x.flip(0).clone(), x.flip(-1) / 2):
        x.copy_(new)
        graph.replay()
        expected = method.attribute(new, target=target)
        assert expected.any()
        scale = float(expected.abs().max())
        torch.testing.assert_close(maps, expected, rtol=1e-6, atol=1e-9 * scale)
