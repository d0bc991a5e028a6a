"""What is published about an outlier is what the docs say of it."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from pegel.stream.outlying import published
from pegel.testing.samples import sample_outlier


def test_every_key_of_an_outlier_is_in_the_docs(root: Path) -> None:
    """The table of keys has those of a published row, in their order, and the last one those of a reason."""
    text = (root / "docs" / "doors.md").read_text()
    table = text.partition("A row on the topic of outliers:")[2].partition("\n## ")[0]
    row = orjson.loads(published(sample_outlier()))
    cells = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]

    assert list(row) == [key for first, _ in cells for key in re.findall(r"`(\w+)`", first)]
    assert list(row["reasons"][0]) == re.findall(r"`(\w+)`", cells[-1][1])
