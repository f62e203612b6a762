"""The page of the benchmarks: on the site, it has the recorded tables below its text."""

import re

from site_build.pages import ROOT

PAGE = "benchmarks/README.md"
RECORD = re.compile(r"\[([^]]*)\]\(\.\./\.\./(benchmarks/results/([\w-]+)\.md)\)")


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
        rest = re.sub("^##", "###", rest, flags=re.MULTILINE).strip()
        sections.append(f"#{title} ({text}) {{ #{name} }}\n\n{rest}")
    return "\n\n".join([RECORD.sub(r"[\1](#\3)", markdown), *sections]) + "\n"
