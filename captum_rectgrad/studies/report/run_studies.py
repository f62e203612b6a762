"""Running studies: one into a folder, or several into subfolders with one report."""

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.compute.engines import session
from captum_rectgrad.studies.compute.time_limit import TimeUpError
from captum_rectgrad.studies.data.photographs import Photographs
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.options import Preset
from captum_rectgrad.studies.report.missing_data import missing_data
from captum_rectgrad.studies.report.provenance import device_name, run_provenance
from captum_rectgrad.studies.report.report import FINAL, size_warning
from captum_rectgrad.studies.report.run_folder import (
    REPORT,
    check_used,
    claim_folder,
    is_partial,
    read_used,
    record,
    unclaimed_if_nothing_was_done,
)
from captum_rectgrad.studies.report.summary import section
from rectgrad_zoo import ZooError
from rectgrad_zoo.determinism import deterministic
from rectgrad_zoo.output_lock import output_lock
from rectgrad_zoo.written_whole import write_text

# Errors that concern one study only, such as missing data.
_LACKING = (RectGradError, ZooError)
_LOG = logging.getLogger(__name__)


def run_study(study: AnyStudy, preset: Preset, context: StudyContext) -> Path:
    """Run a study and record it, unless its folder has the same run already.

    Args:
        study: the study.
        preset: size of the run.
        context: context of the run; its folder is the output folder.

    Returns:
        Path of the report.

    Raises:
        RectGradError: the study does not support these data, the folder has another run, or the
            data or the cluster is not available.
        ZooError: another process uses the folder, or a network or the images are not available.
        MethodUnreliableError: a method is unreliable on a network.
    """
    if isinstance(context.study_data, Photographs) and not study.any_network:
        raise RectGradError(f"{study.name} is not for photographs and any network (--model)")
    config = recorded_config(study, preset, context)
    with output_lock(context.folder):
        return _run_held(study, preset, context, config)


def _run_held(
    study: AnyStudy, preset: Preset, context: StudyContext, config: dict[str, Any]
) -> Path:
    """Run a study in a folder that no other process writes to."""
    state = claim_folder(context.folder, config)
    if state == "done" and not context.only_finished and is_partial(context.folder):
        state = "begun"
    if state == "done":
        # The same names may refer to other images and networks now.
        context.use(read_used(context.folder), one_network=study.one_network)
        check_used(context.folder, context.used)
        _LOG.info("%s: already done, in %s", study.name, context.folder)
        return context.folder / REPORT
    with session(context.cluster), unclaimed_if_nothing_was_done(context.folder):
        begun = time.monotonic()
        # What is missing is reported now, not after an hour.
        context.use(study.needs, one_network=study.one_network)
        with deterministic(context.device):
            result = study.run(config_of(study, preset), context)
        resumed = state == "begun" or context.only_finished
        origin = run_provenance(context, time.monotonic() - begun, resumed=resumed)
        if context.study_data.note:
            result = dataclasses.replace(result, notes=(*result.notes, context.study_data.note))
    record(context.folder, study, result, config, origin)
    return context.folder / REPORT


def recorded_config(study: AnyStudy, preset: Preset, context: StudyContext) -> dict[str, Any]:
    """The configuration of a run as plain values.

    Args:
        study: the study.
        preset: size of the run.
        context: context of the run.

    Returns:
        The study's own configuration and the options that all studies share.
    """
    return {
        "study": study.name,
        "preset": preset,
        "material": context.study_data.name,
        "methods": [method.key for method in context.methods],
        FINAL: context.final_percentile,
        "seed": context.seed,
        "batch size": context.batch_size,
        "device": device_name(context),
        **dataclasses.asdict(config_of(study, preset)),
    }


def config_of(study: AnyStudy, preset: Preset) -> Any:
    """The configuration of a study at a size.

    Raises:
        RectGradError: the study does not have the preset.
    """
    if preset not in study.presets:
        raise RectGradError(
            f"{study.name} has no preset {preset}; choose from {', '.join(study.presets)}"
        )
    return study.presets[preset]


def run_all(
    studies: Sequence[AnyStudy], preset: Preset, context: StudyContext
) -> tuple[bool, Path]:
    """Run studies one after the other, each in a subfolder of its name, and write one report.

    Args:
        studies: the studies.
        preset: size of the runs.
        context: context of the runs; its folder is the parent folder.

    Returns:
        Whether all studies were run, and the path of the report, which has the verdicts and links
        to each study's report.

    Raises:
        RectGradError: the cluster is not available, so that no study can be run.
        ZooError: another process uses the folder.
    """
    done, sections = True, [f"# All studies, preset `{preset}`, on {context.study_data.name}"]
    if warning := size_warning(preset):
        sections.append(warning)
    missing = missing_data(studies, context)
    for name, reason in missing.items():
        lacking = [study.name for study in studies if name in study.needs]
        _LOG.error("not run: %s: %s", ", ".join(lacking), reason)
    with output_lock(context.folder), session(context.cluster):
        for number, study in enumerate(studies, start=1):
            begun = time.monotonic()
            reasons = [missing[name] for name in study.needs if name in missing]
            if reasons:
                ran, section = False, _not_run(study, reasons[0])
            else:
                ran, section = _section(study, preset, context)
            if ran:
                minutes = (time.monotonic() - begun) / 60
                _LOG.info("%s: %.1f min (%d of %d)", study.name, minutes, number, len(studies))
            done = done and ran
            sections.append(section)
        write_text(context.folder / REPORT, "\n\n".join(sections) + "\n")
    return done, context.folder / REPORT


def _section(study: AnyStudy, preset: Preset, context: StudyContext) -> tuple[bool, str]:
    """Run one of several studies; returns whether it was run, and its section of the report."""
    own = dataclasses.replace(context, folder=context.folder / study.name, used={})
    try:
        run_study(study, preset, own)
    except TimeUpError:
        raise
    except _LACKING as error:
        _LOG.error("%s was not run: %s", study.name, error)
        return False, _not_run(study, str(error))
    return True, section(study, own.folder)


def _not_run(study: AnyStudy, reason: str) -> str:
    return f"## {study.name} ({study.shows})\n\nNot run: {reason}."
