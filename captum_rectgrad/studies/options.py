"""Options of studies and their defaults, importable without PyTorch."""

from typing import Literal

# Role of a network in a study: plain, the noise it was trained behind, adversarial training, or
# training without some of the training images.
Role = Literal["plain", "occluded", "noise", "robust", "held_out"]
Preset = Literal["smoke", "quick", "full", "paper"]
PRESETS: tuple[Preset, ...] = ("smoke", "quick", "full")  # of every study
# Of roar-kar: exactly table 1, which is less than `full`.
PAPER: Preset = "paper"

BATCH_SIZE = 200  # for images of 32 x 32 pixels
GPU_BATCH_SIZE = 4096  # the same on a GPU
FEW = 10  # for 224 x 224 pixels and a network as large as VGG-16: 2 GiB
FINAL_PERCENTILE = 95.0  # final threshold of the baselines' maps, section 5.2
# What the final threshold is taken of: the pixels, after the sum over channels, as in the authors'
# code; or the values of all channels, before the sum. The paper's text does not state the order.
Final = Literal["pixels", "values", "none"]
FINAL_TITLES: dict[Final, str] = {
    "pixels": "95th percentile of the pixels",
    "values": "95th percentile of the values of all channels",
    "none": "none",
}
FINALS: tuple[Final, ...] = tuple(FINAL_TITLES)  # the first is the primary definition
