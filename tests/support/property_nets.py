"""Random small networks and options of RectGrad, as hypothesis strategies.

What is drawn is a description, which prints as the code that makes it and shrinks; weights and
inputs follow from its seed. Both are random normal numbers in float64: thresholds are
discontinuous, and in generic data no two scores are so near that rounding could swap them.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from captum_rectgrad.rules.threshold import RULES

# The same examples in every run; a net takes milliseconds, but the first call of a kind does not.
REPRODUCIBLE = settings(max_examples=30, deadline=None, derandomize=True)

SAMPLES, CLASSES, NECK = 4, 3, 12
CHANNELS, INPUT_CHANNELS = 3, 2
SIZES: dict[int, tuple[int, ...]] = {0: (), 1: (9,), 2: (6, 6), 3: (4, 4, 4)}

CONVOLUTIONS: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMS = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)  # by dimensions
POOLS: dict[int, type[nn.Module]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}

ALWAYS_NEW: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "prelu": nn.PReLU,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,  # composed of several operations
    "tanh": nn.Tanh,
}
MAY_WORK_IN_PLACE: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "hardswish": nn.Hardswish,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
}
METHODS = ("relu", "sigmoid", "tanh")


class Call(nn.Module):
    """A function, where a net is put together of modules. It is no activation to anybody."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@dataclass(frozen=True)
class Activation:
    kind: str = "relu"
    form: Literal["module", "function", "method"] = "module"
    in_place: bool = False

    def module(self) -> nn.Module:
        kind = self.kind
        if self.form == "method":
            name = f"{kind}_" if self.in_place else kind
            return Call(lambda z: getattr(z, name)())
        if self.form == "function":
            function = getattr(F, kind)
            return Call(partial(function, inplace=True) if self.in_place else function)
        if kind in MAY_WORK_IN_PLACE:
            return MAY_WORK_IN_PLACE[kind](inplace=self.in_place)
        return ALWAYS_NEW[kind]()


@dataclass(frozen=True)
class Block:
    """A convolution (or linear layer) and an activation.

    Attributes:
        activation: behind the convolution, or before it.
        before: whether it is before, as in a pre-activation ResNet.
        norm: whether a batch-norm in eval mode stands behind the convolution.
        skip: whether the block's input is added to its output.
        repeats: how often the same modules run, one after the other.
        padded: whether the convolution pads; where the size must stay, it does anyway.
        pool: a max-pooling at the end.
    """

    activation: Activation
    before: bool = False
    norm: bool = False
    skip: bool = False
    repeats: int = 1
    padded: bool = True
    pool: Literal["module", "function"] | None = None


class BlockModule(nn.Module):
    def __init__(self, block: Block, body: nn.Module, pool: nn.Module | None) -> None:
        super().__init__()
        self.block, self.body, self.pool = block, body, pool

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.block.repeats):
            # The input is read only after the body ran: that may have changed it in place.
            y = self.body(x)
            x = x + y if self.block.skip else y
        return x if self.pool is None else self.pool(x)


class Net(nn.Module):
    """`(N, INPUT_CHANNELS, ...)` to `(N, CLASSES)`, through a last activation of `NECK` units."""

    def __init__(
        self,
        shape: tuple[int, ...],
        stem: nn.Module,
        main: nn.Module,
        side: nn.Module | None,
        last: nn.Module,
    ) -> None:
        super().__init__()
        self.stem, self.main, self.side = stem, main, side
        with torch.no_grad():
            width = self.features(torch.zeros(2, *shape)).shape[1]
        self.neck, self.last = nn.Linear(width, NECK), last
        self.head = nn.Linear(NECK, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        parts = [self.main(h)]
        if self.side is not None:
            parts.append(self.side(h))
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.last(self.neck(self.features(x))))


@dataclass(frozen=True)
class NetSpec:
    """A net and its inputs.

    Attributes:
        dims: spatial dimensions; 0: fully connected.
        blocks: one after the other.
        last: the activation before the output.
        side: the activation of a second branch, if there is one.
        reuse: whether activations that are alike are one module.
        seed: of weights and inputs.
    """

    dims: int
    blocks: tuple[Block, ...]
    last: Activation
    side: Activation | None = None
    reuse: bool = False
    seed: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return (INPUT_CHANNELS, *SIZES[self.dims])

    def net(self) -> Net:
        known: dict[Activation, nn.Module] = {}

        def activation(a: Activation) -> nn.Module:
            return known.setdefault(a, a.module()) if self.reuse else a.module()

        size, blocks = min(SIZES[self.dims], default=0), OrderedDict[str, nn.Module]()
        for i, block in enumerate(self.blocks):
            keeps_size = block.padded or block.skip or block.repeats > 1 or size < 4
            body = [self._linear(CHANNELS, padding=int(keeps_size))]
            if block.norm:
                body.append(NORMS[self.dims](CHANNELS))
            body.insert(0 if block.before else len(body), activation(block.activation))
            size = size if keeps_size else size - 2
            pool = self._pool(block) if self.dims and size >= 2 else None
            size = size if pool is None else size // 2
            blocks[f"block{i}"] = BlockModule(block, nn.Sequential(*body), pool)
        side = None
        if self.side is not None:
            side = nn.Sequential(self._linear(CHANNELS, padding=1), activation(self.side))
        stem, main = self._linear(INPUT_CHANNELS, padding=0), nn.Sequential(blocks)
        if self.dims:
            stem = self._linear(INPUT_CHANNELS, padding=1)
        net = Net(self.shape, stem, main, side, activation(self.last)).double().eval()
        _randomise(net, torch.Generator().manual_seed(self.seed))
        return net

    def inputs(self, samples: int = SAMPLES) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed + 1)
        return torch.randn(samples, *self.shape, dtype=torch.float64, generator=generator)

    def targets(self, samples: int = SAMPLES) -> list[int]:
        return [(self.seed + i) % CLASSES for i in range(samples)]

    def differentiable(self) -> bool:
        """Whether PyTorch itself can: one activation may overwrite what another saved."""
        try:
            self.net()(self.inputs(2)).sum().backward()
        except RuntimeError:
            return False
        return True

    def _linear(self, channels: int, padding: int) -> nn.Module:
        if self.dims == 0:
            return nn.Linear(channels, CHANNELS)
        return CONVOLUTIONS[self.dims](channels, CHANNELS, 3, padding=padding)

    def _pool(self, block: Block) -> nn.Module | None:
        if block.pool == "function":
            return Call(partial(getattr(F, f"max_pool{self.dims}d"), kernel_size=2))
        return POOLS[self.dims](2) if block.pool == "module" else None


def _randomise(net: nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for parameter in net.parameters():
            fan_in = parameter[0].numel()
            scale = (2 / fan_in) ** 0.5 if parameter.dim() > 1 else 0.2
            parameter.normal_(0, scale, generator=generator)
        for module in net.modules():
            if isinstance(module, NORMS):
                module.weight.add_(1)
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0, 0.2, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)


def activations() -> st.SearchStrategy[Activation]:
    in_place, new = st.sampled_from([*MAY_WORK_IN_PLACE]), st.sampled_from([*ALWAYS_NEW])
    return st.one_of(
        st.builds(Activation, in_place, st.sampled_from(["module", "function"]), st.booleans()),
        st.builds(Activation, st.sampled_from(METHODS), st.just("method"), st.booleans()),
        st.builds(Activation, new, st.just("module")),
    )


def blocks() -> st.SearchStrategy[Block]:
    return st.builds(
        Block,
        activation=activations(),
        before=st.booleans(),
        norm=st.booleans(),
        skip=st.booleans(),
        repeats=st.sampled_from([1, 1, 2]),
        padded=st.booleans(),
        pool=st.sampled_from([None, "module", "function"]),
    )


def nets() -> st.SearchStrategy[NetSpec]:
    return st.builds(
        NetSpec,
        dims=st.sampled_from([0, 1, 2, 3]),
        blocks=st.lists(blocks(), min_size=1, max_size=3).map(tuple),
        last=activations(),
        side=st.none() | activations(),
        reuse=st.booleans(),
        seed=st.integers(0, 10_000),
    ).filter(NetSpec.differentiable)


def percentiles() -> st.SearchStrategy[float]:
    # Between 0 and 1 a percentile gives a warning.
    return st.sampled_from([0, 30, 50, 70, 80, 90]) | st.floats(1, 95)


def by_percentile() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"percentile": percentiles()})


def by_tau(*taus: float) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"tau": st.sampled_from(taus)})


def options(threshold: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of `RectGrad`; the map keeps its sign, so that there is more to compare."""
    rest = st.fixed_dictionaries(
        {
            "rule": st.sampled_from(RULES),
            "padding_trick": st.booleans(),
            "prr": st.booleans(),
            "multiply_by_inputs": st.booleans(),
            "final_threshold": st.just(False),
        }
    )
    return st.builds(lambda first, second: {**first, **second}, threshold, rest)


def any_options() -> st.SearchStrategy[dict[str, Any]]:
    return options(st.one_of(by_percentile(), by_tau(-0.05, 0.0, 0.01)))
