"""The pages of all runs in a folder: reports, and one page of all claims by question.

`python -m captum_rectgrad.studies.report.summary docs/results` writes `docs/results/claims.md`, and
`report.md` and `result.csv` of each run, from `result.json`.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from captum_rectgrad.studies.framework.registry import find, studies
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.report.claim_texts import (
    VERDICTS,
    Finding,
    claims_table,
    findings,
    number,
)
from captum_rectgrad.studies.report.markdown import table
from captum_rectgrad.studies.report.questions import QUESTIONS
from captum_rectgrad.studies.report.run_folder import (
    REPORT,
    RESULT,
    read_claims,
    read_result,
    write_report,
)
from rectgrad_zoo.written_whole import write_text

PAGE = "claims.md"
_COLUMNS = ("claim", "verdict", "number", "source", "run")
_INTRODUCTION = (
    "# What holds and what does not\n\n"
    "The claims of the papers and of this package with their verdicts, by question. The number is "
    "the first that the verdict gives as its reason, with its 95 % interval. The report of the run "
    "has the whole reason. For a claim that is judged in several settings, such as two attacks, it "
    "is the number of the first setting. A source is a place in the paper of the run; ours, and "
    "not in the paper, are claims of this package. This page is written by "
    "`python -m captum_rectgrad.studies.report.summary docs/results`."
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
    """The page of all claims of the runs in a folder.

    Args:
        folder: parent folder of the runs. A run's folder has the name of its study; for other data
            it has a suffix.

    Returns:
        Markdown.
    """
    found = {
        question: [
            (own.name, finding)
            for name in names
            for own in runs_of(find(name), folder)
            for finding in findings(read_claims(own))
        ]
        for question, names in QUESTIONS.items()
    }
    sections = [_INTRODUCTION, _overview(found)]
    for question, each in found.items():
        rows = [
            [
                finding.text,
                f"**{finding.verdict}**",
                number(finding.claims[0]),
                finding.source,
                f"[{name}]({name}/{REPORT})",
            ]
            for verdict in VERDICTS
            for name, finding in each
            if finding.verdict == verdict
        ]
        sections.append(f"## {question}\n\n{table(_COLUMNS, rows)}")
    return "\n\n".join(sections) + "\n"


def _overview(found: Mapping[str, Sequence[tuple[str, Finding]]]) -> str:
    """A table of the numbers of verdicts by question."""
    rows = []
    for question, each in found.items():
        numbers = Counter(finding.verdict for _, finding in each)
        rows.append([question, *(str(numbers[verdict]) for verdict in VERDICTS)])
    return table(["question", *VERDICTS], rows, right=len(VERDICTS))


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
    """Write the pages.

    Args:
        argv: the folder; None: the arguments of the process.
    """
    parser = argparse.ArgumentParser(description="Write the pages of all runs in a folder.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    for study in studies():
        for own in runs_of(study, folder):
            write_report(own, study, read_result(own))
    write_text(folder / PAGE, page(folder))


if __name__ == "__main__":
    main()
