"""Segments in a notebook: learnt with the table, judged with each check."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec
from pegel.judge.findings import Verdict

pytestmark = pytest.mark.environments("pandas", "pyarrow")


def table(count: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    """Return rows of which those of one carrier, one in twenty, are shifted."""
    rng = np.random.default_rng(seed)
    carrier = rng.choice(np.array(["AA", "UA", None, "a=b\n"], dtype=np.object_), count, p=[0.7, 0.2, 0.05, 0.05])
    delay = rng.normal(size=count) + shift * (carrier == "a=b\n")
    distance = rng.exponential(600, count)
    distance[::50] = np.nan
    return {"carrier": carrier, "delay": delay, "distance": distance}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """Return what a table with two columns of segments looks like."""
    return pegel.profile(table(30_000, 0), segments=["carrier", {"column": "distance", "cuts": [500, 1000]}])


def test_a_check_tells_of_a_segment_that_alone_drifts(baseline: Baseline, tmp_path: Path) -> None:
    """The verdict is drift, and headline, text, page and JSON say in which segment; the whole has dependence alone."""
    report = pegel.check(table(4_000, 1, shift=0.9), baseline)
    line = next(line for line in report.told_of_segments if r'carrier="a=b\n"' in line)

    assert ["dependence"] == [finding.detector for finding in report.judgement.findings]
    assert (Verdict.DRIFT, 1) == (report.verdict, report.exit_code)
    assert r'drift in carrier="a=b\n"' in report.headline
    assert line.startswith(r'in carrier="a=b\n": delay shifted up (')
    assert line in str(report)
    assert "delay shifted up" in report.save(tmp_path / "check.html").read_text()
    assert ["delay"] == [
        one["feature"] for each in report.to_json()["segments"] if "a=b" in each["segment"] for one in each["features"]
    ]


def test_rows_without_a_value_are_in_no_segment(baseline: Baseline) -> None:
    """Nulls and NaN are counted in the whole alone, so a column's segments may have fewer rows than the table."""
    report = pegel.check(table(4_000, 2), baseline)
    rows = report.segment_rows

    assert 4_000 == report.rows
    assert 3_920 == sum(count for name, count in rows.items() if name.startswith("distance"))
    assert 3_700 < sum(count for name, count in rows.items() if name.startswith("carrier")) < 3_900


def test_a_baseline_with_segments_survives_its_document(baseline: Baseline) -> None:
    """Read back, it has its id, its segments and their counts; in other blocks of rows it is the same."""
    again = Baseline.from_json(baseline.to_json())
    names = baseline.segments.segments.names

    assert baseline.id == again.id
    assert ("carrier=AA", "carrier=UA", r'carrier="a=b\n"', "carrier=other", "distance<=500") == names[:5]
    assert names == again.segments.segments.names
    assert baseline.segments.to_json() == again.segments.to_json()
    assert baseline.id != pegel.profile(table(30_000, 0), segments=["carrier"]).id


def test_segments_that_are_none_are_refused_before_rows_are_counted() -> None:
    """A column that is not there, and numbers without cuts, are told with what to write."""
    with pytest.raises(InvalidSpec) as caught:
        pegel.profile(table(2_000, 0), segments=["carier", "delay"])

    told = str(caught.value).splitlines()
    assert told[0].startswith("watch.segments: given 'carier': the training data has no such feature; did you mean")
    assert told[1].startswith("watch.segments: delay is a column of numbers; state where it is cut")


@pytest.mark.parametrize("nothing", [[None, None], np.array([np.nan, np.nan])])
def test_a_column_without_values_is_not_called_one_of_numbers(nothing: Any) -> None:
    """What it would hold nobody knows, so nobody is told to state where it is cut."""
    words = "expected values in gate by which rows are parted, given none in any row of the training data; leave it out"
    with pytest.raises(InvalidSpec, match=words):
        pegel.profile({"x": [1.0, 2.0], "gate": nothing}, segments=["gate"])
