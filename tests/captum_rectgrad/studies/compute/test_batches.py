import logging
import weakref

import pytest
import torch

from captum_rectgrad.studies.compute.batches import in_batches


def test_every_thing_once_in_order() -> None:
    found = list(in_batches(10, 4, lambda batch: batch.stop - batch.start))
    assert found == [(slice(0, 4), 4), (slice(4, 8), 4), (slice(8, 10), 2)]
    assert list(in_batches(0, 4, lambda _: None)) == []


def test_batches_halve_when_memory_runs_out(caplog: pytest.LogCaptureFixture) -> None:
    def compute(batch: slice) -> int:
        length = batch.stop - batch.start
        if length > 3:
            torch.empty(2**58)  # more than any machine has: PyTorch's own error
        return length

    with caplog.at_level(logging.WARNING):
        found = list(in_batches(10, 8, compute))
    assert [batch for batch, _ in found] == [
        slice(0, 2),
        slice(2, 4),
        slice(4, 6),
        slice(6, 8),
        slice(8, 10),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "out of memory: continuing with batches of 4 images",
        "out of memory: continuing with batches of 2 images",
    ]


def test_what_failed_is_let_go_before_it_is_tried_again() -> None:
    alive: list[weakref.ref[torch.Tensor]] = []

    def compute(batch: slice) -> None:
        assert not any(tensor() is not None for tensor in alive)
        large = torch.empty(10)
        alive.append(weakref.ref(large))
        if batch.stop - batch.start > 1:
            torch.empty(2**58)

    assert len(list(in_batches(4, 4, compute, "networks"))) == 4


def test_a_chained_out_of_memory_error_is_recognised() -> None:
    """A CUDA graph whose capture runs out of memory says that the capture cannot be ended."""

    def compute(batch: slice) -> None:
        if batch.stop - batch.start > 1:
            try:
                torch.empty(2**58)
            finally:
                raise RuntimeError("the capture was invalidated")

    assert len(list(in_batches(4, 4, compute))) == 4


def test_a_single_thing_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator"):
        list(in_batches(3, 2, lambda _: torch.empty(2**58)))


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    def compute(batch: slice) -> None:
        raise RuntimeError(f"wrong shape in {batch}")

    with pytest.raises(RuntimeError, match=r"slice\(0, 2"):
        list(in_batches(3, 2, compute))
