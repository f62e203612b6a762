"""Sizes of a board, by preset."""

from collections.abc import Mapping
from dataclasses import dataclass

from captum_rectgrad.studies.options import Preset


@dataclass(frozen=True)
class BoardSizes:
    """The budget of a board.

    Attributes:
        images: number of explained images.
        samples: noisy or interpolated copies of an image in SmoothGrad, VarGrad, integrated and
            expected gradients.
        masked_copies: masked copies of an image in LIME and KernelSHAP.
        windows: positions of occlusion's window along each side of an image.
        fractions: fractions of pixels in ROAD, and sizes of the explanation in F-Fidelity.
        steps: steps from an empty to a whole image in insertion and deletion.
        draws: random draws for each image in F-Fidelity, infidelity and sensitivity.
        random_models: steps of the cascading randomisation at which maps are computed, besides
            the one in its middle.
        fine_tuning: number of training images of the fine-tuning for F-Fidelity.
    """

    images: int
    samples: int
    masked_copies: int
    windows: int
    fractions: tuple[float, ...]
    steps: int
    draws: int
    random_models: int
    fine_tuning: int


PRESET_SIZES: Mapping[Preset, BoardSizes] = {
    "smoke": BoardSizes(
        images=12,
        samples=8,
        masked_copies=64,
        windows=8,
        fractions=(0.2, 0.5, 0.8),
        steps=8,
        draws=4,
        random_models=1,
        fine_tuning=500,
    ),
    "quick": BoardSizes(
        images=100,
        samples=20,
        masked_copies=128,
        windows=8,
        fractions=(0.1, 0.3, 0.5, 0.7, 0.9),
        steps=16,
        draws=8,
        random_models=2,
        fine_tuning=10_000,
    ),
    "full": BoardSizes(
        images=400,
        samples=50,
        masked_copies=500,
        windows=15,
        fractions=(0.1, 0.3, 0.5, 0.7, 0.9),
        steps=32,
        draws=10,
        random_models=4,
        fine_tuning=45_000,
    ),
}
