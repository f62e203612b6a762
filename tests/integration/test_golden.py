"""The judge: RectGrad as the paper's own TensorFlow listings compute it.

The vectors are not in the repository; these tests skip without them. They are looked for in the
folder that RECTGRAD_GOLDEN names, else in `shared/golden` beside the repository. Its README gives
the format.
"""

import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from captum_rectgrad import RectGrad
from captum_rectgrad.rules.threshold import nearest_rank, percentile_per_sample

if TYPE_CHECKING:
    from captum_rectgrad.rules.threshold import RuleName

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "golden"
GOLDEN = Path(os.environ.get("RECTGRAD_GOLDEN", BESIDE))

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="the reference vectors are not here"),
    # All-zero cases are meant: narrow layers at high percentiles.
    pytest.mark.filterwarnings("ignore:attribution of sample"),
]

NETS = {  # how many cases each net has, without those that do not apply
    "mlp": 38,
    "valid": 48,
    "resid": 46,
    "overlap": 51,
    "strided": 46,
    "padpool": 51,
    "prepool": 35,
    "cifar_random": 51,
    "cifar_trained": 51,
}
RULES = {"rectgrad": "PR1", "pr2": "PR2", "pr3": "PR3", "pr4": "PR4", "mod": "Mod"}


class Add(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class GlobalAverage(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def build(arch: list[dict[str, Any]], weights: dict[str, Tensor]) -> nn.Module:
    return nn.Sequential(OrderedDict((str(i), layer(s, weights)) for i, s in enumerate(arch)))


def layer(spec: dict[str, Any], weights: dict[str, Tensor]) -> nn.Module:
    module: nn.Module
    match spec["op"]:
        case "conv":
            module = nn.Conv2d(
                spec["cin"], spec["cout"], spec["k"], spec["stride"], spec["padding"]
            )
        case "dense":
            module = nn.Linear(spec["cin"], spec["cout"])
        case "relu":
            module = nn.ReLU()
        case "maxpool":
            module = nn.MaxPool2d(spec["k"], spec["stride"], spec["padding"])
        case "flatten":
            module = nn.Flatten()
        case "gap":
            module = GlobalAverage()
        case "add":
            module = Add(build(spec["body"], weights), build(spec["shortcut"], weights))
        case op:
            pytest.fail(f"unknown layer {op}")
    for parameter in ("weight", "bias"):
        if spec["op"] in {"conv", "dense"}:
            value = weights[f"{spec['name']}.{parameter}"]
            setattr(module, parameter, nn.Parameter(value))
    return module


def attribute(model: nn.Module, x: Tensor, case: dict[str, Any]) -> np.ndarray[Any, Any]:
    method = RectGrad(
        model,
        case["q"],
        case["tau"],
        rule=cast("RuleName", RULES[case["rule"]]),
        padding_trick=case["padding_trick"],
        prr=case["prr"],
        final_threshold=case["final_threshold"],
        multiply_by_inputs=case["multiply_by_inputs"],
    )
    return method.attribute(x[case["samples"]], target=case["targets"]).double().numpy()


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str
)
@pytest.mark.parametrize("net", NETS)
def test_every_case(net: str, dtype: torch.dtype, tolerance: float) -> None:
    data = np.load(GOLDEN / f"shared_{net}.npz")
    weights = {
        name: torch.from_numpy(data[name]).to(dtype)
        for name in data.files
        if name.endswith((".weight", ".bias"))
    }
    model = build(json.loads(str(data["arch"])), weights).to(dtype)
    x = torch.from_numpy(data["x"]).to(dtype)
    with torch.no_grad():
        np.testing.assert_allclose(model(x), data["logits"], rtol=tolerance, atol=tolerance)
    # Listing 3 on signed inputs amplifies rounding; max(x, 0) is taken there instead.
    cases = [
        case for case in json.loads(str(data["cases"])) if not (net == "prepool" and case["prr"])
    ]
    assert len(cases) == NETS[net]
    flipped = 0
    for case in cases:
        expected = data[f"attr_{case['key']}"]
        error = abs(attribute(model, x, case) - expected).max()
        if error > tolerance * abs(expected).max():
            # Only a unit within rounding of its threshold may fall on the other side.
            assert dtype == torch.float32, case
            assert case["min_margin"] < 1e-6, case
            flipped += 1
    assert flipped <= len(cases) // 50


def test_every_threshold() -> None:
    data = np.load(GOLDEN / "shared_percentile.npz")
    checked = 0
    for i, n in enumerate(data["lengths"].tolist()):
        values = torch.from_numpy(data[f"v_{n}"])
        for j, q in enumerate(data["qs"].tolist()):
            assert nearest_rank(n, q) == data["index"][i, j]
            thresholds = percentile_per_sample(values, q)[:, 0].numpy()
            assert np.array_equal(thresholds, data[f"thresh_{n}"][j]), (n, q)
            checked += 1
    assert checked == 320
