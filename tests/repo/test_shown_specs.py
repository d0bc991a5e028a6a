"""Each piece of a spec that a page shows is one that Pegel accepts, and its JSON is JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from page_blocks import Block, blocks_of

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.spec_text import read_data

ROOT = Path(__file__).resolve().parents[2]
WHOLE: dict[str, dict[str, Any]] = {
    "model": {"name": "delays", "version": 1, "uri": "file:///models/delays"},
    "baseline": {"source": "local://delays?version=1&split=train"},
}
"""What a page leaves out that shows a section alone."""
LOOKED_UP = {"online": {"source": "local://flights", "keys": ["flight"], "features": ["airline"]}}
"""What a comparison with an online store needs, and its own page shows above."""


def shown(*languages: str) -> list[Any]:
    """Return the blocks of some languages, each named by its page and line."""
    pages = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}:{block.line}")
        for page in pages
        for block in blocks_of(page.read_text(encoding="utf-8"))
        if block.language in languages
    ]


@pytest.mark.parametrize("block", shown("yaml"))
def test_a_shown_spec_is_accepted(block: Block) -> None:
    """Put into a spec that says nothing else, each section that is shown is one, with the fields that it names."""
    # The cookbook puts the reader's folder there.
    given = read_data(block.text.replace("FOLDER", "/data"))
    spec = MonitorSpec.parse(WHOLE | (LOOKED_UP if "skew" in given else {}) | given)
    kept = spec.model_dump(mode="json")

    assert given
    assert set() == set(given) - set(kept)


@pytest.mark.parametrize("block", shown("json"))
def test_shown_json_is_json(block: Block) -> None:
    """One document, or one on each line."""
    try:
        found = [json.loads(block.text)]
    except json.JSONDecodeError:
        found = [json.loads(line) for line in block.text.splitlines()]

    assert all(found)


def test_blocks_were_found() -> None:
    """Neither test above can pass for want of blocks."""
    assert len(shown("yaml")) > 20
    assert len(shown("json")) > 3
