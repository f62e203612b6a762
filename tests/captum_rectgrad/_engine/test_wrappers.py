"""Models in wrappers: compiled, parallel, distributed, sharded, quantized."""

import copy
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.multiprocessing.spawn import spawn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from captum_rectgrad import LayerRectGrad, NeuronRectGrad, RectGrad, RectGradWarning


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.relu = nn.Linear(12, 64), nn.ReLU(inplace=True)
        self.second, self.last = nn.Linear(64, 64), nn.Linear(64, 4)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(F.relu(self.second(self.relu(self.first(x)))))
        return y


class Around(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.net(x)
        return y


def batch() -> Tensor:
    return torch.rand(3, 12, dtype=torch.float64, generator=torch.manual_seed(1))


def check(model: nn.Module, net: Any) -> None:
    """`model` computes what `Net()` does, `net` inside it."""
    x = batch()
    found = RectGrad(model, percentile=80).attribute(x, target=1)
    expected = RectGrad(Net(), percentile=80).attribute(x, target=1)
    torch.testing.assert_close(found, expected)
    plain = Net()
    expected = LayerRectGrad(plain, plain.second, percentile=80).attribute(x, target=1)
    found = LayerRectGrad(model, net.second, percentile=80).attribute(x, target=1)
    torch.testing.assert_close(found, expected)
    expected = NeuronRectGrad(plain, plain.second, percentile=80).attribute(x, 5)
    found = NeuronRectGrad(model, net.second, percentile=80).attribute(x, 5)
    torch.testing.assert_close(found, expected)


def compiled(net: nn.Module) -> nn.Module:
    return cast("nn.Module", torch.compile(net, backend="aot_eager"))


def compiled_in_place(net: nn.Module) -> nn.Module:
    net.compile(backend="aot_eager")
    return net


def a_part_compiled(net: nn.Module) -> nn.Module:
    net.relu.compile(backend="aot_eager")  # type: ignore[union-attr]
    return net


def stance() -> str:
    return torch._dynamo.eval_frame._stance.stance


@pytest.fixture
def no_compiled_code() -> Iterator[None]:
    yield
    torch._dynamo.reset()


@pytest.mark.usefixtures("no_compiled_code")
@pytest.mark.parametrize(
    "compile_",
    [
        compiled,
        lambda net: Around(compiled(net)),
        lambda net: compiled(Around(net)),
        compiled_in_place,
        lambda net: Around(compiled_in_place(net)),
        a_part_compiled,
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_compiled_models_are_right(
    compile_: Callable[[nn.Module], nn.Module], before: bool
) -> None:
    net = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, about how it compiles
        warnings.simplefilter("error", RectGradWarning)
        model = compile_(net)
        if before:
            model(batch())
        check(model, net)
        torch.testing.assert_close(model(batch()), Net()(batch()))
    assert stance() == "default"


# The mode of `--perturb` would be reason to compile again.
@pytest.mark.usefixtures("no_compiled_code", "unperturbed")
def test_what_is_compiled_stays_so_whichever_of_several_threads_ends_last() -> None:
    model, x = compiled(Net()), batch()
    model(x)
    expected = RectGrad(Net(), percentile=80).attribute(x, 1)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: RectGrad(model, percentile=80).attribute(x, 1), range(40))
        for one in found:
            torch.testing.assert_close(one, expected)
    assert stance() == "default"
    with torch.compiler.set_stance("fail_on_recompile"):
        model(x)  # still compiled
        RectGrad(model, percentile=80).attribute(x, 1)
        assert stance() == "fail_on_recompile"


def test_data_parallel_is_right_on_its_first_device() -> None:
    net = Net()
    check(nn.DataParallel(net), net)
    check(Around(nn.DataParallel(net)), net)


def test_data_parallel_over_devices_inside_a_model_is_refused() -> None:
    parallel = nn.DataParallel(Net())
    parallel.device_ids = [0, 1]  # as on a machine with two GPUs
    with pytest.raises(TypeError, match=r"net is a DataParallel inside .*\.module"):
        RectGrad(Around(parallel))
    assert RectGrad(parallel, percentile=80).attribute(batch(), 1).any()


@pytest.fixture
def process_group(tmp_path: Path) -> Iterator[None]:
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("process_group")
def test_distributed_data_parallel_is_right_and_can_train_afterwards() -> None:
    net = Net()
    for model in (DistributedDataParallel(net), Around(DistributedDataParallel(net))):
        check(model, net)
        model(batch()).sum().backward()
        model(batch()).sum().backward()


def _sharded(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ["RANK"] = str(rank)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    expected = RectGrad(Net(), percentile=80).attribute(batch()[: rank + 1], target=1)
    flat = FullyShardedDataParallel(Net(), device_id=torch.device("cpu"))
    each = Net()
    mesh = init_device_mesh("cpu", (2,))
    for module in (each.first, each.second, each):
        fully_shard(module, mesh=mesh)
    for model in (flat, each):
        # Each rank has samples of its own; twice, since the first call gathers lazily.
        for _ in range(2):
            found = RectGrad(model, percentile=80).attribute(batch()[: rank + 1], target=1)
            torch.testing.assert_close(found, expected)
            assert found.any()
        model(batch()).sum().backward()
    # A process whose peer has closed its connection in the middle of a step is aborted.
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.mark.slow
def test_models_sharded_over_two_processes_are_right(tmp_path: Path) -> None:
    spawn(_sharded, args=(str(tmp_path),), nprocs=2)


def test_quantized_models_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that PyTorch is moving quantization elsewhere
        model = torch.ao.quantization.quantize_dynamic(Net(), {nn.Linear})
    with pytest.raises(
        TypeError, match=r"(first|second|last) is quantized .* pass the model before its conversion"
    ):
        RectGrad(model)


def test_models_that_imitate_quantization_are_right() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = copy.deepcopy(Net()).train()
        net.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")
        model = torch.ao.quantization.prepare_qat(net).eval()
        model.apply(torch.ao.quantization.disable_observer)
        model.apply(torch.ao.quantization.disable_fake_quant)
    found = RectGrad(model, percentile=80).attribute(batch(), target=1)
    expected = RectGrad(Net(), percentile=80).attribute(batch(), target=1)
    torch.testing.assert_close(found, expected)
