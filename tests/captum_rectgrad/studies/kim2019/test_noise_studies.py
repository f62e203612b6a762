"""Figures 2 and 7: claims and columns of the studies on networks behind noise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from captum_rectgrad.evaluation.estimate import Estimate
from captum_rectgrad.evaluation.map_metrics import amount_inside, amount_of_channels_inside
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.study import ImagesConfig
from captum_rectgrad.studies.kim2019 import occluded_saliency as module
from captum_rectgrad.studies.kim2019.occluded_saliency import occluded_saliency
from captum_rectgrad.studies.kim2019.patch import AMOUNT, OF_CHANNELS, corner, patch
from captum_rectgrad.studies.options import Role


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_patch_adds_up_channels_in_both_ways(context: Callable[..., StudyContext]) -> None:
    made = replace(context("saliency", "rectgrad", "deeplift"), final_percentile=None)
    result = patch(ImagesConfig(), made)
    network = made.network("occluded")
    seen = network.with_occlusion(made.images("test")).images
    maps = made.few_maps(made.methods[0], network, seen, made.predictions(network, seen))
    row, region = result.rows[0], corner(network, seen)
    for name, measure in ((AMOUNT, amount_inside), (OF_CHANNELS, amount_of_channels_inside)):
        found = row[name]
        assert isinstance(found, Estimate)
        assert found.value == pytest.approx(measure(maps, region).mean().item(), rel=1e-4)
    assert "in this run for: Saliency, DeepLIFT." in result.notes[1]
    # Of the pixels alone they are the same, which is no reason to say nothing.
    assert patch(ImagesConfig(), context("saliency")).notes[1].endswith("for: Saliency.")


@pytest.mark.filterwarnings("ignore:attribution of sample")
def test_patch_says_what_is_not_in_the_paper(context: Callable[..., StudyContext]) -> None:
    result = patch(ImagesConfig(), context("saliency", "rectgrad"))
    sources = [claim.source for claim in result.claims]
    assert (
        sources
        == ["section 5.3, figure 7; one patch"] * 2 + ["not in the paper; noise of each image"] * 2
    )
    # RectGrad PRR and DeepLIFT were not run.
    assert not [claim for claim in result.claims if "PRR" in claim.text or "similar" in claim.text]


def seen(touched: float, wrong: int, wrong_elsewhere: int) -> module._Seen:
    """Of 2000 images."""
    order = np.random.default_rng(0).permutation(2000)
    return module._Seen(
        touched=np.full(2000, touched),
        share=np.zeros(2000),
        right=(order >= wrong).astype(float),
        right_elsewhere=(order >= wrong_elsewhere).astype(float),
    )


def verdicts(found: module._Seen, role: Role) -> list[str]:
    plain = np.ones(2000)
    return [claim.verdict for claim in module._claims(found, plain, role, 0.0625, 0)]


def test_noise_claims_judge_attribution_and_accuracy() -> None:
    yes, no = "holds", "does not hold"
    assert verdicts(seen(0.5, 0, 0), "occluded") == [yes, yes, yes]
    assert verdicts(seen(0.0, 0, 0), "occluded") == [no, yes, yes]
    # Accuracy falls by 5 points behind the noise, and stays with another.
    assert verdicts(seen(0.5, 100, 100), "occluded") == [yes, no, yes]
    # The control's training differs, so its accuracy is only compared with itself.
    assert verdicts(seen(0.5, 100, 100), "noise") == [yes, yes]
    # It falls by 5 points with other noise.
    assert verdicts(seen(0.5, 0, 100), "noise") == [yes, no]


def test_only_what_the_paper_says_is_called_the_papers() -> None:
    found = seen(0.5, 0, 0)
    own = [claim.source for claim in module._claims(found, np.ones(2000), "noise", 0.0625, 0)]
    assert own == ["not in the paper; noise of each image"] * 2
    paper = [claim.source for claim in module._claims(found, np.ones(2000), "occluded", 0.0625, 0)]
    assert paper[:2] == ["section 3.1, figure 2; one patch"] * 2
    assert paper[2] == "not in the paper; one patch"


def test_accuracy_of_three_networks(context: Callable[..., StudyContext]) -> None:
    made = context("saliency")
    result = occluded_saliency(ImagesConfig(), made)
    data = made.images("test")
    expected = (made.predictions(made.network("plain"), data.images) == data.labels).double()
    for row in result.rows:
        found = row["accuracy on plain images"]
        assert isinstance(found, Estimate)
        assert found.value == expected.mean().item()
