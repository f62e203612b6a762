"""Claim 1 of the paper: exact on a network, and not for another rule."""

from collections.abc import Callable

import numpy as np
import pytest

from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019 import map_identities
from captum_rectgrad.studies.kim2019.map_identities import CLAIM_1, identity_claim, identity_gaps


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
