"""Operations without a deterministic algorithm inside a deterministic computation."""

import torch

from captum_rectgrad.evaluation.nondeterminism import nondeterminism_allowed
from rectgrad_zoo.determinism import deterministic


def test_operations_are_allowed_inside_only() -> None:
    def settings() -> tuple[bool, bool]:
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        return torch.are_deterministic_algorithms_enabled(), warn_only

    with deterministic(torch.device("cpu")):
        with nondeterminism_allowed():
            assert settings() == (True, True)
        assert settings() == (True, False)
    with nondeterminism_allowed():
        assert not torch.are_deterministic_algorithms_enabled()
