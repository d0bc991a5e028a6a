"""The pictures of the documentation can be read by everybody: in light and dark, and by whoever sees none of them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pegel.judge.layer_table import LAYERS
from pegel.judge.layers.charts import Charts
from pegel.judge.layers.correlations import Correlations
from pegel.judge.layers.dependences import Dependences
from pegel.judge.layers.odd_events import Events

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURES = sorted((DOCS / "pictures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
ALWAYS = (Charts, Correlations, Dependences, Events)
"""Layers with a part of their own in a spec that states nothing else."""


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_a_picture_says_what_it_shows(picture: Path) -> None:
    """It has title and description, knows the dark, fetches nothing, and a page shows it with words in its place."""
    text = picture.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - a file of this tree
    said = [root.findtext(f"{SVG}{name}") for name in ("title", "desc")]
    shown = [words for page in DOCS.glob("*.md") for words in shows(page, picture.name)]

    assert all(said)
    assert "prefers-color-scheme: dark" in text
    assert [] == re.findall(r"(?:href|src)=|url\((?!#)|@import", text)
    assert shown
    assert [] == [words for words in shown if len(words) < 40]


def shows(page: Path, name: str) -> list[str]:
    """Return the words with which a page shows a picture."""
    return re.findall(rf"!\[([^\]]*)\]\(pictures/{re.escape(name)}\)", page.read_text(encoding="utf-8"))


def test_the_picture_of_the_budget_has_the_parts_of_the_code() -> None:
    """Each layer has the percentage of the layer table, single windows what is left, and together they are all."""
    text = (DOCS / "pictures" / "budget.svg").read_text(encoding="utf-8")
    drift, quality, *others = [int(part) for part in re.findall(r">(\d+) %</text>", text)]
    parts = {type(entry.layer): entry.share or 0.0 for entry in LAYERS}
    stated = [round(100 * parts[layer]) for layer in ALWAYS]

    assert stated == others
    assert 100 - sum(stated) == drift + quality
