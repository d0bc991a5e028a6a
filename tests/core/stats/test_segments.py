"""Rows into segments: every row of a column in one or none, each segment with a text of its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.errors import InvalidSpec
from pegel.spec.segment_columns import SegmentColumn
from pegel.stats.layout import Layout, build_layout
from pegel.stats.segments import ColumnSegments, Segments

TEXTS = st.text(st.characters() | st.sampled_from('=<>". \n'), max_size=70)


def of_categories(values: list[str], name: str = "airline", top: int = 10) -> ColumnSegments:
    """Return the segments of a column with these values in training."""
    schema = Schema((Field(name, Kind.CATEGORICAL),))
    layout = build_layout(schema, {name: np.array(values, dtype=np.object_)})
    return Segments.of(layout, [SegmentColumn(name, top=top)]).columns[0]


def of_numbers(*cuts: float, name: str = "distance") -> ColumnSegments:
    """Return the segments of a column of numbers."""
    layout = build_layout(Schema((Field(name, Kind.NUMERIC),)), {name: np.arange(100.0)})
    return Segments.of(layout, [SegmentColumn(name, cuts, None)]).columns[0]


def two_columns() -> Layout:
    """Return a layout of a prediction, a category and two numbers, in an order that is not that of their kinds."""
    schema = Schema(
        (
            Field("delay", Kind.NUMERIC),
            Field("airline", Kind.CATEGORICAL),
            Field("distance", Kind.NUMERIC),
            Field("answer", Kind.NUMERIC, Role.PREDICTION),
        )
    )
    numbers = np.arange(4.0)
    texts = np.array(["AA", "AA", "UA", None], dtype=np.object_)
    return build_layout(schema, {"delay": numbers, "airline": texts, "distance": numbers, "answer": numbers})


def test_the_most_frequent_categories_have_a_segment_and_all_others_are_one() -> None:
    """Those beyond `top`, and those never seen in training, are `other`; a null is in no segment."""
    segments = of_categories(["AA"] * 5 + ["UA"] * 3 + ["DL"], top=2)
    rows = np.array(["UA", "AA", "DL", "new", None], dtype=np.object_)

    assert ("airline=AA", "airline=UA", "airline=other") == segments.names
    assert ["airline=UA", "airline=AA", "airline=other", "airline=other", None] == segments.texts(rows).tolist()


def test_a_category_that_writes_the_same_number_is_the_same_segment() -> None:
    """A code that training has as `1` and a request as `1.0` is one category, as everywhere."""
    assert ["code=1"] == of_categories(["1", "1", "2"], "code").texts(np.array(["1.0"], dtype=np.object_)).tolist()


def test_a_cut_belongs_to_the_part_below() -> None:
    """Infinite numbers lie in the outer parts; what is no number is in none."""
    segments = of_numbers(-0.5, 500.0, 1e20)
    rows = np.array([-np.inf, -0.5, 0.0, 500.0, 500.1, 1e20, np.inf, np.nan])
    expected = [0, 0, 1, 1, 2, 2, 3, -1]

    assert ("distance<=-0.5", "distance -0.5..500", "distance 500..1e+20", "distance>1e+20") == segments.names
    assert expected == segments.codes(rows).tolist()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("airline", "a=b", "airline=a=b"),
        ("a=b", "c", '"a=b"=c'),
        ("dep delay", "A A", "dep delay=A A"),
        ("airline", "", 'airline=""'),
        ("airline", "other", 'airline="other"'),
        ("airline", "null", "airline=null"),
        ("airline", 'say "x"', 'airline=say "x"'),
        ("airline", '"x"', r'airline="\"x\""'),
        ("airline", " AA", 'airline=" AA"'),
        ("airline", "A\nB", r'airline="A\nB"'),
        ("airline", "x" * 70, f'airline="{"x" * 60}"#c71bd109'),
    ],
)
def test_awkward_names_and_values_stand_in_quotes(name: str, value: str, text: str) -> None:
    """Nothing in a segment's text can be read in two ways, and no line is broken."""
    assert text == of_categories([value] * 3, name).names[0]


@given(columns=st.lists(TEXTS.filter(bool), min_size=1, max_size=3, unique=True), values=st.lists(TEXTS, min_size=1))
def test_no_two_segments_have_one_text(columns: list[str], values: list[str]) -> None:
    """Whatever columns and categories are called, their texts differ, and every value lies in the one of its text."""
    schema = Schema(tuple(Field(name, Kind.CATEGORICAL) for name in columns))
    column = np.array(values, dtype=np.object_)
    layout = build_layout(schema, dict.fromkeys(columns, column))
    segments = Segments.of(layout, [SegmentColumn(name, top=20) for name in columns])

    assert len(segments.names) == len(set(segments.names))
    assert all(text.isprintable() for text in segments.names)
    own = segments.columns[0]
    codes = [own.codes(np.array([value], dtype=np.object_))[0] for value in own.values]
    assert [*range(len(own.values))] == codes


def test_rows_are_looked_up_by_their_own_columns() -> None:
    """Whatever stands between them, each segment column is found among the rows of features."""
    layout = two_columns()
    segments = Segments.of(layout, [SegmentColumn("distance", (1.5,), None), SegmentColumn("airline")])
    rows = Columns(
        n=2,
        numeric=np.array([[9.0, 1.0], [9.0, 2.0]]),
        missing=None,
        categorical=(np.array(["UA", None], dtype=np.object_),),
        unparseable=(None,),
    )

    assert [[0, 1], [1, -1]] == [codes.tolist() for codes in segments.rows(layout, rows)]
    assert {"airline=AA": "airline", "distance<=1.5": "distance"}.items() <= segments.column_of.items()


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (SegmentColumn("airlin"), "given 'airlin': the training data has no such feature; did you mean `airline`?"),
        (SegmentColumn("answer"), "given 'answer': the training data has no such feature"),
        (SegmentColumn("distance"), "distance is a column of numbers; state where it is cut"),
        (SegmentColumn("airline", (1.0,), None), "airline is a column of categories, which have no order; leave out"),
    ],
)
def test_columns_that_part_nothing_are_refused(wanted: SegmentColumn, told: str) -> None:
    """A column that is not there, a prediction, numbers without cuts and categories with them make no baseline."""
    with pytest.raises(InvalidSpec) as caught:
        Segments.of(two_columns(), [wanted])

    assert told in str(caught.value)


def test_a_column_of_ids_has_no_segments() -> None:
    """Where no category is frequent for certain there is nothing to part the rows by, and no row lies in a segment."""
    segments = of_categories([str(row) for row in range(200)])

    assert () == segments.names
    assert [-1] == segments.codes(np.array(["7"], dtype=np.object_)).tolist()
