"""Pages of the site from outside `docs/`, and links that work in the repository and on the site.

A link in a Markdown file of the repository is relative to that file, so that it works where the
file is read. The site has the same pages at other places; each link is turned to the page of what
it points to.
"""

import posixpath
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

# Where a page of the repository is on the site. Model cards have pages, too (`outside_pages`).
OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "zoo/README.md": "zoo/index.md",
}
CARDS = ("zoo/rectgrad_zoo/checkpoints/*/README.md", "zoo/hub/*/README.md")

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def outside_pages() -> dict[str, str]:
    """By its path in the repository, the page of the site made from a file outside `docs/`."""
    cards = (path for pattern in CARDS for path in sorted(ROOT.glob(pattern)))
    pages = {path: f"zoo/{path.parent.name}.md" for path in cards}
    return OUTSIDE | {path.relative_to(ROOT).as_posix(): page for path, page in pages.items()}


def tutorial_page(source: str) -> str:
    """The page of a tutorial: `tutorials/plot_1_first_map.py` gives `tutorials/first_map.md`."""
    path = PurePosixPath(source)
    return str(path.with_name(re.sub(r"^plot_(\d+_)?", "", path.stem) + ".md"))


def is_tutorial(source: str) -> bool:
    """Whether a path in the repository is a tutorial's."""
    return re.fullmatch(r"docs/tutorials/plot_\w+\.py", source) is not None


def page_of(path: str) -> str | None:
    """What shows a path of the repository on the site, as a path in `docs/`; None: nothing does.

    Args:
        path: of a file, or of a folder, which its `README.md` stands for; from the repository on.
    """
    if (ROOT / path).is_dir():
        path = posixpath.join(path, "README.md")
    if not (ROOT / path).is_file():
        return None
    if is_tutorial(path):
        return tutorial_page(path.removeprefix("docs/"))
    if path == "README.md":  # the home page says the same
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return outside_pages().get(path)


def with_links(markdown: str, source: str, page: str) -> str:
    """Markdown of a file of the repository, its links turned to those of the site.

    What exists in the repository and not on the site is named without a link. What does not exist
    is left alone: the strict build fails at it.

    Args:
        markdown: the text.
        source: the file it is from, relative to the repository.
        page: where it is shown, as a path in `docs/`.
    """

    def turned(match: re.Match[str]) -> str:
        image, text, target, anchor = match.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if ":" in target or path.startswith("..") or not (ROOT / path).exists():
            return match[0]
        shown = page_of(path)
        if shown is None:
            return text
        return f"{image}[{text}]({posixpath.relpath(shown, posixpath.dirname(page))}{anchor or ''})"

    return LINK.sub(turned, markdown)
