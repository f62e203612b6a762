"""The export of timm's families: a sample of them always, all of them under `make test-all`."""

from pathlib import Path

import pytest

from benchmarks.onnx_support.measure import measure
from benchmarks.timm_support.families import Member, members
from benchmarks.timm_support.table import versions

PAGE = Path(__file__).parents[2] / "docs" / "onnx-support.md"
SAMPLE = ("byobnet", "resnet", "vision_transformer")


def family(member: Member) -> str:
    return member.family


def kind(row: str) -> str:
    """A row without the number of maps with other units, which depends on rounding."""
    return row.partition("; other units")[0].removesuffix(" |")


@pytest.mark.parametrize("member", [m for m in members() if m.family in SAMPLE], ids=family)
def test_a_sample_of_the_families_is_exported(member: Member) -> None:
    assert measure(member).result.startswith("exported: any number of images")


@pytest.mark.exhaustive
@pytest.mark.parametrize("member", members(), ids=family)
def test_the_page_says_what_is_measured(member: Member) -> None:
    rows = [kind(row) for row in PAGE.read_text().splitlines()]
    assert kind(str(measure(member))) in rows


def test_the_page_has_every_family_and_no_error() -> None:
    text = PAGE.read_text()
    if versions().partition(" and")[0] not in text:
        pytest.skip("another timm is installed, which may have other families")
    rows = [row[2:].split(" ")[0] for row in text.splitlines() if row.startswith("| ")][1:]
    assert rows == [member.family for member in members()]
    assert "| wrong" not in text
