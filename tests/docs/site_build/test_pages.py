"""Links that work in the repository lead to the same page on the site."""

import pytest

from site_build.pages import OUTSIDE, ROOT, outside_pages, page_of, tutorial_page, with_links


@pytest.mark.checkout
@pytest.mark.parametrize(
    ("source", "page", "written", "shown"),
    [
        ("README.md", "index.md", "docs/hard-cases.md", "hard-cases.md"),
        ("README.md", "index.md", "zoo/README.md#where", "zoo/index.md#where"),
        ("docs/index.md", "index.md", "../README.md", "index.md"),
        ("docs/results/README.md", "results/README.md", "claims.md", "claims.md"),
        (
            "docs/results/patch/report.md",
            "results/patch/report.md",
            "../../../CHANGELOG.md",
            "../../changelog.md",
        ),
        ("zoo/README.md", "zoo/index.md", "hub/cifar10_resnet", "cifar10_resnet.md"),
        ("zoo/README.md", "zoo/index.md", "https://captum.ai", "https://captum.ai"),
        ("zoo/README.md", "zoo/index.md", "nowhere.md", "nowhere.md"),
        ("README.md", "index.md", "#a-section", "#a-section"),
    ],
)
def test_links(source: str, page: str, written: str, shown: str) -> None:
    assert with_links(f"a [b [c]]({written}) d", source, page) == f"a [b [c]]({shown}) d"


def test_pictures_stay_pictures() -> None:
    assert with_links("![x](docs/images/demo.png)", "README.md", "index.md") == (
        "![x](images/demo.png)"
    )


def test_what_is_not_on_the_site_is_named_without_a_link() -> None:
    assert with_links("see [the recipes](recipes).", "zoo/README.md", "zoo/index.md") == (
        "see the recipes."
    )


def test_every_card_has_a_page() -> None:
    assert outside_pages().items() > OUTSIDE.items()
    cards = {path.parent.name for path in (ROOT / "zoo").rglob("*/README.md")}
    made = {f"zoo/{card}.md" for card in cards}
    assert made == set(outside_pages().values()) - set(OUTSIDE.values())
    assert page_of("benchmarks/results/sanity.md") is None


def test_tutorials() -> None:
    assert tutorial_page("tutorials/plot_1_first_map.py") == "tutorials/first_map.md"
    assert tutorial_page("tutorials/plot_first_map.py") == "tutorials/first_map.md"
    assert page_of("docs/tutorials/no_tutorial.py") is None
