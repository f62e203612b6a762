"""One page for all runs in a folder: the verdicts, study by study.

`python -m captum_rectgrad.studies.report.summary docs/results` writes `docs/results/claims.md`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from captum_rectgrad.studies.framework.registry import studies
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.report.report import claims_table
from captum_rectgrad.studies.report.run_folder import REPORT, RESULT, read_claims, read_result
from rectgrad_zoo.written_whole import write_text

PAGE = "claims.md"
_INTRODUCTION = (
    "# Claims and verdicts of the recorded runs\n\n"
    "Written by `python -m captum_rectgrad.studies.report.summary docs/results`; do not edit. "
    "Each report has the figure, all numbers, and the provenance."
)


def section(study: AnyStudy, folder: Path) -> str:
    """The section of one study on a page of several studies.

    Args:
        study: the study.
        folder: folder of its finished run, beside the page.

    Returns:
        Markdown: heading, claims, and a link to the report.
    """
    claims = claims_table(read_claims(folder))
    link = f"[report]({folder.name}/{REPORT})"
    return f"## {folder.name} ({study.shows}): {study.asks}\n\n{claims}\n\n{link}"


def page(folder: Path) -> str:
    """The page of all runs in a folder.

    Args:
        folder: parent folder of the runs. A run's folder has the name of its study; for other data
            it has a suffix.

    Returns:
        Markdown.
    """
    sections = [_INTRODUCTION]
    for study in studies():
        for own in runs_of(study, folder):
            found = read_result(own)
            config, origin = found["config"], found["provenance"]
            said = (
                f"On {config['material']}, preset `{config['preset']}`, {origin['date']}, "
                f"{origin['device']}."
            )
            heading, _, rest = section(study, own).partition("\n\n")
            sections.append(f"{heading}\n\n{said}\n\n{rest}")
    return "\n\n".join(sections) + "\n"


def runs_of(study: AnyStudy, folder: Path) -> list[Path]:
    """The folders of a study's finished runs, the one of its name first.

    Args:
        study: the study.
        folder: see `page`.

    Returns:
        Folders, sorted by name.
    """
    done = sorted(file.parent for file in folder.glob(f"{study.name}*/{RESULT}"))
    return [own for own in done if read_result(own)["study"] == study.name]


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page.

    Args:
        argv: the folder; None: the arguments of the process.
    """
    parser = argparse.ArgumentParser(description="Write one page for all runs in a folder.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    write_text(folder / PAGE, page(folder))


if __name__ == "__main__":
    main()
