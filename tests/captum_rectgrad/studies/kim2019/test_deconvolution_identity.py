"""Claim 1 of the paper: exact on a network, and not for another rule."""

from collections.abc import Callable

import numpy as np
import pytest

from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.kim2019 import deconvolution_identity
from captum_rectgrad.studies.kim2019.deconvolution_identity import (
    deconvolution_gaps,
    identity_claim,
)


def test_rule_of_claim_1_is_deconvnet_times_input(
    context: Callable[..., StudyContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = context()
    network, data = made.network("plain"), made.masked()
    gaps = deconvolution_gaps(made, network, data.images, data.labels)
    assert gaps.shape == (len(data),)
    assert gaps.max() < 1e-5
    assert identity_claim(gaps).verdict == "holds"
    # With the score a * R, inactive units pass nothing: that is guided backpropagation.
    monkeypatch.setattr(deconvolution_identity, "EPSILON", 0.0)
    gaps = deconvolution_gaps(made, network, data.images, data.labels)
    assert np.median(gaps) > 0.01
    assert identity_claim(gaps).verdict == "does not hold"
