"""Data and networks that studies need and that are not available."""

import dataclasses
from collections.abc import Sequence

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.framework.context import StudyContext
from captum_rectgrad.studies.framework.study import AnyStudy
from rectgrad_zoo import ZooError


def missing_data(studies: Sequence[AnyStudy], context: StudyContext) -> dict[str, str]:
    """Look once for everything that studies need.

    Args:
        studies: the studies.
        context: context of the runs; it is not changed.

    Returns:
        By the name of images or of a network, as in `StudyContext.used`, why it is not available.
    """
    trial = dataclasses.replace(context, used={})
    names = dict.fromkeys(name for study in studies for name in study.needs)
    reasons = {name: _reason(name, trial) for name in names}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _reason(name: str, context: StudyContext) -> str | None:
    try:
        context.use([name])
    except (RectGradError, ZooError) as error:
        return str(error)
    return None
