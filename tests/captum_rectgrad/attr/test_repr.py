"""The settings of a method are in its repr."""

from torch import nn

from captum_rectgrad import LayerRectGrad, RectGrad, Saliency

MODEL = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
RULE = "rule=ThresholdRule(score='PR1', percentile=90.0, tau=None)"


def test_a_repr_has_the_rule_and_what_is_not_off() -> None:
    usual = f"{RULE}, padding_trick=True, final_threshold=True, multiply_by_inputs=True)"
    assert repr(RectGrad(MODEL, 90)) == f"RectGrad(Sequential, {usual}"
    assert (
        repr(LayerRectGrad(MODEL, MODEL[0], percentile=90)) == f"LayerRectGrad(Sequential, {usual}"
    )
    assert repr(Saliency(MODEL)) == "Saliency(Sequential, rule=None)"
    changed = RectGrad(MODEL, 90, padding_trick=False, prr=True, output="logits")
    assert repr(changed) == (
        f"RectGrad(Sequential, {RULE}, prr=True, final_threshold=True, multiply_by_inputs=True, "
        "output='logits')"
    )
