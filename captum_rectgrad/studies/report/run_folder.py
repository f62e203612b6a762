"""The output folder of a run: claimed for one configuration, with files written atomically."""

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from captum_rectgrad.errors import RectGradError
from captum_rectgrad.studies.framework.result import Claim, Result
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.report.provenance import ONLY_FINISHED
from captum_rectgrad.studies.report.recorded_rows import csv_text, plain_row, row_of
from captum_rectgrad.studies.report.report import FIGURE, TABLE, report
from rectgrad_zoo.errors import ZooError
from rectgrad_zoo.input_files import read_json_object
from rectgrad_zoo.output_lock import other_entries
from rectgrad_zoo.written_whole import remove_unfinished, write_text, written_whole

CONFIG, RESULT, REPORT = "config.json", "result.json", "report.md"
_LOG = logging.getLogger(__name__)


# State of a run in its folder: none yet, not finished, or done.
State: TypeAlias = Literal["new", "begun", "done"]


def claim_folder(folder: Path, config: Mapping[str, Any]) -> State:
    """Claim a folder for a run with this configuration.

    Args:
        folder: held by `output_lock`, or a subfolder of one that is. It is created if it does not
            exist.
        config: configuration of the run, as plain values.

    Returns:
        The state of the run in the folder.

    Raises:
        RectGradError: the folder is not empty, or has a run with another configuration; the error
            lists the difference.
    """
    file, wanted = folder / CONFIG, json.loads(json.dumps(config))
    if file.exists():
        _refuse_others(folder, "of another configuration", _read(file), wanted)
        remove_unfinished(folder)
        return "done" if _is_whole(folder) else "begun"
    if folder.exists() and other_entries(folder):
        raise RectGradError(f"{folder} is not empty and holds no run; give another with --out")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(wanted, indent=2) + "\n")
    return "new"


@contextmanager
def unclaimed_if_nothing_was_done(folder: Path) -> Iterator[None]:
    """Release a folder if a run raises an error before it has written a result.

    The folder itself is removed by `output_lock`.

    Args:
        folder: the folder, after `claim_folder`.
    """
    try:
        yield
    except BaseException:
        if other_entries(folder) == {folder / CONFIG}:
            (folder / CONFIG).unlink()
        raise


def _is_whole(folder: Path) -> bool:
    try:
        read_result(folder)
    except FileNotFoundError:
        return False
    except (OSError, RectGradError) as error:
        _LOG.warning("%s; the study is run again", error)
        return False
    return True


def read_used(folder: Path) -> dict[str, str]:
    """The data and networks that a finished run used.

    Args:
        folder: folder of the run.

    Returns:
        As `StudyContext.used`.

    Raises:
        RectGradError: the result cannot be read.
    """
    return dict(read_result(folder)["provenance"]["used"])


def is_partial(folder: Path) -> bool:
    """Whether a finished run left out what was not finished (`StudyContext.only_finished`).

    Args:
        folder: folder of the run.

    Raises:
        RectGradError: the result cannot be read.
    """
    return ONLY_FINISHED in read_result(folder)["provenance"]


def check_used(folder: Path, used: Mapping[str, str]) -> None:
    """Check that a finished run used the present data and networks.

    Args:
        folder: folder of the run.
        used: present data and networks, as `StudyContext.used`, for the keys of `read_used`.

    Raises:
        RectGradError: they differ; the error lists the difference.
    """
    _refuse_others(folder, "on other data or networks", read_used(folder), used)


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The differences of two configurations in words; empty if there are none."""
    return "; ".join(
        f"{key} was {found.get(key)!r}, is {wanted.get(key)!r}"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    )


def _refuse_others(
    folder: Path, which: str, found: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    different = differences(found, wanted)
    if different:
        raise RectGradError(
            f"{folder} holds a run {which}: {different}. Give another folder with "
            "--out, or delete this one"
        )


def _read(file: Path) -> dict[str, Any]:
    try:
        return read_json_object(file)
    except ZooError as error:
        raise RectGradError(
            f"{str(error).rstrip('.')}; delete the folder, or give another with --out"
        ) from error


def record(
    folder: Path,
    study: AnyStudy,
    result: Result,
    config: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> None:
    """Write a result: report, figures, table, and last the JSON file, which marks it as complete.

    Args:
        folder: the folder, after `claim_folder`.
        study: the study.
        result: its result.
        config: the configuration of the run.
        origin: see `provenance`.
    """
    with written_whole(folder / FIGURE) as unfinished:
        result.figure.savefig(unfinished, dpi="figure")
    with written_whole((folder / FIGURE).with_suffix(".pdf")) as unfinished:
        # Without a PDF's default date, so that the same run writes the same file.
        result.figure.savefig(unfinished, metadata={"CreationDate": None})
    content = recorded(study, result, config, origin)
    write_report(folder, study, content)
    write_text(folder / RESULT, json.dumps(content, indent=2, allow_nan=False) + "\n")


def recorded(
    study: AnyStudy, result: Result, config: Mapping[str, Any], origin: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of the JSON file of a run.

    Args:
        study: the study.
        result: its result.
        config: the configuration of the run.
        origin: see `provenance`.

    Returns:
        Plain values.
    """
    return {
        "study": study.name,
        "shows": study.shows,
        "config": config,
        "claims": [dataclasses.asdict(claim) for claim in result.claims],
        "rows": [plain_row(row) for row in result.rows],
        "notes": list(result.notes),
        "provenance": origin,
    }


def write_report(folder: Path, study: AnyStudy, content: Mapping[str, Any]) -> None:
    """Write the report of a run and its table.

    Args:
        folder: folder of the run.
        study: the study.
        content: content of the JSON file; see `recorded`.
    """
    write_text(folder / TABLE, csv_text([row_of(row) for row in content["rows"]]))
    write_text(folder / REPORT, report(study, content))


def read_claims(folder: Path) -> list[Claim]:
    """The claims of a finished run.

    Args:
        folder: folder of the run.

    Returns:
        The claims.
    """
    return [Claim(**claim) for claim in read_result(folder)["claims"]]


def read_result(folder: Path) -> dict[str, Any]:
    """The recorded result of a finished run.

    Args:
        folder: folder of the run.

    Returns:
        The content of its JSON file, with a study, configuration, claims and provenance.

    Raises:
        RectGradError: the file is damaged, or is not the result of a study.
        OSError: the file does not exist or cannot be read.
    """
    file = folder / RESULT
    content = _read(file)
    try:
        texts = [content["study"], *content["provenance"]["used"].values()]
        for claim in content["claims"]:
            texts += dataclasses.asdict(Claim(**claim)).values()
        found = {str, *map(type, texts)}
    except (TypeError, KeyError, AttributeError) as error:
        raise RectGradError(f"{file} is not the result of a study ({error!r})") from error
    if found != {str} or not isinstance(content.get("config"), dict):
        raise RectGradError(f"{file} is not the result of a study: a value has another type")
    return content
