"""Table 1 with masks of a network that has not seen the images: a control for leakage."""

from dataclasses import replace

from captum_rectgrad.studies.options import PAPER
from captum_rectgrad.studies.roar_kar import study

STUDY = replace(
    study.STUDY,
    name="roar-kar-held-out",
    shows="table 1, with masks of a network that has not seen the images",
    asks="how much a network learns without pixels ranked for a network that has not seen them",
    presets={
        preset: replace(config, held_out=True)
        for preset, config in study.STUDY.presets.items()
        if preset != PAPER
    },
    minutes={"smoke": None, "quick": None, "full": None},
    roles=("held_out",),
)
