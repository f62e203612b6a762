"""Settings and generators inside the context, and afterwards."""

from contextlib import suppress
from typing import Any

import pytest
import torch

from rectgrad_zoo.determinism import deterministic

CPU = torch.device("cpu")


def settings() -> dict[str, object]:
    memory: Any = torch.utils.deterministic
    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "filled": memory.fill_uninitialized_memory,
        "TF32 of matrix products": torch.backends.cuda.matmul.allow_tf32,
        "TF32 of convolutions": torch.backends.cudnn.allow_tf32,
        "benchmark": torch.backends.cudnn.benchmark,
    }


def test_settings_are_those_of_reproducible_numbers_and_are_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before = settings()
    inside = {}
    with suppress(KeyError), deterministic(CPU):
        inside = settings()
        raise KeyError
    assert inside == {**dict.fromkeys(before, False), "deterministic": True}
    assert settings() == before
    assert before["benchmark"] is True


def test_seed_is_for_the_context_alone() -> None:
    state = torch.get_rng_state()
    with deterministic(CPU, seed=3):
        first = torch.rand(4)
    with deterministic(CPU, seed=3):
        assert torch.equal(torch.rand(4), first)
    assert torch.equal(torch.get_rng_state(), state)
    with deterministic(CPU):
        torch.rand(1)
    assert not torch.equal(torch.get_rng_state(), state)
