"""Odd tables: each kind has a stated outcome in a profile and in a check, the same as in the docs."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.errors import LayoutMismatch, PermanentError
from pegel.judge.findings import Verdict

pytestmark = pytest.mark.environments("pyarrow")

ROWS = 2_000


def column(seed: int = 0, n: int = ROWS) -> np.ndarray:
    """Draw numbers."""
    return np.random.default_rng(seed).normal(size=n)


@pytest.fixture(scope="module")
def plain() -> Baseline:
    """A baseline of a number in minutes and a category."""
    return pegel.profile({"x": column(), "c": ["a", "b"] * (ROWS // 2)}, units={"x": "min"})


def found(report: pegel.Report, name: str) -> tuple[Verdict, str]:
    """Return what is said of one field."""
    return next((one.verdict, one.what) for one in report.features if one.feature == name)


def test_missing_columns(plain: Baseline) -> None:
    """A named column that is not there is refused by name, in a profile and in a check."""
    with pytest.raises(PermanentError, match="expected the columns z, given a table without"):
        pegel.profile({"x": [1.0]}, categorical=["z"])
    with pytest.raises(LayoutMismatch, match="a table without c: nothing was judged"):
        pegel.check({"x": column()}, plain)


def test_extra_and_reordered_columns(plain: Baseline) -> None:
    """Order does not matter, and columns that the baseline does not know are named and left alone."""
    report = pegel.check({"more": column(1), "c": ["a", "b"] * (ROWS // 2), "x": column(2)}, plain)

    assert (Verdict.OK, ("more",)) == (report.verdict, report.extra)


def test_mixed_types(plain: Baseline) -> None:
    """Numbers mixed with text are categories in a profile; in a check they are counted as unparseable, and found."""
    profiled = pegel.profile({"x": [1, "a", None, 2.5] * 50}).summary.features["x"]
    report = pegel.check({"x": [*column(), *["broken"] * 50], "c": ["a", "b"] * (ROWS // 2 + 25)}, plain)

    assert (3, 50) == (int(np.count_nonzero(profiled.cells)), profiled.n_null)
    assert 50 == report.summary.features["x"].n_unparseable
    assert Verdict.DRIFT is found(report, "x")[0]


def test_values_that_become_null(plain: Baseline) -> None:
    """A column that the training knew is found where none of its values are left."""
    report = pegel.check({"x": [None] * ROWS, "c": ["a", "b"] * (ROWS // 2)}, plain)

    assert ROWS == report.summary.features["x"].n_null
    assert Verdict.DRIFT is found(report, "x")[0]


def test_nothing_but_nan(plain: Baseline) -> None:
    """NaN is counted apart from null: a profile of NaN alone judges nothing, in a check it is found."""
    nan = pa.table({"x": np.full(ROWS, np.nan), "c": ["a", "b"] * (ROWS // 2)})
    with pytest.warns(UserWarning, match="without a value in any row.*: x$"):
        profiled = pegel.profile(nan)
    report = pegel.check(nan, plain)

    assert (ROWS, 0, 0) == tuple(
        getattr(profiled.summary.features["x"], name) for name in ("n_nan", "n_null", "counted")
    )
    assert Verdict.INSUFFICIENT is found(pegel.check(nan, profiled), "x")[0]
    assert Verdict.DRIFT is found(report, "x")[0]


def test_constant() -> None:
    """A constant is a value like any other: the same one is ok, another one is found."""
    baseline = pegel.profile({"x": [4.0] * ROWS})

    assert Verdict.OK is pegel.check({"x": [4.0] * ROWS}, baseline).verdict
    assert Verdict.DRIFT is pegel.check({"x": [4.0] * (ROWS - 50) + [5.0] * 50}, baseline).verdict


def test_one_row(plain: Baseline) -> None:
    """One row makes a baseline and can be checked, but neither says enough to judge by: exit code 2."""
    one = {"x": [1.0], "c": ["a"]}

    assert 2 == pegel.check(one, plain).exit_code
    assert 2 == pegel.check({"x": column(), "c": ["a"] * ROWS}, pegel.profile(one)).exit_code


def test_no_rows(plain: Baseline) -> None:
    """Without rows there is nothing to learn: refused; a check of no rows says so, with exit code 2."""
    with pytest.raises(PermanentError, match="given 0 rows"):
        pegel.profile(pa.table({"x": pa.array([], pa.float64())}))
    report = pegel.check({"x": [], "c": []}, plain)

    assert (Verdict.NO_DATA, 2) == (report.verdict, report.exit_code)
    assert "no data · 0 rows" in str(report)


def test_very_many_categories() -> None:
    """Beyond 100,000 categories a column is an open vocabulary: its counts are kept, new keys are never unseen."""
    keys = [f"key {i}" for i in range(100_001)]
    baseline = pegel.profile({"key": keys})
    report = pegel.check({"key": [f"other {i}" for i in range(500)]}, baseline)
    layout = baseline.to_json()["content"]["layout"]["features"][0]

    assert (True, 100_001, 100_001) == (layout["open_vocabulary"], layout["distinct"], layout["singletons"])
    assert 0 == report.summary.features["key"].n_unseen


def test_integers_beyond_exact_floats() -> None:
    """Integers beyond 2**53 are the nearest floats: what cannot be told apart as a float is one value."""
    big = 2**53
    baseline = pegel.profile({"id": [big, big + 1] * ROWS})

    assert (float(big), float(big)) == (baseline.summary.features["id"].min, baseline.summary.features["id"].max)
    assert Verdict.OK is pegel.check({"id": [big + 1] * ROWS}, baseline).verdict


def test_dates(plain: Baseline) -> None:
    """Times are left out of a profile with a warning; where a number was, a check counts them as unparseable."""
    when = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * ROWS
    with pytest.warns(UserWarning, match="when .times always differ"):
        pegel.profile({"x": column(), "when": when})
    report = pegel.check({"x": when, "c": ["a", "b"] * (ROWS // 2)}, plain)

    assert ROWS == report.summary.features["x"].n_unparseable


def test_booleans(plain: Baseline) -> None:
    """Truth values are the categories `true` and `false`; where a number was, they are 1 and 0."""
    baseline = pegel.profile({"flag": [True, False] * ROWS})
    report = pegel.check({"x": [True, False] * ROWS, "c": ["a", "b"] * ROWS}, plain)

    assert ["false", "true"] == sorted(baseline.to_json()["content"]["layout"]["features"][0]["categories"])
    assert Verdict.OK is pegel.check({"flag": ["true", "false"] * ROWS}, baseline).verdict
    assert (0.0, 1.0) == (report.summary.features["x"].min, report.summary.features["x"].max)


def test_decimals() -> None:
    """Decimals are the nearest floats."""
    prices = [decimal.Decimal("1.10"), decimal.Decimal("2.20")] * ROWS
    baseline = pegel.profile({"price": prices})

    assert (1.1, 2.2) == (baseline.summary.features["price"].min, baseline.summary.features["price"].max)
    assert Verdict.OK is pegel.check({"price": [1.1, 2.2] * ROWS}, baseline).verdict


def test_nested_values(plain: Baseline) -> None:
    """Lists and structures are left out of a profile with a warning; in a check they are unparseable."""
    with pytest.warns(UserWarning, match="many .list.*neither a number nor a category"):
        pegel.profile({"x": column(), "many": [[1, 2]] * ROWS})
    report = pegel.check({"x": column(), "c": [{"a": 1}] * ROWS}, plain)

    assert ROWS == report.summary.features["c"].n_unparseable
    assert Verdict.DRIFT is found(report, "c")[0]


@pytest.mark.parametrize(
    "labels", [["1", "2"], ["true", "false"], ["NaN", "nan"], ["None", "null"], ["", " "], ["007", "7"]]
)
def test_labels_that_look_like_something_else(labels: list[str]) -> None:
    """Text is a category whatever it looks like: exactly its characters."""
    baseline = pegel.profile({"c": labels * ROWS})
    counted = pegel.check({"c": labels * 50}, baseline).summary.features["c"]

    assert ([50, 50], 0) == (counted.cells[:2].tolist(), counted.n_unseen)
    assert 0 == counted.n_null


def test_far_from_zero() -> None:
    """Values far from zero with a small spread keep their spread: a shift of half of it is found, none is not."""
    baseline = pegel.profile({"x": 1e9 + 1e-3 * column(n=20_000)})
    sd = baseline.summary.features["x"].moments.sd

    assert sd == pytest.approx(1e-3, rel=0.02)
    assert Verdict.OK is pegel.check({"x": 1e9 + 1e-3 * column(1)}, baseline).verdict
    assert Verdict.DRIFT is pegel.check({"x": 1e9 + 1e-3 * (column(2) + 0.5)}, baseline).verdict


def test_other_units(plain: Baseline) -> None:
    """Another unit than the baseline's is refused by name, never converted; the same unit is accepted."""
    rows = {"x": column(3), "c": ["a", "b"] * (ROWS // 2)}
    with pytest.raises(LayoutMismatch, match="expected x in min, as in the baseline, given h: nothing was judged"):
        pegel.check(rows, plain, units={"x": "h"})

    assert Verdict.OK is pegel.check(rows, plain, units={"x": "min"}).verdict


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline_version": 99}, "expected a baseline of version"),
        ({"model": "other"}, "the document was changed after it was written"),
    ],
)
def test_other_baselines(plain: Baseline, change: dict[str, Any], message: str) -> None:
    """A baseline of another version, or one that was changed by hand, is refused."""
    document = plain.to_json()
    with pytest.raises(LayoutMismatch, match=message):
        Baseline.from_json(document | {"content": document["content"] | change})


def test_the_same_name_twice() -> None:
    """Two columns of one name are refused by name."""
    twice = pa.table([[1.0], [2.0]], names=["x", "x"])
    with pytest.raises(PermanentError, match="given several named x"):
        pegel.profile(twice)


def test_columns_of_several_lengths() -> None:
    """Columns of different lengths are no table."""
    with pytest.raises(PermanentError, match="expected columns of one length"):
        pegel.profile({"x": [1.0], "y": [1.0, 2.0]})


ODD = "\x1b[31m\u202e" + "x" * 100_000
"""A name that colours, turns and fills a terminal."""


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        ({"x": [1.0, 2.0]}, {"predictions": [ODD]}),
        ({"x": [1.0, 2.0]}, {"label": ODD, "answer": "x"}),
        ({"x": [1.0, 2.0]}, {"version": ODD}),
        (f"no/{ODD}.csv", {}),
        ("no/\x1b[31m.csv", {}),
    ],
)
def test_refusals_are_harmless_and_short(data: Any, arguments: dict[str, Any]) -> None:
    """Whatever a name or a path holds, a refusal is one short line that can be printed."""
    with pytest.raises(PermanentError) as error:
        pegel.profile(data, **arguments)
    said = str(error.value)

    assert (True, True) == (said.isprintable(), len(said) < 2_500)


def test_columns_that_are_left_out_are_told_harmlessly() -> None:
    """The warning that names what is not measured is one short line."""
    with pytest.warns(UserWarning, match="not measured") as warned:
        pegel.profile({"x": [1.0, 2.0], **{f"{ODD}{i}": [dt.date(2024, 1, 1)] * 2 for i in range(30)}})
    said = str(warned[0].message)

    assert (True, True) == (said.isprintable(), len(said) < 2_500)


@pytest.mark.parametrize("name", ["Flight delays", ODD])
def test_tables_have_any_name(name: str) -> None:
    """The name of a table is for people: a check takes what a profile took, and findings carry it."""
    report = pegel.check({"x": [9.0] * 100}, pegel.profile({"x": [1.0, 2.0] * 50}, name=name))

    assert name == report.findings[0].model


@pytest.mark.parametrize(("first", "count"), [(20261101, 8), (20_000_000, 40), (2**24 - 5, 60), (2**25 - 10, 60)])
def test_dates_written_as_numbers_are_quiet(first: int, count: int) -> None:
    """Whole numbers that float32 tells apart no more are known values when they come again."""
    rng = np.random.default_rng(0)
    baseline = pegel.profile({"day": first + rng.integers(0, count, 5_000)})
    checked = pegel.check({"day": first + rng.integers(0, count, 1_000)}, baseline)

    assert "ok" == checked.verdict
