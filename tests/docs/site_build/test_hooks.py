"""The build: what MkDocs is given."""

from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")

from mkdocs.config import load_config
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from site_build import hooks
from site_build.pages import ROOT


def test_a_broken_tutorial_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tutorials").mkdir()
    tutorial = tmp_path / "tutorials" / "plot_1_broken.py"
    config = load_config(str(ROOT / "mkdocs.yml"))
    monkeypatch.setattr(config.hooks["site_build/hooks.py"], "DOCS", tmp_path)

    tutorial.write_text('"""# Right"""\nprint("right")\n', encoding="utf-8")
    files = config.plugins.on_files(Files([]), config=config)
    page = files.get_file_from_path("tutorials/broken.md")
    assert page is not None
    assert "right" in page.content_string

    tutorial.write_text('"""# Broken"""\nassert False, "broken"\n', encoding="utf-8")
    with pytest.raises(PluginError, match=r"plot_1_broken.py failed:(.|\n)*AssertionError: broken"):
        config.plugins.on_files(Files([]), config=config)


def test_katex_is_for_pages_with_formulas() -> None:
    head = '<link href="../assets/katex/katex.min.css"><link href="../assets/site.css">'
    scripts = '<script src="../assets/katex/katex.min.js"></script><script src="a.js"></script>'
    without = hooks.on_post_page(f"{head}<p>no formula</p>{scripts}")
    assert (
        without == '<link href="../assets/site.css"><p>no formula</p><script src="a.js"></script>'
    )
    page = f'{head}<span class="arithmatex">x</span>{scripts}'
    assert hooks.on_post_page(page) == page


def test_pictures_open_in_full() -> None:
    config = load_config(str(ROOT / "mkdocs.yml"))
    page = Page(None, File("a.md", str(ROOT), "site", use_directory_urls=True), config)
    assert hooks.on_page_content('<p><img alt="x" src="a.png" /></p>', page) == (
        '<p><a href="a.png"><img alt="x" src="a.png" /></a></p>'
    )
