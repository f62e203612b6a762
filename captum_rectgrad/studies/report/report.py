"""The report of a result: one page in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from captum_rectgrad.studies.framework.context import NETWORKS
from captum_rectgrad.studies.framework.result import Cell, Claim, Row
from captum_rectgrad.studies.framework.study import AnyStudy
from captum_rectgrad.studies.report.claim_texts import claims_table, found_text
from captum_rectgrad.studies.report.markdown import capital, folded, table
from captum_rectgrad.studies.report.measure_tables import measure_tables
from captum_rectgrad.studies.report.recorded_rows import row_of

FIGURE, TABLE = "figure.png", "result.csv"
# Keys of a configuration: the subset of the chosen methods that a study compares, and the final
# threshold, which studies with fixed methods do not use.
ONLY, FINAL = "of_methods", "final percentile of baselines"


def report(study: AnyStudy, recorded: Mapping[str, Any]) -> str:
    """The report of one run: what was found, the claims, the numbers, the provenance.

    Args:
        study: the study.
        recorded: the content of `result.json`.

    Returns:
        Markdown.
    """
    config, origin = recorded["config"], recorded["provenance"]
    claims = [Claim(**claim) for claim in recorded["claims"]]
    rows = [row_of(row) for row in recorded["rows"]]
    sections = (
        f"# {study.name}: {study.asks}",
        size_warning(config["preset"]),
        found_text(claims),
        (
            f"{capital(study.shows)} of {study.paper}, on {config['material']}, preset "
            f"`{config['preset']}`. Intervals are 95 %. {networks_note(origin['used'])}"
        ).strip(),
        f"![{study.asks}]({FIGURE})",
        f"## Claims\n\n{claims_table(claims)}",
        f"## Numbers\n\n{numbers(study, rows)}",
        _notes(recorded["notes"]),
        f"## Provenance\n\n{_listed(_facts(study, config, origin))}",
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def numbers(study: AnyStudy, rows: Sequence[Row]) -> str:
    """The tables of the measures, and the whole table.

    Args:
        study: the study.
        rows: with the same columns.

    Returns:
        Markdown.
    """
    if not rows:
        return "There are no numbers."
    said = [f"[{TABLE}]({TABLE}) has all numbers."]
    said += [
        f"The best {measure} of a column is in bold: {better} is better."
        for measure, better in study.better.items()
        if measure in rows[0]
    ]
    columns = list(rows[0])
    whole = table(columns, [[_said(row[column]) for column in columns] for row in rows])
    return "\n\n".join(
        [
            " ".join(said),
            measure_tables(rows, study.better),
            folded(f"The whole table: {len(rows)} rows, {len(columns)} columns", whole),
        ]
    )


def size_warning(preset: object) -> str:
    """A warning at the top of the report of a smoke run.

    Args:
        preset: the preset of the run.

    Returns:
        Markdown; empty for other presets.
    """
    if preset != "smoke":
        return ""
    return (
        "**This is a smoke run** on a small part of the data, to test that the study runs. Its "
        "numbers are not results."
    )


def networks_note(used: Mapping[str, str]) -> str:
    """Which networks the verdicts are about.

    Args:
        used: names and hashes of the used data and networks; see `StudyContext.used`.

    Returns:
        A sentence for each role; empty without networks.
    """
    sentences = []
    for role, name in NETWORKS.items():
        if name not in used:
            continue
        names = [each.partition(",")[0] for each in used[name].split("; ")]
        if len(names) == 1:
            sentences.append(f"Verdicts on {role} networks are about one network: {names[0]}.")
        else:
            sentences.append(
                f"Intervals on {role} networks are over {len(names)} networks, which differ by the "
                f"seed of their training, and over images: {', '.join(names)}."
            )
    return " ".join(sentences)


def _notes(notes: Sequence[str]) -> str:
    return "## Notes\n\n" + "\n".join(f"- {note}" for note in notes) if notes else ""


def _said(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _facts(
    study: AnyStudy, config: Mapping[str, object], origin: Mapping[str, object]
) -> dict[str, object]:
    """Configuration and provenance, without duplicates and only for the methods that were run."""
    run = config.get("methods", ()) if study.compares else ()
    assert isinstance(run, list | tuple)  # noqa: S101 (for the type checker: recorded_config)
    among = config.get(ONLY)
    run = [key for key in run if not isinstance(among, list | tuple) or key in among]
    known = origin.get("methods", {})
    assert isinstance(known, Mapping)  # noqa: S101 (likewise)
    settings = {f"{key}, run with": known[key] for key in run if key in known}
    left_out = {"methods", ONLY} if study.compares else {"methods", FINAL}
    facts = {key: fact for key, fact in {**config, **origin}.items() if key not in left_out}
    return {**facts, **({"methods": run} if run else {}), **settings}


def _listed(facts: Mapping[str, object]) -> str:
    lines = []
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            said = "; ".join(f"{key} {value}" for key, value in fact.items())
        elif isinstance(fact, list | tuple):
            said = ", ".join(map(str, fact))
        else:
            said = str(fact)
        lines.append(f"- {name}: {said}")
    return "\n".join(lines)
