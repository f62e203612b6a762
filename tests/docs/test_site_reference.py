"""The reference pages of the built site: returned values are whole, and sources are shown."""

import re
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parents[2] / "site"
PAGES = sorted((SITE / "reference").glob("*/index.html"))
RETURNS = re.compile(r'section-title">Returns:</span></p>\s*<ul>(.*?)</ul>', re.DOTALL)

pytestmark = [
    pytest.mark.site,
    pytest.mark.skipif(not PAGES, reason="no site: make docs"),
]


def test_what_is_returned_is_whole() -> None:
    found = [
        section for page in PAGES for section in RETURNS.findall(page.read_text(encoding="utf-8"))
    ]
    assert len(found) > 50
    assert [each for each in found if each.count("doc-section-item") != 1] == []
    whole = "A figure with a row for each image: the image, with the predicted class and its"
    assert sum(whole in each for each in found) == 1


def test_functions_have_their_source() -> None:
    text = (SITE / "reference" / "pictures" / "index.html").read_text(encoding="utf-8")
    begin = '<details class="mkdocstrings-source" data-search-exclude>'
    source = re.findall(rf"{begin}.*?</summary>", text, re.DOTALL)
    assert any("captum_rectgrad/plotting/maps.py" in each for each in source)
