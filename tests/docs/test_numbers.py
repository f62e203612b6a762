"""Every number in the pages on results is that of a record (`tests/docs/numbers.toml`)."""

import sys
from pathlib import Path

import pytest

from tests.support.records import ROOT, agrees, blocks, numbers

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.checkout
SOURCES: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "numbers.toml").read_text("utf-8")
)
# Pages, and the start and the end of the part that is checked.
PAGES = {
    "docs/results/README.md": ("# ", ""),
    "docs/board.md": ("# ", ""),
    "docs/when-not-to-trust-a-map.md": ("# ", ""),
    "docs/limits.md": ("- **Later layers and the class", "- **RectGrad needs high"),
    "README.md": ("## Limits", "## License"),
    "docs/how-to/ship-a-map-with-your-model.md": ("## Size and time", "## Python without PyTorch"),
}


def part(page: str, start: str, end: str) -> str:
    text = (ROOT / page).read_text("utf-8")
    text = text[text.index(start) :]
    return text[: text.index(end)] if end else text


def test_the_table_of_sources_has_these_pages() -> None:
    assert set(SOURCES) == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_number_of_a_page_is_in_its_record(page: str) -> None:
    sources, used, wrong = SOURCES[page], [], []
    for block in blocks(part(page, *PAGES[page])):
        found = numbers(block)
        if not found:
            continue
        keys = [key for key in sources if block.startswith(key)]
        if len(keys) != 1:
            wrong.append(f"{len(keys)} entries for: {block}")
            continue
        used += keys
        given = [source for line in sources[keys[0]] for source in expanded(line)]
        if len(given) != len(found):
            wrong.append(f"{len(found)} numbers {found}, {len(given)} sources: {block}")
            continue
        wrong += [
            f"{number} is not that of {source!r}: {block}"
            for number, source in zip(found, given, strict=True)
            if not agrees(number, source)
        ]
    assert not wrong, "\n".join(wrong)
    assert sorted(used) == sorted(sources), "entries without a block of the page"


def expanded(line: str) -> list[str]:
    """Several columns of one row, between " & ", as sources of their own."""
    *row, columns = line.split(" | ")
    return [" | ".join([*row, column]) for column in columns.split(" & ")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Figure 5b and table 1: 0.77 (95 % interval 0.5 to 1,000).", ["0.77", "0.5", "1,000"]),
        ("CIFAR-10 with q = 98 has 6.25 % at -0.1, `x = 3`", ["6.25 %", "-0.1"]),
        (
            "lower (-1.5 to 2.4 percentage points)",
            ["-1.5 percentage points", "2.4 percentage points"],
        ),
        ("[7 networks](page-12.md) of Kim et al. 2019, section 5.3, footnotes 2 and 3", ["7"]),
    ],
)
def test_numbers_that_need_a_source(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


def test_a_number_that_is_not_the_records_is_found() -> None:
    source = "adversarial | none; 0.01; RectGrad | rank correlation, flipped"
    assert agrees("0.79", source)
    assert agrees("78.9 %", source)
    assert not agrees("0.76", source)
    assert agrees("0.7549", source + " @ low")
    assert not agrees("5", "fact | the network has 4 convolutions")
