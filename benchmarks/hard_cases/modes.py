"""Cases: modes of autograd, types of numbers, training mode, tokens."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from benchmarks.hard_cases.methods import Method
from benchmarks.hard_cases.nets import (
    CHANNELS,
    CLASSES,
    SIZE,
    WIDTH,
    Net,
    Operation,
    build,
    chain,
    images,
    plain,
    relus,
)
from benchmarks.hard_cases.outcome import (
    Case,
    Outcome,
    call,
    compare,
    failed,
    judge,
    twins,
)

# What PyTorch says where there is no graph, as under no_grad.
NO_GRADIENT = "(does not|doesn't) require grad"
BATCH_STATISTICS = r"train(ing)? mode|BatchNorm|eval\(\)"
EMBEDDING, FEEDFORWARD = 16, 128


def _requires_grad(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    x.requires_grad_()
    x.grad = torch.ones_like(x)
    return model, x


def _frozen(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    return model.requires_grad_(requires_grad=False), x


def _gradients_of_their_own(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    return model, x


def _checkpointed(use_reentrant: bool, net: Any, x: Tensor) -> Tensor:
    def block(h: Tensor) -> Tensor:
        return net.act(1, net.conv1(h))

    h = net.act(0, net.conv0(x))
    h = checkpoint(block, h, use_reentrant=use_reentrant)
    return net.head(net.act(2, net.conv2(h)).flatten(1))


def _normalised(act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(CHANNELS, WIDTH, 3, padding=1),
        nn.BatchNorm2d(WIDTH),
        act(),
        nn.Flatten(),
        nn.Linear(WIDTH * SIZE * SIZE, CLASSES),
    )


def _training_mode(method: Method) -> Outcome:
    twin, x = build(_normalised), images(3)
    reference = call(method, twin, images(3))
    model = build(_normalised).train()
    run = call(method, model, x, says=BATCH_STATISTICS)
    outcome = judge(run, reference, BATCH_STATISTICS)
    if outcome.kind == "wrong" and run.maps is not None and len(run.maps) == len(x):
        return Outcome("wrong", "samples mixed, no warning")
    return outcome


def _low_precision(dtype: torch.dtype, method: Method) -> Outcome:
    run = call(method, build(plain).to(dtype), images().to(dtype))
    return _finite(run.maps, run.error)


def _autocast(dtype: torch.dtype, method: Method) -> Outcome:
    with torch.autocast("cpu", dtype):
        run = call(method, build(plain).float(), images().float())
    return _finite(run.maps, run.error)


def _finite(maps: Tensor | None, error: Exception | None) -> Outcome:
    if maps is None:
        return failed(error or RuntimeError(), "Half|BFloat16")
    if not torch.isfinite(maps).all():
        return Outcome("wrong", "not finite")
    return Outcome("right") if maps.count_nonzero() else Outcome("wrong", "all zero")


def _one_by_one(method: Method) -> Outcome:
    x = images(3)
    singles = [call(method, build(plain), x[i : i + 1].clone()).maps for i in range(3)]
    run = call(method, build(plain), x)
    if run.maps is None:
        return failed(run.error or RuntimeError(), "")
    return compare(run.maps, torch.cat([single for single in singles if single is not None]))


def _empty(method: Method) -> Outcome:
    run = call(method, build(plain), images()[:0])
    if run.maps is None:
        return failed(run.error or RuntimeError(), "empty|batch")
    same = run.maps.shape == images()[:0].shape
    return Outcome("right") if same else Outcome("wrong", "another shape")


def _with_an_empty_map(net: Any, x: Tensor) -> Tensor:
    logits: Tensor = (
        chain(net, x) + net.act(3, net.conv0(x)[..., :0, :0]).sum(dim=(1, 2, 3))[:, None]
    )
    return logits


class _Transformer(nn.Module):
    """Rows of the image as tokens: PyTorch's encoder layer, or its parts called one by one."""

    def __init__(self, act: Operation, *, written_out: bool, batch_first: bool = True) -> None:
        super().__init__()
        self.embed = nn.Linear(CHANNELS * SIZE, EMBEDDING)
        # The layer registers the activation, where it is a module.
        self.layer = nn.TransformerEncoderLayer(
            EMBEDDING, 2, FEEDFORWARD, activation=act, batch_first=batch_first
        )
        self.head = nn.Linear(EMBEDDING, CLASSES)
        self.written_out = written_out
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x.transpose(1, 2).flatten(2))
        if not self.batch_first:
            tokens = tokens.transpose(0, 1)
        mixed = self._parts(tokens) if self.written_out else self.layer(tokens)
        logits: Tensor = self.head(mixed.mean(1 if self.batch_first else 0))
        return logits

    def _parts(self, h: Tensor) -> Tensor:
        layer = self.layer
        h = layer.norm1(h + layer.self_attn(h, h, h, need_weights=False)[0])
        return layer.norm2(h + layer.linear2(layer.activation(layer.linear1(h))))


def _tokens(act: Callable[[], nn.Module]) -> _Transformer:
    return _Transformer(act(), written_out=True)


def _under(name: str, context: Callable[[], AbstractContextManager[object]]) -> Case:
    return twins(name, plain, plain, context=context, says=NO_GRADIENT)


def _made_under(name: str, *, model: bool, expected: str) -> Case:
    """A model or an input that is an inference tensor, in a call outside of that mode."""

    def prepare(net: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
        with torch.inference_mode():
            return (build(plain), x) if model else (net, images())

    return twins(name, plain, plain, prepare=prepare, expected=expected, says="[Ii]nference")


def _time_first(samples: int) -> Case:
    """A batch in a net whose activations have the samples in dimension 1.

    Args:
        samples: as many as there are tokens, or another number.

    Returns:
        The case.
    """
    many = "as many samples as tokens" if samples == SIZE else "in a batch"
    return twins(
        f"`nn.TransformerEncoderLayer` with `nn.ReLU`, time first, {many}",
        lambda: _Transformer(nn.ReLU(), written_out=False, batch_first=False),
        lambda: _tokens(nn.ReLU),
        samples=samples,
        says="dimension 0",
    )


MODES = (
    _under("called under `torch.no_grad()`", torch.no_grad),
    _under("called under `torch.inference_mode()`", torch.inference_mode),
    _made_under("an input made under `torch.inference_mode()`", model=False, expected="right"),
    _made_under("a model made under `torch.inference_mode()`", model=True, expected="refused"),
    twins("an input with `requires_grad` and a `.grad`", plain, plain, prepare=_requires_grad),
    twins("frozen parameters", plain, plain, prepare=_frozen),
    twins("parameters with a `.grad`", plain, plain, prepare=_gradients_of_their_own),
    Case("float16: finite, not all zero", partial(_low_precision, torch.float16)),
    Case("bfloat16: finite, not all zero", partial(_low_precision, torch.bfloat16)),
    Case("autocast to bfloat16: finite, not all zero", partial(_autocast, torch.bfloat16)),
    twins(
        "`checkpoint(..., use_reentrant=False)`",
        lambda: Net(partial(_checkpointed, False), relus(3)),
        plain,
    ),
    twins(
        "the same around `F.relu(x)`",
        lambda: Net(partial(_checkpointed, False), [F.relu] * 3),
        plain,
    ),
    twins(
        "`checkpoint(..., use_reentrant=True)`",
        lambda: Net(partial(_checkpointed, True), relus(3)),
        plain,
        expected="refused",
        says="use_reentrant",
    ),
    Case("BatchNorm in training mode: warned of, or as in eval mode", _training_mode, "warns"),
    Case("a batch: as its samples one by one", _one_by_one),
    Case("an empty batch: refused, or empty maps", _empty, "refused"),
    twins(
        "a feature map of size zero beside the others",
        lambda: Net(_with_an_empty_map, relus(4)),
        plain,
    ),
    twins(
        "`nn.TransformerEncoderLayer`",
        lambda: _Transformer(F.relu, written_out=False),
        lambda: _tokens(nn.ReLU),
    ),
    twins(
        "`nn.TransformerEncoderLayer` with GELU",
        lambda: _Transformer(F.gelu, written_out=False),
        lambda: _tokens(nn.GELU),
    ),
    _time_first(3),
    _time_first(SIZE),
)
