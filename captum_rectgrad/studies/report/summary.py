"""One page for the runs in a folder of folders: the verdicts, study by study.

`python -m captum_rectgrad.studies.report.summary docs/results` writes `docs/results/claims.md`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from captum_rectgrad.studies.framework.registry import studies
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.report.recording import (
    REPORT,
    RESULT,
    read_claims,
    read_result,
    write_whole,
)
from captum_rectgrad.studies.report.report import claims_table

PAGE = "claims.md"
_INTRODUCTION = (
    "# Every claim, held against the recorded runs\n\n"
    "Written by `python -m captum_rectgrad.studies.report.summary docs/results`; not by hand. "
    "Each report has the figure, all numbers, and where they come from."
)


def section(study: AnyStudy, folder: Path) -> str:
    """What a page on several studies says of one.

    Args:
        study: which.
        folder: of its run, which is done; beside the page.

    Returns:
        Markdown: heading, claims, and where the report is.
    """
    claims = claims_table(read_claims(folder))
    link = f"[report]({folder.name}/{REPORT})"
    return f"## {folder.name} ({study.shows}): {study.asks}\n\n{claims}\n\n{link}"


def page(folder: Path) -> str:
    """The page of all runs that are in a folder.

    Args:
        folder: with a folder for each study that was run, of its name, and for each on other
            material, of a name that begins with it.

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
    """The folders of a study's runs that are done: the one of its name first.

    Args:
        study: which.
        folder: see `page`.

    Returns:
        Folders, by their names.
    """
    done = sorted(file.parent for file in folder.glob(f"{study.name}*/{RESULT}"))
    return [own for own in done if read_result(own)["study"] == study.name]


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page.

    Args:
        argv: the folder; None: the process's arguments.
    """
    parser = argparse.ArgumentParser(description="Write one page for all runs in a folder.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    write_whole(folder / PAGE, page(folder))


if __name__ == "__main__":
    main()
