"""Equal methods: exact on a network, and not for another rule or epsilon."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019 import map_identities
from captum_rectgrad.studies.kim2019.map_identities import (
    CLAIM_1,
    EPSILON_LRP,
    identity_claim,
    identity_gaps,
    judged_identity,
)


def test_rule_of_claim_1_is_deconvnet_times_input(
    context: Callable[..., StudyContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = context()
    network, data = made.network("plain"), made.masked()
    gaps = identity_gaps(CLAIM_1, made, [network], data.images, [data.labels])
    assert gaps.shape == (1, len(data))
    assert gaps.max() < 1e-5
    assert identity_claim(CLAIM_1, gaps).verdict == "holds"
    # With the score a * R, inactive units pass nothing: that is guided backpropagation.
    monkeypatch.setattr(map_identities, "EPSILON", 0.0)
    gaps = identity_gaps(CLAIM_1, made, [network], data.images, [data.labels])
    assert np.median(gaps) > 0.01
    assert identity_claim(CLAIM_1, gaps).verdict == "does not hold"


def test_epsilon_lrp_is_gradient_times_input(
    context: Callable[..., StudyContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = context()
    network, data = made.network("plain"), made.masked()
    gaps = identity_gaps(EPSILON_LRP, made, [network], data.images, [data.labels])
    assert identity_claim(EPSILON_LRP, gaps).verdict == "holds"
    monkeypatch.setattr(map_identities, "LRP_EPSILON", 0.1)
    gaps = identity_gaps(EPSILON_LRP, made, [network], data.images, [data.labels])
    assert identity_claim(EPSILON_LRP, gaps).verdict == "does not hold"


def test_a_network_that_captums_lrp_has_no_rule_for_is_not_judged(
    context: Callable[..., StudyContext],
) -> None:
    made = context()
    network, data = made.network("plain"), made.masked()
    longer = replace(network, model=nn.Sequential(nn.Identity(), network.model).eval())
    claim = judged_identity(EPSILON_LRP, made, [longer], data.images, [data.labels])
    assert claim.verdict == "undecided"
    assert "Captum's LRP has no rule for a layer" in claim.because
