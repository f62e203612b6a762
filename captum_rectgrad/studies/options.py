"""What can be chosen of a study, and what it is by default, apart from what needs PyTorch."""

from typing import Literal

# Of a network that a study looks at: what it was trained behind.
Role = Literal["plain", "occluded", "noise"]
Preset = Literal["smoke", "quick", "full"]
PRESETS: tuple[Preset, ...] = ("smoke", "quick", "full")

BATCH_SIZE = 200  # images of 32 x 32 pixels
FEW = 10  # of 224 x 224 pixels and a network as large as VGG-16: 2 GiB
FINAL_PERCENTILE = 95.0  # what is left of a baseline's map, section 5.2
