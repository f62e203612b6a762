"""What MkDocs calls: pages from outside `docs/`, tutorials run, folders in the navigation."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from site_build import benchmarks, command_line
from site_build.navigation import written_out
from site_build.notebooks import with_badge
from site_build.pages import DOCS, ROOT, outside_pages, tutorial_page, with_links
from site_build.playground import FOLDER, MISSING, NETWORKS, PAGE, all_files, is_runtime_installed
from site_build.tables import with_tables
from site_build.tutorial_cache import kept

SOURCE = '<details class="mkdocstrings-source" data-search-exclude>'
FIRST = ("cite.md", "choose-a-method.md", "install.md", "when-not-to-trust-a-map.md", "limits.md")
LAST = ("results/", "changelog.md", "contributing.md", "zoo/cifar10_")
KATEX = re.compile(r"<(?:link|script)[^>]*/(?:katex\.min|formulas)\.(?:css|js)[^>]*>(?:</script>)?")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Write out the folders in the navigation."""
    config.nav = written_out(config.nav or [])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here.

    Raises:
        PluginError: a tutorial fails.
    """
    for outside, page in outside_pages().items():
        text = (ROOT / outside).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    tutorials = sorted((DOCS / "tutorials").glob("plot_*.py"))
    # The networks of the playground take the longest.
    has_playground = files.get_file_from_path(PAGE) is not None and is_runtime_installed()
    sources = [NETWORKS, *tutorials] if has_playground else tutorials
    kept_in = DOCS.parent / ".tutorials"
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        made = list(workers.map(lambda source: kept(source, _run, kept_in), sources))
    if failed := [failure for _, failure in made if failure]:
        raise PluginError("\n\n".join(failed))
    for source, (folder, _) in zip(sources, made, strict=True):
        if source == NETWORKS:
            for name, content in all_files(folder).items():
                files.append(File.generated(config, f"{FOLDER}/{name}", content=content))
            continue
        page = tutorial_page(f"tutorials/{source.name}")
        text = (folder / f"{source.stem}.md").read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=with_badge(text, source)))
        for figure in sorted(folder.glob("*.png")):
            content = figure.read_bytes()
            files.append(File.generated(config, f"tutorials/{figure.name}", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between files of the repository to links between pages."""
    shown = page.file.src_uri
    if shown == PAGE and not is_runtime_installed():
        markdown = MISSING
    if shown == command_line.PAGE:
        markdown = command_line.with_commands(markdown)
    if shown == benchmarks.PAGE:
        markdown = benchmarks.with_records(markdown)
    sources = {place: source for source, place in outside_pages().items()}
    page.meta.setdefault("search", {"boost": boost(shown)})
    return with_links(markdown, sources.get(shown, f"docs/{shown}"), shown)


def boost(page: str) -> float:
    """The weight of a page in the search: guides before the rest, reports of runs after it."""
    if page.startswith(("how-to/", "tutorials/")) or page in FIRST:
        return 2
    return 0.5 if page.startswith(LAST) else 1


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Open a picture in its full size where it is clicked, and let tables scroll."""
    html = with_tables(html, page.file.src_uri)
    # A word in the source of a function is not what one searches for.
    html = html.replace('<details class="mkdocstrings-source">', SOURCE)
    return re.sub(r'(<img\b[^>]*? src="([^"]+)"[^>]*>)(?!</a>)', r'<a href="\2">\1</a>', html)


def on_post_page(output: str, **_: Any) -> str:
    """Name the theme's dialog, and leave the 270 kB of KaTeX out where there is no formula."""
    output = output.replace('role="dialog">', 'role="dialog" aria-label="Search">', 1)
    if 'class="arithmatex"' in output:
        return output
    return KATEX.sub("", output)


def _run(source: Path, folder: Path) -> str:
    """Run a tutorial or an export in a process of its own; what went wrong, or nothing."""
    module = ["playground_networks"] if source == NETWORKS else ["tutorial", str(source)]
    command = [sys.executable, "-m", f"site_build.{module[0]}", *module[1:], str(folder)]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=_environment()
    )
    return "" if done.returncode == 0 else f"{source.name} failed:\n{done.stderr}"


def _environment() -> dict[str, str]:
    """One thread for each tutorial, and no network: what a tutorial needs was installed."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
