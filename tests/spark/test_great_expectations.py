"""Great Expectations, as Pegel runs it: what it says of rows, and that counts say the same."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import known_kinds
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.known_types import KNOWN_TYPES
from pegel.quality.merged_suite import Suite
from pegel.quality.on_counts import on_counts
from pegel.quality.suite_problems import suite_problems
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel_spark.great_expectations_door import class_name, library, run_on_pandas, run_on_spark

SCHEMA = Schema((Field("number", Kind.NUMERIC), Field("text", Kind.CATEGORICAL)))
SINGLE = float(np.float32(9.99))
NUMBERS = (0.0, -0.0, 1.0, 1.5, 9.99, SINGLE, -3.25, 1e300, -1e300, 5e-324, np.inf, -np.inf, np.nan, None)
TEXTS = ("a", "b", "", " a", "new", "x" * 80, None)
BOUNDS = (-1e300, -3.25, 0.0, 1.0, 1.25, 9.99, 1e300)
SHARES = (0.0, 0.5, 0.9, 1.0)


def table(numbers: Sequence[float | None], texts: Sequence[str | None]) -> pd.DataFrame:
    """Return rows as they are handed over: what is no number is missing."""
    values = [np.nan if value is None else value for value in numbers]
    return pd.DataFrame({"number": np.array(values, dtype=float), "text": np.array(texts, dtype=object)})


def summary(numbers: Sequence[float | None], texts: Sequence[str | None]) -> Summary:
    """Return the counts of the same rows, in cells of other rows."""
    training = {
        "number": np.array([0.0, 1.0, 1.0, 1.5, 9.99, -3.25, 2.0, 1e300]),
        "text": np.array(["a", "a", "b", "", " a", None, "a", "b"], dtype=object),
    }
    counts = Summary.empty(build_layout(SCHEMA, training))
    batch = pa.record_batch({"number": pa.array(numbers, pa.float64()), "text": pa.array(texts, pa.string())})
    counts.update(columns_of(SCHEMA.of_role(Role.FEATURE), batch), Role.FEATURE)
    return counts


@st.composite
def bounded(draw: Any, kind: str) -> Expectation:
    """Draw an expectation with limits, one of them or both."""
    low, high = draw(st.sampled_from(BOUNDS)), draw(st.sampled_from(BOUNDS))
    ends = draw(st.sampled_from([("min_value",), ("max_value",), ("min_value", "max_value")]))
    limits = dict(zip(("min_value", "max_value"), sorted((low, high)), strict=True))
    kwargs: dict[str, Any] = {name: limits[name] for name in ends} | {"column": "number"}
    kwargs |= {name: draw(st.booleans()) for name in ("strict_min", "strict_max")}
    return Expectation(kind, kwargs | ({"mostly": draw(st.sampled_from(SHARES))} if kind == kinds.BETWEEN else {}))


ANY = st.one_of(
    *(bounded(kind) for kind in (kinds.BETWEEN, kinds.MEAN, kinds.STDEV, kinds.LEAST, kinds.MOST)),
    st.builds(
        lambda kind, column, mostly: Expectation(kind, {"column": column, "mostly": mostly}),
        st.sampled_from([kinds.NOT_NULL, kinds.NULL]),
        st.sampled_from(["number", "text"]),
        st.sampled_from(SHARES),
    ),
    st.builds(
        lambda kind, values, mostly: Expectation(kind, {"column": "text", "value_set": values, "mostly": mostly}),
        st.sampled_from([kinds.IN_SET, kinds.NOT_IN_SET]),
        st.lists(st.sampled_from(TEXTS[:-1]), min_size=1, max_size=6, unique=True),
        st.sampled_from(SHARES),
    ),
    st.builds(
        lambda columns, exact: Expectation(kinds.COLUMN_SET, {"column_set": columns, "exact_match": exact}),
        st.lists(st.sampled_from(["number", "text", "other"]), min_size=1, unique=True),
        st.booleans(),
    ),
    st.builds(
        lambda columns: Expectation(kinds.COLUMN_ORDER, {"column_list": columns}),
        st.lists(st.sampled_from(["number", "text", "other"]), min_size=1, unique=True),
    ),
    st.builds(lambda rows: Expectation(kinds.ROW_COUNT, {"min_value": rows}), st.sampled_from([1.0, 5.0, 30.0])),
    st.builds(lambda rows: Expectation(kinds.ROWS_EQUAL, {"value": rows}), st.sampled_from([1.0, 5.0])),
    st.builds(lambda name: Expectation(kinds.EXISTS, {"column": name}), st.sampled_from(["number", "text", "other"])),
)


def sent(numbers: Sequence[float | None], texts: Sequence[str | None]) -> pd.DataFrame:
    """Return rows with the columns that somebody has sent a value of: null is what a request lacks."""
    lacking = [name for name, values in (("number", numbers), ("text", texts)) if all(one is None for one in values)]
    return table(numbers, texts).drop(columns=lacking)


@pytest.mark.timeout(300)
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(NUMBERS), st.sampled_from(TEXTS)), min_size=1, max_size=40),
    expectations=st.lists(ANY, min_size=1, max_size=8, unique_by=lambda expectation: expectation.key),
    lacking=st.sampled_from(["", "", "number", "text"]),
)
def test_counts_and_great_expectations_agree(rows: list[Any], expectations: list[Expectation], lacking: str) -> None:
    """Whatever stands in the columns, or which of them no request has: what counts tell the library says of the rows.

    Where they cannot tell, nothing is compared.
    """
    numbers, texts = [list(column) for column in zip(*rows, strict=True)]
    numbers = [None] * len(rows) if lacking == "number" else numbers
    texts = [None] * len(rows) if lacking == "text" else texts
    expectations = sorted(expectations, key=lambda expectation: expectation.type in kinds.COLUMNS)
    about_columns = [expectation for expectation in expectations if expectation.type in kinds.COLUMNS]
    counted = [on_counts(expectation, summary(numbers, texts)) for expectation in expectations]
    run = run_on_pandas(table(numbers, texts), SCHEMA, expectations[: len(expectations) - len(about_columns)])
    run += run_on_pandas(sent(numbers, texts), SCHEMA, about_columns)
    pairs = [(mine.expectation, mine.met, theirs.met) for mine, theirs in zip(counted, run, strict=True)]

    assert [] == [pair for pair in pairs if pair[1] is not None and pair[1] is not pair[2]]
    assert [] == [
        (mine.expectation, mine.seen, theirs.seen, mine.most_seen)
        for mine, theirs in zip(counted, run, strict=True)
        if mine.met is not None and theirs.met is not None and mine.expectation.type in kinds.SHARES
        if not mine.seen <= theirs.seen <= mine.most_seen
    ]


@pytest.mark.parametrize(("lacking", "met"), [("", True), ("number", False), ("text", False)])
def test_a_column_that_no_request_has_is_absent_to_both(lacking: str, met: bool) -> None:
    """Counts and the library notice alike that a window lacks a column that is expected."""
    asked = Expectation(kinds.COLUMN_SET, {"column_set": ["number", "text"], "exact_match": False})
    numbers = [None if lacking == "number" else 1.0] * 20
    texts = [None if lacking == "text" else "a"] * 20
    (theirs,) = run_on_pandas(sent(numbers, texts), SCHEMA, [asked])

    assert (met, met) == (on_counts(asked, summary(numbers, texts)).met, theirs.met)


def test_every_known_kind_is_one_of_great_expectations() -> None:
    """What a spec may name the library that is installed has, with the same arguments."""
    with library() as gx:
        conditions = {"row_condition", "condition_parser"}
        taken = {kind: getattr(gx.expectations, class_name(kind)).__fields__ for kind in KNOWN_TYPES}
        of_all = {*gx.expectations.expectation.Expectation.__fields__, "batch_id", "library_metadata"}

    assert {kind: ({*known.must}, {*known.must, *known.may}) for kind, known in KNOWN_TYPES.items()} == {
        kind: ({name for name, field in fields.items() if field.required}, set(fields) - of_all - conditions)
        for kind, fields in taken.items()
    }


def test_every_known_kind_can_be_told_of_rows() -> None:
    """One example of each is met, and no kind is without one; an engine's names of types are those of Spark."""
    expectations = [expectation for expectation in known_kinds.met() if expectation.type != "expect_column_type_to_be"]
    outcomes = run_on_pandas(known_kinds.table(), known_kinds.SCHEMA, expectations)

    assert KNOWN_TYPES.keys() - known_kinds.ONLY_READ == known_kinds.MET.keys()
    assert [] == [(outcome.expectation.type, outcome.there) for outcome in outcomes if outcome.met is not True]
    assert [] == suite_problems(Suite("met", "", tuple(expectations)), known_kinds.SCHEMA)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_known_kind_can_be_told_of_rows_in_spark(spark: Any) -> None:
    """The same examples are met where training data is looked at."""
    rows = [tuple(row) for row in known_kinds.table().itertuples(index=False)]
    outcomes = run_on_spark(spark.createDataFrame(rows, known_kinds.TYPES), known_kinds.SCHEMA, known_kinds.met())

    assert [] == [(outcome.expectation.type, outcome.there) for outcome in outcomes if outcome.met is not True]


def test_a_kind_at_which_the_library_fails_takes_no_neighbour_with_it() -> None:
    """At ranges without quantiles Great Expectations fails altogether: that one is untold, the others are told."""
    lost = Expectation(kinds.QUANTILES, {"column": "number", "quantile_ranges": {}})
    kept = [Expectation(kinds.NOT_NULL, {"column": name}) for name in ("number", "text")]
    first, middle, last = run_on_pandas(table([1.0], ["a"]), SCHEMA, [kept[0], lost, kept[1]])

    assert (True, None, True) == (first.met, middle.met, last.met)
    assert "Great Expectations cannot make it: 'quantiles'" == middle.why


def test_what_rows_say_is_told_with_examples() -> None:
    """A share has a p-value and some of its values; a rule has none; what cannot be told says why."""
    expectations = [
        Expectation("expect_column_values_to_match_regex", {"column": "text", "regex": "^a", "mostly": 0.9}),
        Expectation("expect_column_value_lengths_to_equal", {"column": "text", "value": 1.0}),
        Expectation(kinds.MEAN, {"column": "number", "min_value": 5.0}),
        Expectation(kinds.IN_SET, {"column": "number", "value_set": ["1", "2"]}),
        Expectation("expect_column_values_to_match_regex", {"column": "absent", "regex": "^a"}),
        Expectation("expect_multicolumn_sum_to_equal", {"column_list": ["number"]}),
        Expectation(kinds.OF_TYPE, {"column": "number", "type_": "number"}),
    ]
    share, rule, mean, members, absent, unmade, of_type = run_on_pandas(
        table([1.0] * 9 + [2.0], ["a"] * 6 + ["bb"] * 4), SCHEMA, expectations
    )

    assert (False, 4, 10, ("'bb'",) * 4) == (share.met, share.seen, share.n, share.examples)
    assert share.test is not None
    assert share.test.p_value == pytest.approx(0.0127951984)
    assert (False, None) == (rule.met, rule.test)
    assert (False, 1.1, "it is 1.1") == (mean.met, mean.observed, mean.there)
    assert members.met
    assert (None, None, None) == (absent.met, unmade.met, of_type.met)
    assert absent.why.startswith("Great Expectations cannot tell: ")
    assert unmade.why.startswith("Great Expectations cannot make it: ")


JAVA = "java_method('java.lang.System', 'setProperty', 'pegel.test', 'run') IS NULL"


def evil(command: str) -> list[Expectation]:
    """Return expectations of a stored spec that nobody checked, each of which would have the library run something."""
    python = f"@pd.compat.os.system('{command}') == 0 and number > 1"
    pandas = {"row_condition": python, "condition_parser": "pandas"}
    spark = {"row_condition": JAVA, "condition_parser": "spark"}
    through = {"type": "pass_through", "pass_through_filter": python}
    return [
        Expectation("expect_column_values_to_match_regex", {"column": "text", "regex": "a"} | pandas),
        Expectation("expect_column_values_to_match_regex", {"column": "text", "regex": "a"} | spark),
        Expectation(kinds.MEAN, {"column": "number", "min_value": 0.0, "row_condition": through}),
        Expectation("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1"}),
        Expectation("expect_multicolumn_sum_to_equal", {"column_list": [f"`number`, 0) + ({JAVA}"], "sum_total": 1.0}),
    ]


def test_nothing_that_a_stored_spec_says_is_run_as_code(tmp_path: Path) -> None:
    """Conditions and queries are refused at the door itself, and what stands beside them is told."""
    proof = tmp_path / "run"
    asked = [*evil(f"touch {proof}"), Expectation(kinds.NOT_NULL, {"column": "text"})]
    outcomes = run_on_pandas(table([1.0, 2.0], ["a", "a"]), SCHEMA, asked)

    assert not proof.exists()
    assert [None] * len(evil("")) + [True] == [outcome.met for outcome in outcomes]
    assert "condition_parser and row_condition would be run as code" in outcomes[0].why


def test_nothing_that_a_stored_spec_says_is_run_as_code_in_spark(tmp_path: Path, spark: Any) -> None:
    """The same before a baseline: no method of Java is called, no command is run."""
    proof = tmp_path / "run"
    rows = spark.createDataFrame([(1.0, "a"), (2.0, "a")], "number double, text string")
    outcomes = run_on_spark(rows, SCHEMA, [*evil(f"touch {proof}"), Expectation(kinds.NOT_NULL, {"column": "text"})])

    assert not proof.exists()
    assert None is spark.sparkContext._jvm.java.lang.System.getProperty("pegel.test")
    assert [None] * len(evil("")) + [True] == [outcome.met for outcome in outcomes]


def test_no_rows_are_not_judged() -> None:
    """Of an empty table nothing can be told, and nothing has failed."""
    (outcome,) = run_on_pandas(table([], []), SCHEMA, [Expectation(kinds.NOT_NULL, {"column": "text"})])

    assert (None, "there are no rows") == (outcome.met, outcome.why)


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any, capfd: Any) -> None:
    """No file, no line on a log or a screen, nothing to send."""
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.DEBUG):
        run_on_pandas(table([1.0], ["a"]), SCHEMA, [Expectation(kinds.MEAN, {"column": "text", "min_value": 1.0})])

    assert [] == list(tmp_path.iterdir())
    assert [] == [record.getMessage() for record in caplog.records if record.name.startswith("great_expectations")]
    assert ("", "") == tuple(capfd.readouterr())
    assert "false" == os.environ["GX_ANALYTICS_ENABLED"]
