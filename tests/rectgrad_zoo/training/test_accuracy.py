import pytest
import torch
from torch import Tensor, nn

from rectgrad_zoo.data.images import LabelledImages
from rectgrad_zoo.training.accuracy import Accuracy, measure_accuracy


def test_wilson_interval_agrees_with_a_published_value() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 gives 0.2553 to 0.3662.
    low, high = Accuracy(81, 263).interval
    assert low == pytest.approx(0.2553, abs=5e-5)
    assert high == pytest.approx(0.3662, abs=5e-5)


def test_wilson_interval_stays_within_zero_and_one() -> None:
    assert Accuracy(0, 29).interval[0] == pytest.approx(0, abs=1e-12)
    assert Accuracy(0, 29).interval[1] == pytest.approx(0.1170, abs=5e-5)
    assert Accuracy(29, 29).interval[1] == pytest.approx(1, abs=1e-12)


def test_an_accuracy_reads_as_a_sentence() -> None:
    assert str(Accuracy(7312, 10000)) == (
        "73.12% (95 % interval 72.24% to 73.98%, 7,312 of 10,000)"
    )


class BrightestChannel(nn.Module):
    """Answers with the brightest channel; wrongly in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        sums = x.sum(dim=(2, 3)) * self.scale
        return -sums if self.training else sums


def test_right_answers_are_counted_in_eval_mode_over_all_batches() -> None:
    labels = torch.arange(1234) % 3
    images = torch.zeros(1234, 3, 2, 2, dtype=torch.uint8)
    images[torch.arange(1234), labels] = 200
    claimed = labels.clone()
    claimed[[0, 600, 1233]] += 1
    model = BrightestChannel().train()
    assert measure_accuracy(model, LabelledImages(images, claimed)) == Accuracy(1231, 1234)
    assert model.training
