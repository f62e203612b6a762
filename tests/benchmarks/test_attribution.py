"""The benchmark of attributions: what it compares with is right, and its numbers are ratios."""

import gc
from collections.abc import Iterator
from itertools import count

import pytest
import torch
from torch import Tensor, nn

from benchmarks.attribution.cases import Case
from benchmarks.attribution.memory import peak
from benchmarks.attribution.methods import BASELINE, METHODS, Attribute, Method
from benchmarks.attribution.parts import PARTS, parts
from benchmarks.attribution.quantile_port import quantile_port
from benchmarks.attribution.record import Measured, as_json, page
from benchmarks.attribution.timing import FEWEST, Ratio, timed
from captum_rectgrad import RectGrad

CPU = torch.device("cpu")
TINY = Case("cifar10_cnn", 2, 32)


def test_the_port_is_rectgrad() -> None:
    torch.manual_seed(0)
    # 101 units a layer: the percentile is one of the scores, so nothing is interpolated.
    net = nn.Sequential(nn.Linear(20, 101), nn.ReLU(), nn.Linear(101, 101), nn.ReLU6(True))
    net.append(nn.Linear(101, 3)).double()
    images, target = torch.randn(4, 20, dtype=torch.float64), torch.tensor([0, 2, 1, 0])
    expected = RectGrad(net, percentile=90).attribute(images, target=target)
    assert expected.any()
    torch.testing.assert_close(quantile_port(net, 90)(images, target), expected)


def test_the_port_has_the_padding_trick() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 3, padding=1))
    net.extend((nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))).double()
    images, target = torch.randn(2, 2, 6, 6, dtype=torch.float64), torch.tensor([0, 1])
    expected = RectGrad(net, percentile=0).attribute(images, target=target)
    plain = RectGrad(net, percentile=0, padding_trick=False).attribute(images, target=target)
    assert not torch.equal(expected, plain)
    torch.testing.assert_close(quantile_port(net, 0)(images, target), expected)


class Clock:
    """A clock on which one second passes at each reading, and no time otherwise."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now

    def slowed(self, model: nn.Module) -> Attribute:
        """The baseline, on this clock one second slower at each call than at the call before."""
        attribute, calls = BASELINE.made(model), count()

        def attribute_slowly(images: Tensor, target: Tensor) -> Tensor:
            self.now += next(calls)
            return attribute(images, target)

        return attribute_slowly


def _refusing(_: nn.Module) -> Attribute:
    def attribute(images: Tensor, target: Tensor) -> Tensor:
        raise RuntimeError(f"not {tuple(images.shape)} and {tuple(target.shape)}\nand more")

    return attribute


@pytest.fixture
def little_garbage() -> Iterator[None]:
    """Garbage is collected before everything that is timed: of what there is now, there is none."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("little_garbage")
def test_ratios_to_the_baseline() -> None:
    clock = Clock()
    methods = (BASELINE, Method("slow", "Slow", clock.slowed), Method("no", "No", _refusing))
    ratios = timed(TINY, methods, CPU, seconds=0, clock=clock)
    assert set(ratios) == {"slow", "no"}
    assert ratios["no"] == "RuntimeError: not (2, 3, 32, 32) and (2,)"
    # The baseline takes one second, the other method 2, 3, ... 8 seconds after a first trial.
    assert ratios["slow"] == Ratio(median=5, low=2, high=8, rounds=FEWEST)


@pytest.mark.slow  # two processes import PyTorch
def test_peak_memory_grows_with_the_batch() -> None:
    small, large = (peak(Case("cifar10_cnn", n, 32), "saliency", CPU) for n in (1, 512))
    assert small
    assert large
    # Of 512 images the activations alone, before pooling and after, are above 100 MB.
    assert large - small > 100e6


def test_the_page_and_the_record() -> None:
    ratios: dict[str, Ratio | str] = {"rectgrad": Ratio(1.1, 1.05, 1.2, 9), "zennit": "E: no"}
    measured = Measured(TINY, ratios, {"saliency": 100, "rectgrad": 125}, {"border": 0.034})
    text = page({"Networks": [measured]}, CPU)
    row = "| cifar10_cnn, 2 x 32 | 1.10 (1.05 to 1.20) | cannot | 1.25 | 0.03 |"
    assert row in text.splitlines()
    record = as_json({"Networks": [measured]}, CPU)
    assert record["groups"]["Networks"][0]["ratios"]["rectgrad"]["median"] == 1.1
    assert record["groups"]["Networks"][0]["network"] == "cifar10_cnn"


def test_every_method_is_made_once() -> None:
    assert len({method.key for method in METHODS}) == len(METHODS)


def test_parts_are_those_of_what_is_run() -> None:
    found = parts(TINY, CPU)
    assert set(found) == set(PARTS)
    assert all(0 < share < 20 for share in found.values())
