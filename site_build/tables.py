"""Tables of the site: they scroll by themselves, by keyboard too, and verdicts can be told apart.

On the pages of `VERDICTS`, a cell that starts with a verdict gets a colour, and a sign beside its
word. The first cell of a row is its heading, and each cell knows the title of its column, which
phones show instead of the header.
"""

import re
from collections import Counter
from fnmatch import fnmatch
from html import unescape

# By page, as a pattern, what a cell may start with, best first.
CLAIM = ("holds", "undecided", "does not hold")
VERDICTS = {
    "hard-cases.md": ("right", "warns", "refused", "not treated", "error", "wrong"),
    "timm-support.md": ("right", "no small member"),
    "peers.md": ("yes", "-"),
    "results/claims.md": CLAIM,
    "results/*/report.md": CLAIM,
}
CLAIMS = "results/claims-of-the-papers.md"
SIGNS = {
    "right": "✓",
    "yes": "✓",
    "holds": "✓",
    "undecided": "?",
    "does not hold": "✗",
    "warns": "!",
    "refused": "⊘",
    "not treated": "○",
    "no small member": "○",
    "error": "✗",
    "wrong": "✗",
    "-": "○",
}
LONG = 30  # characters; a longer reason is folded
TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.DOTALL)
BEGIN = '<div class="table{}" tabindex="0" role="group" aria-label="Table"{}>'


def with_tables(html: str, page: str) -> str:
    """A page whose tables scroll by themselves, with verdicts told apart where it has some.

    Args:
        html: the content of the page.
        page: as a path in `docs/`.
    """
    words = next((words for pages, words in VERDICTS.items() if fnmatch(page, pages)), ())
    summary = _summary(html, words) if page == "hard-cases.md" else ""
    if page.endswith("-support.md"):  # the counts come before the long table
        counts = re.search(r"<p>Of \d+ families: .*?</p>\n?", html)
        if counts is not None:
            html = html.replace(counts[0], "").replace("</h1>", f"</h1>\n{counts[0]}", 1)
    # Numbers by the hundred are nothing that one searches for.
    aside = " data-search-exclude" if page.startswith("results/") and page != CLAIMS else ""

    def changed(table: re.Match[str]) -> str:
        inside, kind = table[1], ""
        if any(_verdict(cell, words) for row in _cells(inside)[1:] for cell in row[1:]):
            inside, kind = _with_verdicts(inside, words), " verdicts"
        return f'{BEGIN.format(kind, aside)}<table class="data">{inside}</table></div>'

    html = TABLE.sub(changed, html)
    return html.replace("<h2", f"{summary}\n<h2", 1) if summary else html


def counts(html: str, words: tuple[str, ...]) -> dict[str, Counter[str]]:
    """By the title of a column, how many cells have each verdict, in the tables of all columns."""
    tables = [_cells(table) for table in TABLE.findall(html)]
    most = max(len(rows[0]) for rows in tables)
    found: dict[str, Counter[str]] = {}
    for header, *rows in tables:
        if len(header) < most:
            continue
        for row in rows:
            for title, cell in zip(header[1:], row[1:], strict=True):
                found.setdefault(title, Counter())[_verdict(cell, words)] += 1
    return found


def _summary(html: str, words: tuple[str, ...]) -> str:
    """A table: for each method, of how many networks its map is right, and so on."""
    found = counts(html, words)
    total = sum(next(iter(found.values())).values())
    titles = ["silently wrong" if word == "wrong" else word for word in words]
    titles = [f"{SIGNS[word]} {title}" for word, title in zip(words, titles, strict=True)]
    header = "".join(f"<th>{title}</th>" for title in titles)
    rows = ""
    for method, number in found.items():
        rows += f'<tr><th scope="row">{method}</th>'
        for word, title in zip(words, titles, strict=True):
            kind = f' class="verdict {_kind(word)}"' if number[word] else ""
            rows += f'<td{kind} data-title="{title}">{number[word]}</td>'
        rows += "</tr>"
    return (
        f"<p><strong>Of {total} networks</strong>, the map of a method is</p>\n"
        f'{BEGIN.format(" verdicts summary", "")}<table class="data">'
        f"<thead><tr><th>method</th>{header}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cells(table: str) -> list[list[str]]:
    return [[cell[2] for cell in CELL.findall(row)] for row in ROW.findall(table)]


def _verdict(cell: str, words: tuple[str, ...]) -> str:
    return next((word for word in words if re.match(rf"(<strong>)?{word}(?![\w-])", cell)), "")


def _with_verdicts(table: str, words: tuple[str, ...]) -> str:
    titles = [_plain(title) for title in _cells(table)[0]]

    def changed(row: re.Match[str]) -> str:
        cells = CELL.findall(row[1])
        if cells[0][0] == "th":
            return row[0]
        name = f'<th scope="row">{cells[0][2]}</th>'
        others = zip((cell[2] for cell in cells[1:]), titles[1:], strict=True)
        return f"<tr>{name}{''.join(_cell(text, title, words) for text, title in others)}</tr>"

    return ROW.sub(changed, table)


def _cell(text: str, title: str, words: tuple[str, ...]) -> str:
    word = _verdict(text, words)
    label = f' data-title="{title}"' if title else ""
    if not word:
        return f"<td{label}>{text}</td>"
    rest = re.sub("</?strong>", "", text).removeprefix(word)
    shown = f'<span aria-hidden="true">{SIGNS[word]}</span> <b>{"no" if word == "-" else word}</b>'
    if len(_plain(rest)) > LONG:
        inside = f"<details><summary>{shown}</summary>{rest.removeprefix(':').strip()}</details>"
    else:
        inside = shown + rest
    return f'<td{label} class="verdict {_kind(word)}">{inside}</td>'


def _kind(word: str) -> str:
    """The class of a verdict in the style sheet."""
    return "no" if word == "-" else word.replace(" ", "-")


def _plain(html: str) -> str:
    """Text without tags, fit for an attribute."""
    return unescape(re.sub(r"<[^>]+>", "", html)).replace('"', "'").strip()
