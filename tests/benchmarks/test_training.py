"""The benchmark of trainings: the ways it compares compute the same, and its numbers are right."""

import pytest
import torch
from torch import nn

from benchmarks.attribution.timing import FEWEST, Ratio
from benchmarks.training import timing
from benchmarks.training.accuracy import compared, measured
from benchmarks.training.contenders import (
    FRACTION,
    PLAIN,
    Contender,
    Data,
    contenders,
    training_in,
)
from benchmarks.training.plain import plain_step
from benchmarks.training.record import accuracy_page, as_json, page
from benchmarks.training.timing import Speed, operations, peak_of, timed
from captum_rectgrad.studies.data.shapes import shapes
from captum_rectgrad.studies.roar_kar.cells import Cell
from captum_rectgrad.studies.roar_kar.grouped_networks import Grouped
from captum_rectgrad.studies.roar_kar.masked_inputs import MaskedInputs
from captum_rectgrad.studies.roar_kar.stacked_networks import SideBySide, Stack
from captum_rectgrad.studies.roar_kar.stacked_training import new_network, training_step

CPU = torch.device("cpu")
DATA = Data.drawn(200, CPU)
BATCH = torch.arange(24).reshape(3, 8)


def trained(kind: type[Stack]) -> list[nn.Module]:
    training = training_in("float32")
    cells = [Cell("roar", "", "signed", FRACTION, number) for number in range(3)]
    see = MaskedInputs(cells, DATA.images, [DATA.ranks] * 3, DATA.colour, seed=0)
    stack = kind([new_network(training, seed).double() for seed in range(3)])
    step = training_step(training, stack, lambda batch: see(batch).double(), DATA.labels)
    for batch in (BATCH, BATCH + 30):
        step(batch)
    return stack.networks()


def test_grouped_networks_are_trained_as_single_ones() -> None:
    for seed, (one, other) in enumerate(zip(trained(Grouped), trained(SideBySide), strict=True)):
        before = dict(new_network(training_in("float32"), seed).double().named_parameters())
        for name, parameter in other.named_parameters():
            if "bias" not in name:
                assert not torch.equal(parameter, before[name])
            # In float64: Adam's first steps have the sign of the gradient, however small it is.
            # Steps are of a thousandth; the loss is of float32.
            assert (one.get_parameter(name) - parameter).abs().max() < 1e-6
        images = torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)).double()
        torch.testing.assert_close(one(images), other(images), rtol=1e-4, atol=1e-4)


def test_the_plain_loop_learns_from_the_same() -> None:
    training = training_in("float32")
    plain = new_network(training, 0).to(memory_format=torch.contiguous_format).double()
    plain.register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))
    plain_step(plain, DATA.images, DATA.labels, DATA.ranks, DATA.colour, FRACTION, 0.001)(BATCH[:1])
    (ours,) = SideBySide([new_network(training, 0).double()]).networks()
    cell = Cell("roar", "", "signed", FRACTION, 0)
    see = MaskedInputs([cell], DATA.images, [DATA.ranks], DATA.colour, seed=0)
    in_float64 = training_step(
        training, SideBySide([ours]), lambda batch: see(batch).double(), DATA.labels
    )
    in_float64(BATCH[:1])
    for (name, one), other in zip(plain.named_parameters(), ours.parameters(), strict=True):
        assert one.grad is not None, name
        assert other.grad is not None, name
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-6)


def test_operations_counted_by_hand() -> None:
    """Products of a forward pass, in the order of the layers; the images need no gradient."""
    convolutions = 1024 * 32 * (27 + 288) + 256 * 64 * (288 + 576)
    forward = convolutions + 4096 * 256 + 256 * 10
    assert operations(DATA) == 2 * (3 * forward - 1024 * 32 * 27)


def test_speeds_are_ratios_to_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "BATCH", 8)  # enough to be timed
    ours = contenders(CPU)[1]

    def refusing(networks: object) -> Stack:
        raise RuntimeError(f"cannot stack {type(networks).__name__}\nand more")

    refused = Contender("no", "No", 2, "float32", refusing)
    ways = (PLAIN, ours, refused)
    found = timed(ways, DATA, steps=1, seconds=0)
    plain, fast = found["plain"], found["bfloat16"]
    assert isinstance(plain, Speed)
    assert isinstance(fast, Speed)
    assert plain.ratio == Ratio(1, 1, 1, FEWEST)
    assert plain.images > 0
    assert fast.ratio.low <= fast.ratio.median <= fast.ratio.high
    assert found["no"] == "RuntimeError: cannot stack list"


def test_the_page_and_the_record() -> None:
    fast = Contender("bfloat16", "16 in a graph", 16, "bfloat16", SideBySide)
    ways = (fast, Contender("no", "No", 2, "float32", SideBySide))
    speeds: dict[str, Speed | str] = {
        "bfloat16": Speed(300_000, Ratio(20, 19, 21, 9)),
        "no": "RuntimeError: cannot",
    }
    record = as_json(ways, speeds, 150e6, CPU)
    # 243 million images at 300,000 a second.
    assert record["ways"]["bfloat16"]["minutes for table 1"] == pytest.approx(13.5)
    assert record["ways"]["bfloat16"]["share of peak"] is None
    lines = page(record).splitlines()
    assert "| 16 in a graph | bfloat16 | 300,000 | 20.00 (19.00 to 21.00) |  | 14 |" in lines
    assert "| No | float32 | cannot: RuntimeError: cannot | | | |" in lines


def test_the_peak_of_a_card() -> None:
    assert peak_of("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_of("NVIDIA H100 PCIe") == 756e12
    assert peak_of("AVX512") is None


def test_accuracies_compared() -> None:
    same = compared([0.5, 0.6, 0.7], [0.5, 0.6, 0.7])
    assert (same.low, same.difference, same.high) == (0, 0, 0)
    assert same.is_equivalent
    # Differences -0.2 and 0.0: a mean of -0.1 and a standard error of 0.1, times t(1) = 12.706.
    worse = compared([0.5, 0.5], [0.3, 0.5])
    assert worse.difference == pytest.approx(-0.1)
    assert worse.low == pytest.approx(-0.1 - 12.7062 * 0.1, rel=1e-4)
    assert worse.high == pytest.approx(-0.1 + 12.7062 * 0.1, rel=1e-4)
    assert not worse.is_equivalent


def test_accuracies_measured() -> None:
    drawn = shapes(40, 1)
    found = measured(drawn, drawn, networks=2, epochs=1, device=CPU)
    assert len(found.float32) == len(found.bfloat16) == 2
    assert all(0 <= accuracy <= 1 for accuracy in found.float32 + found.bfloat16)
    assert "| bfloat16 | 2 | " in accuracy_page(found, "Forty shapes.")
