"""Computed numbers in the text of the home page."""

import json

import pytest

from site_build.pages import DOCS
from site_build.playground import PLACE, with_numbers

COMPUTED = json.dumps({"means": {"class": 0.986, "percentile": 0.8}})


def test_numbers_come_to_their_places() -> None:
    text = "changes little ({{ class }} at q = 80, {{ percentile }})"
    assert with_numbers(text, COMPUTED) == "changes little (0.99 at q = 80, 0.80)"


def test_a_place_without_a_number_fails_the_build() -> None:
    with pytest.raises(KeyError, match="clas"):
        with_numbers("{{ clas }}", COMPUTED)


def test_the_home_page_has_places() -> None:
    assert len(PLACE.findall((DOCS / "index.md").read_text(encoding="utf-8"))) == 4
