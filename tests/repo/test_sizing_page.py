"""What docs/sizing.md says a part takes is what docs/measured.md has measured, rounded."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
NUMBER = r"[\d,]*\.?\d+"
CELL = r"[^|]*\|"
CLOSE = 0.05
"""So far may a figure that stands for several be from one of them."""
CITED: list[tuple[str, str, str, float]] = [
    (".7 GB (", "steady", rf"With none beside it.*?idle ({NUMBER}) GB", 1),
    ("1 % of a core", "steady", rf"\| idle,{CELL} ({NUMBER}) \|", 100),
    (".2 % of a core", "steady", rf"further model costs ({NUMBER}) thousandths", 0.1),
    ("7 ms of processor", "throughput", rf"\| 4 \| v1 \| ({NUMBER}) \|", 1),
    ("13 ms for", "catch-up", rf"\| 40 \+ 10 \| ({NUMBER}) \|", 1),
    ("65 ms for", "throughput", rf"\| 500 \| v1 \| ({NUMBER}) \|", 1),
    ("65 ms for", "throughput", rf"\| 500 \| v2 json \| ({NUMBER}) \|", 1),
    ("2 MB a minute", "steady", rf"\| one model,{CELL * 5} ({NUMBER}) \|", 1),
    ("6 for fifty", "steady", rf"\| 50 models,{CELL * 5} ({NUMBER}) \|", 1),
    ("6 s to the first batch", "recovery", rf"\| first s \| p50 ({NUMBER}),", 1),
    ("8 s at most", "recovery", rf"\| first s \|.* p100 ({NUMBER}) \|", 1),
    ("70,000 events a second", "catch-up", rf"\| 40 \+ 10 \|{CELL * 4} ({NUMBER}) \|", 1),
    ("120 MB; ", "logger enqueue", rf"\| rss mib \| ({NUMBER}) \|", 1.048576),
    ("50 to ", "logger enqueue", rf"as fast as it answers \|{CELL} ({NUMBER}) \|", 1),
    ("90 µs of processor", "logger enqueue", rf"the logger, 2000 a second \|{CELL} ({NUMBER}) \|", 1),
    ("18,000 events a second", "logger enqueue", rf"as fast as it answers \| ({NUMBER}) \|", 1),
    ("2,800 where", "logger broker", rf"as fast as it answers \| ({NUMBER}) \|", 1),
    (".4 ms of processor", "proxy", rf"\| proxy cpu us \| ({NUMBER}) \|", 1e-3),
    ("2 ms at the median", "proxy", rf"\| p50 ms \| ({NUMBER}) \|", 1),
    (".7 ms more", "transformer", rf"\| overhead p50 ms \| ({NUMBER}) \|", 1),
    ("1.8 ms at the", "transformer", rf"\| overhead p99 ms \| ({NUMBER}) \|", 1),
    ("2.1 GB, whatever", "baseline", rf"\| baseline by Spark \| 10,000,000 \|{CELL} ({NUMBER}) \|", 1 / 1024),
    ("16,000 to", "baseline", rf"\| baseline by Spark \| 1,000,000 \| ({NUMBER}) \|", 1),
    ("20,000 rows a second", "baseline", rf"\| baseline by Spark \| 10,000,000 \| ({NUMBER}) \|", 1),
    ("32 minutes", "batch", rf"\*\*the day\*\* \| 10,000,000 \| ({NUMBER}) s", 1 / 60),
    ("21 of them", "batch", rf"\*\*the day\*\* \| 10,000,000 \|{CELL} ({NUMBER}) s", 1 / 60),
    ("2.4 GB at the most", "batch", rf"\*\*the day\*\* \| 10,000,000 \|{CELL * 3} ({NUMBER}) \|", 1 / 1024),
    ("1.2 to", "batch", rf"join and judge answers ({NUMBER});", 1),
    ("2.3 times the memory", "batch", rf"count again ({NUMBER})\.", 1),
]
"""A figure as the page has it with the words behind, the block that it is from, where it stands there, and what to
multiply it by."""
ELSEWHERE = (
    "JVM 400 MB, driver 130 MB",  # parts of what is measured as a whole
    "56 bytes a request until its window is final; 100 kB an open slide of 50 fields",  # sizes of our own formats
    "3 GB: broker, Airflow, logger, one driver",  # stands in the page that its row leads to
)
"""What the tables say beside them."""
INPUT = r"\b1,000\b|4 features|50 features|500 features|50 columns|99th percentile|50 fields|10 million"
"""What a figure is about, not what was measured."""


@pytest.fixture(scope="module")
def page() -> str:
    """The page."""
    return (DOCS / "sizing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("said", "block", "place", "times"), CITED)
def test_a_figure_is_what_was_measured_rounded(page: str, said: str, block: str, place: str, times: float) -> None:
    """It rounds to as many digits as are said, or one figure stands for several that are close."""
    measured = (DOCS / "measured.md").read_text(encoding="utf-8").split(f"<!-- {block} -->")[1].split("<!-- /")[0]
    (found,) = re.findall(place, measured, re.DOTALL if "none beside" in place else 0)
    number = re.match(NUMBER, said)
    assert number is not None
    stated, value = Decimal(number[0].replace(",", "")), Decimal(found.replace(",", "")) * Decimal(str(times))
    digits = stated.normalize().as_tuple()
    rounded = value.quantize(Decimal(1).scaleb(int(digits.exponent)), ROUND_HALF_UP)

    assert said in page
    assert (said, stated) == (said, stated if abs(value / stated - 1) <= CLOSE else rounded)


def test_every_figure_of_the_tables_was_measured(page: str) -> None:
    """Each number in what something takes is one of these, or stands in the page that its row leads to."""
    rows = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    told = " / ".join(rows)
    for known in (*ELSEWHERE, *(said for said, *_ in CITED)):
        told = told.replace(known, "")

    assert [] == re.findall(NUMBER, re.sub(INPUT, "", told))
