"""Running studies: one into a folder, or all into folders beside each other with one report."""

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.lab import Lab
from captum_rectgrad.studies.provenance import device_name, provenance
from captum_rectgrad.studies.recording import (
    REPORT,
    claim_folder,
    read_claims,
    record,
    write_whole,
)
from captum_rectgrad.studies.report import claims_table
from captum_rectgrad.studies.study import AnyStudy, Preset

_LOG = logging.getLogger(__name__)


def run_study(study: AnyStudy, preset: Preset, lab: Lab) -> Path:
    """Run a study and record it, unless its folder has the same run already.

    Args:
        study: which.
        preset: at which size.
        lab: what it is given; its folder is where it is recorded.

    Returns:
        The report.

    Raises:
        RectGradError: the folder is of another run, or the material is not there.
    """
    config = recorded_config(study, preset, lab)
    if claim_folder(lab.folder, config):
        _LOG.info("%s: done already, in %s", study.name, lab.folder)
    else:
        begun = time.monotonic()
        result = study.run(study.presets[preset], lab)
        record(lab.folder, study, result, config, provenance(lab, time.monotonic() - begun))
    return lab.folder / REPORT


def recorded_config(study: AnyStudy, preset: Preset, lab: Lab) -> dict[str, Any]:
    """All that was chosen for a run, as plain values.

    Args:
        study: which.
        preset: at which size.
        lab: what it is given.

    Returns:
        The study's own configuration and what it shares with others.
    """
    return {
        "study": study.name,
        "preset": preset,
        "material": lab.material.name,
        "methods": [method.key for method in lab.methods],
        "final percentile of baselines": lab.final_percentile,
        "seed": lab.seed,
        "batch size": lab.batch_size,
        "device": device_name(lab.device),
        **dataclasses.asdict(study.presets[preset]),
    }


def run_all(studies: Sequence[AnyStudy], preset: Preset, lab: Lab) -> tuple[bool, Path]:
    """Run studies one after the other, each in a folder of its name, and write one report.

    Args:
        studies: which.
        preset: at which size.
        lab: what they are given; its folder is what theirs are in.

    Returns:
        Whether all could be run, and the report, which holds the verdicts and leads to each
        study's own.
    """
    done, sections = True, [f"# All studies, preset `{preset}`, on {lab.material.name}"]
    for study in studies:
        own = dataclasses.replace(lab, folder=lab.folder / study.name, used={})
        try:
            run_study(study, preset, own)
        except RectGradError as error:
            done = False
            sections.append(f"## {study.name} ({study.shows})\n\nNot run: {error}.")
            _LOG.error("%s was not run: %s", study.name, error)
        else:
            claims = read_claims(own.folder)
            link = f"[report]({study.name}/{REPORT})"
            sections.append(
                f"## {study.name} ({study.shows}): {study.asks}\n\n{claims_table(claims)}\n\n{link}"
            )
    write_whole(lab.folder / REPORT, "\n\n".join(sections) + "\n")
    return done, lab.folder / REPORT
