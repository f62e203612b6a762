"""A result in words: one page in Markdown."""

from collections.abc import Mapping, Sequence

from captum_rectgrad.studies.framework.result import Cell, Claim, Result, Row
from captum_rectgrad.studies.framework.study import AnyStudy

FIGURE = "figure.png"
# Of a configuration: which of the chosen methods a study is content with, and what its own methods
# have no use for.
ONLY, FINAL = "of_methods", "final percentile of baselines"


def report(
    study: AnyStudy, result: Result, config: Mapping[str, object], origin: Mapping[str, object]
) -> str:
    """The page of one run: what the paper claims, what holds, the numbers, where they are from.

    Args:
        study: which.
        result: its outcome.
        config: what it was run with, as recorded.
        origin: see `provenance`.

    Returns:
        Markdown.
    """
    sections = (
        f"# {study.name}: {study.asks}",
        (
            f"{study.shows[0].upper()}{study.shows[1:]} of {study.paper}, on "
            f"{config['material']}, preset `{config['preset']}`. Intervals are 95 %."
        ),
        size_warning(config["preset"]),
        f"![{study.asks}]({FIGURE})",
        f"## What holds\n\n{claims_table(result.claims)}",
        f"## Numbers\n\n{table(result.rows)}",
        "\n".join(f"- {note}" for note in result.notes),
        f"## Where this comes from\n\n{_listed(_facts(study, config, origin))}",
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def size_warning(preset: object) -> str:
    """What a reader has to know of a run's size before the numbers.

    Args:
        preset: at which it was run.

    Returns:
        Markdown; empty where the numbers are results.
    """
    if preset != "smoke":
        return ""
    return (
        "**This is a smoke run**: a small part of the data, to see that everything works. Its "
        "numbers are no result."
    )


def claims_table(claims: Sequence[Claim]) -> str:
    """Claims and verdicts as a Markdown table.

    Args:
        claims: in order.

    Returns:
        The table; a sentence where there are none.
    """
    if not claims:
        return "The paper makes no claim here that could be held against a number."
    lines = ["| claim | where | in this run | because |", "|---|---|---|---|"]
    lines += [
        f"| {claim.text} | {claim.source} | **{claim.verdict}** | {claim.because} |"
        for claim in claims
    ]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table.

    Args:
        rows: with the same columns.

    Returns:
        The table; empty without rows.
    """
    if not rows:
        return ""
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_said(row[column]) for column in columns)} |" for row in rows]
    return "\n".join(lines)


def _said(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _facts(
    study: AnyStudy, config: Mapping[str, object], origin: Mapping[str, object]
) -> dict[str, object]:
    """Configuration and provenance, each thing once, and of the methods those that were run."""
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
