"""The page of the benchmarks has all records, with links to them."""

import re

import pytest

from site_build.benchmarks import PAGE, with_records
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
