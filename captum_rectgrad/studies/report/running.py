"""Running studies: one into a folder, or all into folders beside each other with one report."""

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.choices import Preset
from captum_rectgrad.studies.compute.engines import session
from captum_rectgrad.studies.data.photographs import Photographs
from captum_rectgrad.studies.framework.lab import Lab
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.report.provenance import device_name, provenance
from captum_rectgrad.studies.report.recording import (
    REPORT,
    check_used,
    claim_folder,
    read_used,
    record,
    unclaimed_if_nothing_was_done,
    write_whole,
)
from captum_rectgrad.studies.report.report import FINAL, size_warning
from captum_rectgrad.studies.report.summary import section
from rectgrad_zoo import ZooError

# What one study may lack and others do not.
_LACKING = (RectGradError, ZooError)
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
        RectGradError: the study is not for this material, the folder is of another run, the
            material is not there, or the cluster is not what it should be.
        ZooError: a network or the images are not there.
        NotAvailableError: a method would not be itself on a network.
    """
    if isinstance(lab.material, Photographs) and not study.any_network:
        raise RectGradError(f"{study.name} is not for photographs and any network (--model)")
    config = recorded_config(study, preset, lab)
    state = claim_folder(lab.folder, config)
    if state == "done":
        # The same names may lead to other images and networks by now.
        lab.use(read_used(lab.folder))
        check_used(lab.folder, lab.used)
        _LOG.info("%s: done already, in %s", study.name, lab.folder)
        return lab.folder / REPORT
    with session(lab.cluster), unclaimed_if_nothing_was_done(lab.folder):
        begun = time.monotonic()
        result = study.run(study.presets[preset], lab)
        origin = provenance(lab, time.monotonic() - begun, resumed=state == "begun")
        if lab.material.note:
            result = dataclasses.replace(result, notes=(*result.notes, lab.material.note))
    record(lab.folder, study, result, config, origin)
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
        FINAL: lab.final_percentile,
        "seed": lab.seed,
        "batch size": lab.batch_size,
        "device": device_name(lab),
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

    Raises:
        RectGradError: none can be run: there is no such cluster.
    """
    done, sections = True, [f"# All studies, preset `{preset}`, on {lab.material.name}"]
    if warning := size_warning(preset):
        sections.append(warning)
    with session(lab.cluster):
        for number, study in enumerate(studies, start=1):
            begun = time.monotonic()
            ran, section = _section(study, preset, lab)
            if ran:
                minutes = (time.monotonic() - begun) / 60
                _LOG.info("%s: %.1f min (%d of %d)", study.name, minutes, number, len(studies))
            done = done and ran
            sections.append(section)
    write_whole(lab.folder / REPORT, "\n\n".join(sections) + "\n")
    return done, lab.folder / REPORT


def _section(study: AnyStudy, preset: Preset, lab: Lab) -> tuple[bool, str]:
    """Run one of all, and what their report says of it."""
    own = dataclasses.replace(lab, folder=lab.folder / study.name, used={})
    try:
        run_study(study, preset, own)
    except _LACKING as error:
        _LOG.error("%s was not run: %s", study.name, error)
        return False, f"## {study.name} ({study.shows})\n\nNot run: {error}."
    return True, section(study, own.folder)
