"""Size and time of an exported map: what is measured, and its record."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.onnx_times import CASES, MAP, RATIOS, contenders, export, page, timed

RECORD = Path(__file__).parents[2] / "benchmarks/results/onnx-times.json"


def test_contenders_compute_the_same(tmp_path: Path) -> None:
    case = CASES[0]
    model = case.model(torch.device("cpu"))
    sizes = export(model, case, tmp_path)
    weights = 4 * sum(parameter.numel() for parameter in model.parameters())
    assert weights < sizes.forward < sizes.map < 1.01 * weights
    assert weights < 2 * sizes.half < 1.02 * weights
    runs = contenders(model, case, tmp_path, threads=1)
    assert set(runs) == {MAP, *RATIOS}
    logits, found = runs["forward, PyTorch"]().numpy(), runs[MAP]()
    np.testing.assert_allclose(runs["forward, onnxruntime"]()[0], logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-4, atol=1e-4)
    expected = runs["map, PyTorch"]().numpy()
    assert np.abs(found.map - expected).sum() < 0.1 * np.abs(expected).sum()


class Work:
    """Something that takes a number of seconds on the clock of the test."""

    now = 0.0

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> None:
        Work.now += self.seconds


def test_a_ratio_is_the_time_of_the_map_over_another() -> None:
    runs = {key: Work(number) for number, key in enumerate(RATIOS, start=1)} | {MAP: Work(6)}
    ratios = timed(runs, seconds=0, clock=lambda: Work.now)
    assert [ratio.median for ratio in ratios.values()] == [6, 3, 2]


@pytest.mark.checkout
def test_the_page_is_that_of_the_record() -> None:
    text = RECORD.with_suffix(".md").read_text(encoding="utf-8")
    assert page(json.loads(RECORD.read_text(encoding="utf-8"))) == text
