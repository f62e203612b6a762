"""Cases: models compiled, scripted, traced, exported, quantized or in a wrapper."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, distributed, fx, nn
from torch._C._distributed_c10d import HashStore

from benchmarks.hard_cases.nets import Net, images, plain, sequential
from benchmarks.hard_cases.outcome import Case, twins


def _made(
    name: str,
    make: Callable[[nn.Module], nn.Module],
    *,
    expected: str = "right",
    says: str = "",
    network: Callable[[], nn.Module] = sequential,
) -> Case:
    """A network made into another one, beside itself."""

    def prepare(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own, of what it deprecates
            return make(model), x

    return twins(name, network, network, expected=expected, says=says, prepare=prepare)


def _trace(model: nn.Module) -> nn.Module:
    traced: nn.Module = torch.jit.trace(model, images())
    return traced


def _script(model: nn.Module) -> nn.Module:
    scripted: nn.Module = torch.jit.script(model)
    return scripted


def _export(model: nn.Module) -> nn.Module:
    return torch.export.export(model, (images(),)).module()


def _compile(model: nn.Module) -> nn.Module:
    torch.compiler.reset()
    compiled: nn.Module = torch.compile(model, backend="eager")  # type: ignore[assignment]
    return compiled


def _compile_after_a_call(model: nn.Module) -> nn.Module:
    compiled = _compile(model)
    compiled(images())
    return compiled


def _compile_a_part(model: nn.Module) -> nn.Module:
    torch.compiler.reset()
    model[2] = torch.compile(model[2], backend="eager")  # type: ignore[index, operator]
    model[3].compile(backend="eager")  # type: ignore[index]
    model(images())
    return model


def _distribute(model: nn.Module) -> nn.Module:
    # A group of this process alone, which a model in eval mode needs to be wrapped, not to be run.
    distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        return nn.parallel.DistributedDataParallel(model).eval()
    finally:
        distributed.destroy_process_group()


def _quantize(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(model.float(), {nn.Linear}), x.float()


class _Answer(nn.Module):
    """A model that returns a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.net = plain()

    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        return {"logits": self.net(x)}


def _constant(net: Any, x: Tensor) -> Tensor:
    h = torch.zeros_like(x, requires_grad=False)
    for i, conv in enumerate((net.conv0, net.conv1, net.conv2)):
        h = net.act(i, conv(h))
    logits: Tensor = net.head(h.flatten(1))
    return logits


WRAPPERS = (
    _made("`nn.DataParallel`", lambda model: nn.DataParallel(model).eval()),
    _made("`DistributedDataParallel`", _distribute),
    _made('`torch.compile(backend="eager")`', _compile),
    _made("`torch.compile`, and called before", _compile_after_a_call),
    _made("`torch.compile` of two parts of it, called before", _compile_a_part),
    _made("`torch.fx.symbolic_trace`", fx.symbolic_trace),
    _made("`torch.jit.script`", _script, expected="refused", says=r"script|torch\.jit"),
    _made("`torch.jit.trace`", _trace, expected="refused", says=r"trace|torch\.jit"),
    _made("`torch.export`", _export, expected="refused", says="export"),
    twins(
        "dynamic quantization",
        sequential,
        sequential,
        expected="refused",
        says="quanti",
        prepare=_quantize,
    ),
    twins(
        "the model returns a dictionary",
        _Answer,
        plain,
        says="dict|to be a torch.Tensor",
    ),
    twins(
        "the output does not depend on the input",
        lambda: Net(_constant, [nn.ReLU() for _ in range(3)]),
        plain,
        expected="refused",
        says="depend|not have been used in the graph",
    ),
)
