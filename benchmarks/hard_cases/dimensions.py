"""Cases: activations in which a dimension stands before the samples, as long as the batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.hard_cases.nets import CHANNELS, CLASSES, SIZE, WIDTH
from benchmarks.hard_cases.outcome import Case, twins

MEMBERS = 4  # as many as samples
INPUTS = CHANNELS * SIZE * SIZE
UNITS = 64

# From the ensemble and its input `(N, INPUTS)` to hidden units of all members, in any order of
# dimensions; and from the rectified ones to `(N, MEMBERS, UNITS)`.
Forward = Callable[[Any, Tensor], Tensor]


class _Ensemble(nn.Module):
    """Members with a hidden layer each, in one tensor."""

    def __init__(self, hidden: Forward, samples_first: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(MEMBERS, INPUTS, UNITS) / INPUTS**0.5)
        self.relu = nn.ReLU()
        self.head = nn.Linear(MEMBERS * UNITS, CLASSES)
        self.hidden, self.samples_first = hidden, samples_first

    def forward(self, x: Tensor) -> Tensor:
        a = self.relu(self.hidden(self, x.flatten(1)))
        logits: Tensor = self.head(self.samples_first(a).flatten(1))
        return logits


def _plain() -> nn.Module:
    return _Ensemble(
        lambda net, x: torch.stack([x @ weight for weight in net.weight], dim=1), lambda a: a
    )


def _ensemble(
    name: str,
    hidden: Forward,
    samples_first: Callable[[Tensor], Tensor] = lambda a: a.transpose(0, 1),
) -> Case:
    return twins(name, lambda: _Ensemble(hidden, samples_first), _plain, samples=MEMBERS)


def _expanded(net: Any, x: Tensor) -> Tensor:
    return torch.bmm(x.unsqueeze(0).expand(MEMBERS, -1, -1), net.weight)


def _repeated(net: Any, x: Tensor) -> Tensor:
    rows = x.repeat(MEMBERS, 1)  # (MEMBERS * N, INPUTS)
    return torch.bmm(rows.view(MEMBERS, -1, INPUTS), net.weight)


def _mapped(net: Any, x: Tensor) -> Tensor:
    return torch.vmap(lambda weight: x @ weight)(net.weight)


def _samples_mapped(net: Any, x: Tensor) -> Tensor:
    return torch.vmap(lambda row: torch.einsum("d,mdh->mh", row, net.weight), out_dims=1)(x)


class _Prototypes(nn.Module):
    """Distances to prototypes, as many as samples, whose dimension may come first."""

    def __init__(self, *, prototypes_first: bool) -> None:
        super().__init__()
        self.prototypes = nn.Parameter(torch.randn(MEMBERS, INPUTS))
        self.hidden, self.relu = nn.Linear(INPUTS, INPUTS), nn.ReLU()
        self.head = nn.Linear(MEMBERS, CLASSES)
        self.prototypes_first = prototypes_first

    def forward(self, x: Tensor) -> Tensor:
        h = self.hidden(x.flatten(1))
        if self.prototypes_first:
            near = self.relu(21 - torch.cdist(self.prototypes, h)).T
        else:
            near = self.relu(21 - torch.cdist(h, self.prototypes))
        logits: Tensor = self.head(near)
        return logits


class _Views(nn.Module):
    """Two views of every image in one batch of twice the size, as in contrastive learning."""

    def __init__(self, *, together: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, WIDTH, 3, padding=1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(2 * WIDTH * SIZE * SIZE, CLASSES)
        self.together = together

    def forward(self, x: Tensor) -> Tensor:
        if self.together:
            one, two = self.relu(self.conv(torch.cat([x, x.flip(-1)]))).chunk(2)
            both = torch.cat([one, two], dim=1)
        else:
            both = self.relu(torch.cat([self.conv(x), self.conv(x.flip(-1))], dim=1))
        logits: Tensor = self.head(both.flatten(1))
        return logits


class _Member(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu, self.second = (
            nn.Linear(INPUTS, UNITS),
            nn.ReLU(),
            nn.Linear(UNITS, CLASSES),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.second(self.relu(self.first(x)))
        return logits


class _Vectorised(nn.Module):
    """Members as `torch.func` vectorises them, or layer by layer."""

    def __init__(self, *, vectorised: bool) -> None:
        super().__init__()
        self.members = nn.ModuleList(_Member() for _ in range(MEMBERS))
        self.relu = nn.ReLU()
        self.vectorised = vectorised

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        members: Any = self.members
        if self.vectorised:
            names = [name for name, _ in members[0].named_parameters()]
            stacked = {
                name: torch.stack([member.get_parameter(name) for member in members])
                for name in names
            }

            def run(parameters: dict[str, Tensor]) -> Tensor:
                logits: Tensor = functional_call(members[0], parameters, x)
                return logits

            return torch.vmap(run)(stacked).mean(0)
        a = self.relu(torch.stack([member.first(x) for member in members], dim=1))
        return torch.stack([m.second(h) for m, h in zip(members, a.unbind(1), strict=True)]).mean(0)


DIMENSIONS = (
    _ensemble(
        "an ensemble, `torch.matmul(x[None], w)`", lambda net, x: torch.matmul(x[None], net.weight)
    ),
    _ensemble("an ensemble, `bmm` of an expanded batch", _expanded),
    _ensemble("an ensemble, `bmm` of a repeated batch", _repeated),
    _ensemble(
        "an ensemble, `unsqueeze(0)` and `cat`",
        lambda net, x: torch.cat([(x @ weight).unsqueeze(0) for weight in net.weight]),
    ),
    _ensemble(
        "an ensemble, `stack`",
        lambda net, x: torch.stack([x @ weight for weight in net.weight]),
    ),
    _ensemble(
        "an ensemble, `tensordot`: samples last",
        lambda net, x: torch.tensordot(net.weight, x, dims=([1], [1])),
        lambda a: a.movedim(2, 0),
    ),
    _ensemble("an ensemble, `einsum`", lambda net, x: torch.einsum("nd,mdh->mnh", x, net.weight)),
    _ensemble("an ensemble, `torch.vmap` over its members", _mapped),
    _ensemble("the same, `torch.vmap` over the samples", _samples_mapped),
    twins(
        "`torch.func.functional_call` under `torch.vmap`",
        lambda: _Vectorised(vectorised=True),
        lambda: _Vectorised(vectorised=False),
        samples=MEMBERS,
    ),
    twins(
        "`torch.cdist(prototypes, x)`, as many prototypes as samples",
        lambda: _Prototypes(prototypes_first=True),
        lambda: _Prototypes(prototypes_first=False),
        samples=MEMBERS,
        options={"percentile": 30, "final_threshold": False},
    ),
    twins(
        "two views of each sample in one batch, `cat([x, x.flip(-1)])`",
        lambda: _Views(together=True),
        lambda: _Views(together=False),
        samples=2,
    ),
)
