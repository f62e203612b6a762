"""Bad input is refused with what was got and what to do."""

import math
import re
from typing import Any

import pytest
import torch
import torch.fx
from torch import nn

import captum_rectgrad
from captum_rectgrad import LayerRectGrad, RectGrad, RectGradConst
from captum_rectgrad.attr.base import HasSettings


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("percentile", [-1, 100.5, math.nan, math.inf])
def test_percentile_outside_its_range(percentile: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 100\], got"):
        RectGrad(net(), percentile=percentile)


def test_thresholds_that_are_no_numbers() -> None:
    for bad in ("98", True, None, [98]):
        options: Any = {"percentile": bad} if bad is not None else {"tau": "0"}
        with pytest.raises(TypeError, match="must be a number, got"):
            RectGrad(net(), **options)
    with pytest.raises(ValueError, match="NaN"):
        RectGradConst(net(), tau=math.nan)


def test_percentile_and_tau_together() -> None:
    with pytest.raises(ValueError, match=r"percentile \(98\) and tau \(0\)"):
        RectGrad(net(), percentile=98, tau=0)


def test_unknown_rule() -> None:
    bad: Any = "PR5"
    with pytest.raises(ValueError, match="PR1, PR2, PR3, PR4, Mod, got 'PR5'"):
        RectGrad(net(), rule=bad)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (torch.ones(2, 4, dtype=torch.int64), TypeError, "torch.int64"),
        (torch.ones(2, 4, dtype=torch.uint8), TypeError, "torch.uint8"),
        (torch.full((2, 4), math.nan), ValueError, "NaN or infinite"),
        (torch.full((2, 4), math.inf), ValueError, "NaN or infinite"),
        (torch.ones(0, 4), ValueError, "non-empty"),
        (torch.tensor(1.0), ValueError, "dimension 0"),
        ((torch.ones(2, 4), torch.ones(3, 4)), ValueError, "dimension 0"),
        ((torch.ones(2, 4), "image"), TypeError, "got str"),
        ((), ValueError, r"\(none\)"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_inputs(inputs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RectGrad(net()).attribute(inputs, target=0)


def test_models_that_cannot_be_hooked() -> None:
    function: Any = net().forward
    with pytest.raises(TypeError, match="got method"):
        RectGrad(function)


def test_exported_models_are_refused_and_symbolically_traced_ones_served() -> None:
    model, x = net().double(), torch.rand(2, 4, generator=torch.manual_seed(0)).double()
    exported = torch.export.export(model, (x,)).module()
    with pytest.raises(TypeError, match="the model is exported"):
        RectGrad(exported)
    traced = torch.fx.symbolic_trace(model)
    expected = RectGrad(model, tau=0).attribute(x, target=1)
    torch.testing.assert_close(RectGrad(traced, tau=0).attribute(x, target=1), expected)


@pytest.mark.filterwarnings(
    "ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning"
)
def test_scripted_and_traced_models() -> None:
    for scripted in (torch.jit.script(net()), torch.jit.trace(net(), torch.ones(1, 4))):
        with pytest.raises(TypeError, match="the model is scripted or traced"):
            RectGrad(scripted)
        with pytest.raises(TypeError, match="0 is scripted or traced"):
            RectGrad(nn.Sequential(scripted))


def test_token_ids_are_sent_to_the_embedding_in_words_that_run() -> None:
    embedding = nn.Embedding(10, 4)
    model = nn.Sequential(embedding, nn.Flatten(), nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
    ids, target = torch.randint(10, (2, 3)), 1
    with pytest.raises(TypeError, match=r"torch\.int64.*Token ids have no gradient") as raised:
        RectGrad(model, percentile=50).attribute(ids, target)
    words = "LayerRectGrad(model, embedding).attribute(ids, target)"
    assert words in str(raised.value)
    assert LayerRectGrad(model, embedding, percentile=50).attribute(ids, target).shape == (2, 3, 4)


@pytest.mark.parametrize(
    "method",
    [
        kind
        for name in captum_rectgrad.__all__
        if isinstance(kind := getattr(captum_rectgrad, name), type)
        and issubclass(kind, HasSettings)
    ],
)
def test_errors_about_arguments_name_no_private_class(method: Any) -> None:
    model: Any = net()
    for arguments in ((), (model, model[0])):
        with pytest.raises(TypeError) as raised:
            method(*arguments, unknown=1)
        assert not re.match(r"_|.*\b_[A-Z]", str(raised.value))
