"""The page of the benchmarks has all records, with links to them."""

import re

import pytest

from site_build.benchmarks import MOST_COLUMNS, PAGE, with_records
from site_build.pages import DOCS, ROOT

pytestmark = pytest.mark.checkout


def test_every_record_is_a_section_that_the_page_links_to() -> None:
    page = with_records((DOCS / PAGE).read_text("utf-8"))
    recorded = sorted(path.stem for path in (ROOT / "benchmarks" / "results").glob("*.md"))
    sections = re.findall(r"^## .* \{ #([\w-]+) \}$", page, re.MULTILINE)
    assert sorted(sections) == recorded
    assert sorted(re.findall(r"\]\(#([\w-]+)\)", page)) == recorded
    assert "## What an attribution costs (on a CPU) { #attribution-cpu }" in page
    assert "\n### By batch\n" in page
    assert max(line.count("|") for line in page.splitlines()) <= 1 + MOST_COLUMNS
    assert "\n| hooks | 0.00 | 0.01 |" in page
