"""The report of a result: one page in Markdown."""

from collections.abc import Mapping, Sequence

from captum_rectgrad.studies.framework.context import NETWORKS
from captum_rectgrad.studies.framework.result import Cell, Claim, Result, Row
from captum_rectgrad.studies.framework.study import AnyStudy

FIGURE = "figure.png"
# Keys of a configuration: the subset of the chosen methods that a study compares, and the final
# threshold, which studies with fixed methods do not use.
ONLY, FINAL = "of_methods", "final percentile of baselines"


def report(
    study: AnyStudy, result: Result, config: Mapping[str, object], origin: Mapping[str, object]
) -> str:
    """The report of one run: the paper's claims with verdicts, the numbers, the provenance.

    Args:
        study: the study.
        result: its result.
        config: the recorded configuration.
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
        networks_note(origin.get("used", {})),
        f"![{study.asks}]({FIGURE})",
        f"## Claims\n\n{claims_table(result.claims)}",
        f"## Numbers\n\n{table(result.rows)}",
        "\n".join(f"- {note}" for note in result.notes),
        f"## Provenance\n\n{_listed(_facts(study, config, origin))}",
    )
    return "\n\n".join(section for section in sections if section) + "\n"


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


def networks_note(used: object) -> str:
    """Which networks the verdicts are about.

    Args:
        used: names and hashes of the used data and networks; see `StudyContext.used`.

    Returns:
        A sentence for each role; empty without networks.
    """
    assert isinstance(used, Mapping)  # noqa: S101 (for the type checker)
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


def claims_table(claims: Sequence[Claim]) -> str:
    """Claims and verdicts as a Markdown table.

    Args:
        claims: in order.

    Returns:
        The table; a sentence if there are no claims.
    """
    if not claims:
        return "The paper makes no claim that this study can judge."
    lines = ["| claim | source | verdict | numbers |", "|---|---|---|---|"]
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
