"""The page on GPUs has the numbers of the records."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = " ".join((ROOT / "docs/how-to/use-a-gpu.md").read_text(encoding="utf-8").split())
TITLES = {"resnet50": "ResNet-50, random weights", "vgg16": "VGG-16, random weights"}


def record(name: str) -> "dict[str, list[dict[str, dict[str, float]]]]":
    found = json.loads((RESULTS / f"{name}-gpu.json").read_text(encoding="utf-8"))
    return {"Networks": found["groups"]["Networks"]} if "groups" in found else found


@pytest.mark.checkout
def test_costs_of_attributions() -> None:
    cases = record("attribution")["Networks"]
    assert len(cases) == 3
    for case in cases:
        ratio = case["ratios"]["rectgrad"]
        median, low, high = (ratio[key] for key in ("median", "low", "high"))  # type: ignore[index]
        assert f"{median:.2f} ({low:.2f} to {high:.2f})" in PAGE
        assert case["memory"]["rectgrad"] <= case["memory"]["saliency"] * 1.005


@pytest.mark.checkout
def test_differences_between_devices() -> None:
    shares: dict[str, list[str]] = {}
    for row in record("agreement")["rows"]:
        if str(row["method"]) == "RectGrad":
            share = f"{100 * row['to the CPU']['attribution']:.2f} %"
            shares.setdefault(str(row["network"]), []).append(share)
    assert len(shares) == 4
    for network, (deterministic, defaults) in shares.items():
        title = TITLES.get(network, f"`{network}`")
        assert f"| {title} | {deterministic} | {defaults} |" in PAGE
