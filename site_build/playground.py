"""The numbers of the playground in the text of the home page."""

import json
import re

from site_build.pages import ROOT

MAPS = ROOT / "site_build" / "playground_maps.py"
FOLDER = "playground"  # of the site
NUMBERS = f"{FOLDER}/maps.json"
PLACE = re.compile(r"\{\{ ([\w-]+) \}\}")


def with_numbers(markdown: str, computed: str) -> str:
    """The home page with the computed numbers in their places, such as `{{ class }}`.

    Args:
        markdown: the page.
        computed: the text of `maps.json`, which `playground_maps.py` writes.
    """
    found = json.loads(computed)["means"]
    return PLACE.sub(lambda place: f"{found[place[1]]:.2f}", markdown)
