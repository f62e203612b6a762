"""The page of the benchmarks: on the site, it has the recorded tables below its text."""

import re

from site_build.pages import ROOT

PAGE = "cost.md"
MOST_COLUMNS = 8
RECORD = re.compile(r"\[([^]]*)\]\(\.\./(benchmarks/results/([\w-]+)\.md)\)")
TABLE = re.compile(r"(?:^\|.*\|\n)+", re.MULTILINE)
INTERVAL = re.compile(r"(?<=\d) \(([\d.]+ to [\d.]+)\)(?= \|)")


def with_records(markdown: str) -> str:
    """The page with the records that it links to, and with links to these sections.

    Args:
        markdown: the page, as in the repository.

    Returns:
        Markdown. The title of a record has the text of its link, such as "on a CPU".
    """
    sections = []
    for text, path, name in RECORD.findall(markdown):
        title, _, rest = (ROOT / path).read_text(encoding="utf-8").partition("\n")
        rest = re.sub("^##", "###", rest, flags=re.MULTILINE).strip() + "\n"
        rest = INTERVAL.sub(r"<br><small>\1</small>", TABLE.sub(_narrow, rest))
        sections.append(f"#{title} ({text}) {{ #{name} }}\n\n{rest}")
    return "\n\n".join([RECORD.sub(r"[\1](#\3)", markdown), *sections])


def _narrow(found: re.Match[str]) -> str:
    """A table; if it has more columns than the page has room for, they are its rows."""
    header, _, *rows = (
        [cell.strip() for cell in line[1:-1].split("|")] for line in found[0].splitlines()
    )
    if len(header) <= MOST_COLUMNS:
        return found[0]
    names, *turned = zip(header, *rows, strict=True)
    lines = [names, ("---", *["---:"] * len(rows)), *turned]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
