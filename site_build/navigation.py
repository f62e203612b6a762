"""The navigation of `mkdocs.yml`: an entry with a slash at its end stands for a folder's pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from site_build.pages import DOCS, outside_pages, tutorial_page


def written_out(nav: list[Any]) -> list[Any]:
    """Replace each entry that ends with a slash by the pages of the folder not named elsewhere."""
    return _written_out(nav, set(named(nav)))


def named(nav: list[Any]) -> Iterator[str]:
    """Every page and folder in a navigation, in order."""
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from named(below if isinstance(below, list) else [below])


def all_pages() -> list[str]:
    """Every page of the site, as a path in `docs/`."""
    written = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
    tutorials = [
        tutorial_page(f"tutorials/{source.name}")
        for source in sorted((DOCS / "tutorials").glob("plot_*.py"))
    ]
    return [*written, *tutorials, *outside_pages().values()]


def _written_out(entries: list[Any], elsewhere: set[str]) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, str) and entry.endswith("/"):
            pages = [page for page in all_pages() if page.startswith(entry)]
            found += [_titled(page) for page in pages if page not in elsewhere]
        elif isinstance(entry, dict):
            ((title, below),) = entry.items()
            inside = _written_out(below, elsewhere) if isinstance(below, list) else below
            found += [{title: inside}] if inside else []
        else:
            found.append(entry)
    return found


def _titled(page: str) -> Any:
    """A report of a study by what it measures: its heading without the name of the study."""
    path = DOCS / page
    if path.name != "report.md":
        return page
    heading = path.read_text(encoding="utf-8").partition("\n")[0]
    parts = re.fullmatch(r"# ([\w-]+): (.+)", heading)
    if parts is None:
        return page
    study, measured = parts.groups()
    variant = Path(page).parent.name.removeprefix(study).strip("-").replace("-", " ")
    title = measured[0].upper() + measured[1:]
    return {f"{title} ({variant})" if variant else title: page}
