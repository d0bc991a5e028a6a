"""Segments in a spec: how they are written, and what is refused with which remedy."""

from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.segment_columns import SegmentColumn
from pegel.testing.samples import sample_spec

TEXT = """
model: {name: delays, uri: "file:///models/delays"}
baseline: {source: "local://delays"}
watch:
  segments: [airline, {column: distance, cuts: [500, 1000.5]}, {column: no, top: 3}]
"""


def test_a_column_is_a_name_or_a_mapping() -> None:
    """A name alone has its ten most frequent categories; cuts are of numbers; `top` says how many categories."""
    spec = MonitorSpec.from_yaml(TEXT)
    expected = (
        SegmentColumn("airline"),
        SegmentColumn("distance", (500.0, 1000.5), None),
        SegmentColumn("no", top=3),
    )

    assert expected == spec.watch.segments
    assert [11, 3, 4] == [one.most for one in spec.watch.segments]


def test_equal_wishes_have_one_fingerprint() -> None:
    """What a spec says as JSON is accepted again, and means the same, however it was written."""
    spec = MonitorSpec.from_yaml(TEXT)
    others: list[Any] = ["airline", [{"column": "airline", "top": "10"}], {"column": "airline", "cuts": []}]

    assert spec.fingerprint() == MonitorSpec.parse(spec.to_json()).fingerprint()
    assert {sample_spec(watch={"segments": ["airline"]}).fingerprint()} == {
        sample_spec(watch={"segments": other}).fingerprint() for other in others
    }


@pytest.mark.parametrize(
    ("segments", "told"),
    [
        (7, "expected a list of columns"),
        ([7], "expected the name of a column or a mapping, given 7"),
        ([""], "expected the name of a column, given ''"),
        ([["a"]], "expected the name of a column or a mapping"),
        ([{"cuts": [1]}], "expected `column`, the name of one"),
        ([{"colum": "a"}], "unknown field 'colum'; a column has column, cuts, top"),
        (["a", "b", "a"], "'a' is named more than once; name it once"),
        ([{"column": "a", "cuts": [1], "top": 3}], "a: `cuts` are of numbers, `top` is of categories; state one"),
        ([{"column": "a", "cuts": [2, 1]}], "a: the cuts 2, 1 do not rise; write each once, the smallest first"),
        ([{"column": "a", "cuts": [1, 1]}], "a: the cuts 1, 1 do not rise"),
        ([{"column": "a", "cuts": ["x"]}], "a: expected finite numbers as cuts, given 'x'"),
        ([{"column": "a", "cuts": ["nan"]}], "a: expected finite numbers as cuts, given 'nan'"),
        ([{"column": "a", "cuts": [True, 2]}], "a: expected finite numbers as cuts, given True"),
        ([{"column": "a", "cuts": {"x": 1}}], "a: expected `cuts`, a list of numbers"),
        ([{"column": "a", "cuts": [*range(20)]}], "a: expected at most 19 cuts, which make 20 segments; given 20"),
        ([{"column": "a", "top": 21}], "a: expected `top`, 1 to 20 categories"),
        ([{"column": "a", "top": 0}], "a: expected `top`, 1 to 20 categories"),
        (["a", "b", "c", "d", "e"], "expected at most 50 segments in all, given columns with up to 55"),
    ],
)
def test_what_makes_no_segments_is_refused_with_what_to_write(segments: Any, told: str) -> None:
    """Each refusal names the field, the column, what was given and the remedy."""
    with pytest.raises(InvalidSpec) as caught:
        sample_spec(watch={"segments": segments})

    assert str(caught.value).startswith("watch.segments: ")
    assert told in str(caught.value)


def test_no_private_value_names_a_segment() -> None:
    """Categories of a private column would stand in mails; cuts of private numbers tell no value."""
    private, cut = {"private": ["carrier", "age"]}, {"column": "age", "cuts": [30]}
    with pytest.raises(InvalidSpec) as caught:
        sample_spec(watch={"segments": ["carrier"]}, archive=private)

    assert "carrier is private by archive.private, and the values of a column of categories are" in str(caught.value)
    assert 2 == sample_spec(watch={"segments": [cut]}, archive=private).watch.segments[0].most


def test_so_many_counts_in_memory_are_refused() -> None:
    """Each open slide holds counts of each segment: many of both are refused, with what to choose."""
    with pytest.raises(InvalidSpec) as caught:
        sample_spec(windowing={"length": "1h", "slide": "2m", "lateness": "2h"}, watch={"segments": ["a"]})

    assert "watch.segments: up to 11 segments are counted in each of 90 slides" in str(caught.value)
