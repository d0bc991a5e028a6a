"""Whatever a frame holds, of whatever library: a verdict, or one sentence of ours."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import json
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pegel
from pegel.baseline.baseline import Baseline
from pegel.errors import PegelError
from pegel.judge.findings import Verdict

pytestmark = pytest.mark.environments("pyarrow", "pandas")

Maker = Callable[[np.random.Generator, int], Any]
"""Makes a column of so many rows."""
ROWS = [0, 1, 2, 60, 120]


class Color(enum.Enum):
    """Two members."""

    RED = 1
    BLUE = "blue"


class Hostile:
    """An object that answers nothing."""

    def _refuse(self, *_: object) -> NoReturn:
        raise RuntimeError("asked")

    __eq__ = __hash__ = __str__ = __repr__ = __float__ = __bool__ = __len__ = __iter__ = _refuse


def of(*values: Any) -> Maker:
    """Draw among values."""
    return lambda rng, n: [values[i] for i in rng.integers(0, len(values), n)]


def containing_itself(times: int) -> list[Any]:
    """Return a list of so many times itself."""
    one: list[Any] = []
    one.extend([one] * times)
    return one


D = decimal.Decimal
PYTHON: dict[str, Maker] = {
    "integers": lambda rng, n: rng.integers(-5, 5, n).tolist(),
    "floats": lambda rng, n: rng.normal(size=n).tolist(),
    "truth": of(True, False, None),
    "texts": of("a", "b", None, "", "nan", "1", "007", "\x1b[31m", "\u202e"),
    "no texts": of("\ud800", "\udc00x", "\0"),
    "several types": of(1, "a", 2.5, None, float("nan"), pd.NA, pd.NaT, True, np.float32(3), b"x", D("1.5")),
    "huge": of(2**70, -(2**70), 10**400, 1, 2**63, -(2**63), 2**64),
    "huge and fractions": of(2**60 + 1, 2.5, 1e308, -1e308),
    "truth and numbers": of(True, 0, 1.0),
    "decimals": of(D("1.1"), D("NaN"), D("Infinity"), D("1e100"), D("sNaN"), D("-0"), D("1E+999999")),
    "fractions": of(fractions.Fraction(1, 3), 2),
    "complex": of(1j, 2 + 1j),
    "complex and texts": of(1j, "a"),
    "lists": of([1], [2, 3], []),
    "lists of lists": of([[1]], [["a", None]], None),
    "dictionaries": of({"a": 1}, {"b": "x"}, {}),
    "tuples": of((1, 2), ("a",)),
    "sets": of({1}, {2}),
    "bytes": of(b"a", b"\xff"),
    "uuids": of(*map(uuid.UUID, (f"{i:032x}" for i in range(5)))),
    "members": of(Color.RED, Color.BLUE),
    "objects": of(object(), Hostile()),
    "objects and texts": of(object(), Hostile(), "a", 1),
    "dates": of(dt.date(2020, 1, 1), dt.date(1, 1, 1), None),
    "times": of(dt.datetime(2020, 1, 1), dt.datetime(9999, 12, 31, tzinfo=dt.UTC), dt.time(1)),  # noqa: DTZ001  without a zone, too
    "durations": of(dt.timedelta(days=10**6), dt.timedelta(0)),
    "times and texts": of(dt.date(2020, 1, 1), "a", 3),
    "nothing": of(None),
    "no numbers": of(float("nan")),
    "infinite": of(float("inf"), -float("inf"), 1.0),
    "scalars of NumPy": of(np.int8(3), np.float16(1.5), np.bool_(True), np.str_("x")),
    "scalars and times of NumPy": of(np.int8(3), np.bool_(True), np.datetime64("2020"), np.datetime64("NaT", "D")),
    "times of NumPy in lists": of([np.datetime64("2020")], [np.int8(1)]),
    "masked values": of(np.ma.masked, 1, "a"),
    "lists that contain themselves": of(*map(containing_itself, (1, 2))),
    "arrays": of(np.zeros(2), np.zeros((2, 2)), 1),
    "types": of(int, str, ValueError("x"), NotImplemented, Ellipsis),
}  # fmt: skip
CODES = ("i1", "u1", "i4", "i8", "u8", ">i4", "f2", "f4", "f8", ">f8", "g", "c8", "?", "U3", "S3", "O")
UNITS = ("M8[Y]", "M8[D]", "M8[h]", "M8[s]", "M8[ns]", "M8[as]", "m8[D]", "m8[ns]")


def in_numpy(code: str) -> Maker:
    """Draw an array of NumPy."""
    return lambda rng, n: rng.integers(0, 100, n).astype(code)


NUMPY: dict[str, Maker] = {
    **{code: in_numpy(code) for code in CODES + UNITS},
    "void": lambda _, n: np.zeros(n, "V4"),
    "structures": lambda _, n: np.zeros(n, [("a", int), ("b", "U2")]),
    "masked array": lambda rng, n: np.ma.masked_array(rng.normal(size=n), rng.random(n) < 0.3),
    "every second": lambda rng, n: rng.normal(size=2 * n)[::2],
    "backwards": lambda rng, n: rng.normal(size=n)[::-1],
}
NO_COLUMNS: dict[str, Maker] = {
    "one column": lambda rng, n: rng.normal(size=(n, 1)),
    "two columns": lambda rng, n: rng.normal(size=(n, 2)),
    "no dimension": lambda _, __: np.array(3.0),
    "a number": lambda _, __: 5,
    "a text": lambda _, __: "abc",
    "some bytes": lambda _, n: b"abc" * n,
    "a generator": lambda _, n: (i for i in range(n)),
    "a range": lambda _, n: range(n),
    "an array": lambda _, n: array.array("d", [0.0] * n),
    "a view": lambda _, n: memoryview(b"a" * n),
    "a wide view": lambda _, n: np.zeros((n, 2)).data if n else b"",
    "a set": lambda _, n: set(range(n)),
    "a mapping": lambda _, n: {i: i for i in range(n)},
    "a queue": lambda _, n: collections.deque(range(n)),
    "hostile": lambda _, __: Hostile(),
}


def in_pandas(dtype: Any, *values: Any) -> Maker:
    """Draw a series of pandas."""
    return lambda rng, n: pd.Series(of(*values)(rng, n), dtype=dtype)


PANDAS: dict[str, Maker] = {
    **{name: in_pandas(name, 1, None) for name in ("Int64", "UInt8", "Float32", "Float64", "boolean")},
    "string": in_pandas("string", "a", None),
    "str": in_pandas(str, "a", "b"),
    "category": in_pandas("category", "a", "b", None),
    "category of integers": in_pandas("category", 1, 2, None),
    "category of several": in_pandas("category", "a", 1, 2.5),
    "category of truth": in_pandas("category", True, False),
    "category of times": in_pandas("category", pd.Timestamp("2020"), None),
    "category of tuples": in_pandas("category", (1, 2), (3,)),
    "category of nothing": lambda _, n: pd.Series(pd.Categorical([None] * n, categories=[])),
    "category in order": lambda _, n: pd.Series(pd.Categorical(["a"] * n, ["a", "b"], ordered=True)),
    "cut": lambda rng, n: pd.cut(pd.Series(rng.normal(size=n)), [-10, 0, 10]),
    "interval": lambda _, n: pd.Series(pd.arrays.IntervalArray.from_tuples([(0, 1)] * n, dtype="interval[int64]")),
    "period": lambda _, n: pd.Series(pd.period_range("2020", periods=n, freq="M")),
    "timedelta": lambda rng, n: pd.Series(pd.to_timedelta(rng.integers(0, 9, n), unit="h")),
    "with a zone": lambda _, n: pd.Series(pd.date_range("2020", periods=n, tz="Europe/Berlin", freq="h")),
    "sparse": lambda rng, n: pd.Series(pd.arrays.SparseArray(rng.integers(0, 2, n).astype(float))),
    "sparse truth": lambda rng, n: pd.Series(pd.arrays.SparseArray(rng.random(n) < 0.1)),
    "sparse text": lambda _, n: pd.Series(pd.arrays.SparseArray(np.array(["a"] * n, dtype=object))),
    "Arrow decimal": in_pandas(pd.ArrowDtype(pa.decimal128(10, 2)), D("1.5"), None),
    "Arrow list": in_pandas(pd.ArrowDtype(pa.list_(pa.int8())), [1], None),
    "Arrow dictionary": in_pandas(pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string())), "a", "b", None),
    "Arrow null": in_pandas(pd.ArrowDtype(pa.null()), None),
}  # fmt: skip


def in_polars(dtype: Any, *values: Any) -> Maker:
    """Draw a series of polars."""
    return lambda rng, n: pl.Series(values=of(*values)(rng, n), dtype=dtype, strict=False)


POLARS: dict[str, Maker] = {
    "Int8": in_polars(pl.Int8, 1, None),
    "Int128": in_polars(pl.Int128, 1, 2**100, None),
    "List of Int128": in_polars(pl.List(pl.Int128), [1], None),
    "Struct of Int128": in_polars(pl.Struct({"a": pl.Int128}), {"a": 1}),
    "Struct of a name with a null": in_polars(pl.Struct({"a\0b": pl.Int8}), {"a\0b": 1}),
    "named with a null": lambda _, n: pl.Series("a\0b", [1] * n),
    "UInt64": in_polars(pl.UInt64, 1, 2**64 - 1),
    "Float32": in_polars(pl.Float32, 1.5, None, float("nan")),
    "Boolean": in_polars(pl.Boolean, True, None),
    "String": in_polars(pl.String, "a", None, ""),
    "Categorical": in_polars(pl.Categorical, "a", "b", None),
    "Enum": in_polars(pl.Enum(["a", "b"]), "a", "b", None),
    "Binary": in_polars(pl.Binary, b"a"),
    "Date": in_polars(pl.Date, dt.date(2020, 1, 1)),
    "Datetime": in_polars(pl.Datetime("us"), dt.datetime(2020, 1, 1)),  # noqa: DTZ001  without a zone, too
    "Duration": in_polars(pl.Duration, dt.timedelta(1)),
    "Time": in_polars(pl.Time, dt.time(1)),
    "List": in_polars(pl.List(pl.Int8), [1], None),
    "List of Categorical": in_polars(pl.List(pl.Categorical), ["a"]),
    "Array": in_polars(pl.Array(pl.Int8, 1), [1]),
    "Struct": in_polars(pl.Struct({"a": pl.Int8}), {"a": 1}, None),
    "Null": in_polars(pl.Null, None),
    "Decimal": in_polars(pl.Decimal(20, 3), D("1.5"), None),
    "Object": in_polars(pl.Object, object(), 1, "a"),
}


def in_arrow(arrow: pa.DataType, *values: Any) -> Maker:
    """Draw an array of Arrow."""
    return lambda rng, n: pa.array(of(*values)(rng, n), arrow)


def coded(codes: pa.DataType, values: pa.Array) -> Maker:
    """Draw codes of values."""
    return lambda rng, n: pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, len(values), n), codes), values)


def stored(arrow: pa.DataType, value: Any) -> Maker:
    """Make an array of an extension type."""
    return lambda _, n: pa.ExtensionArray.from_storage(arrow, pa.array([value] * n, arrow.storage_type))


def no_utf8(_: np.random.Generator, n: int) -> pa.Array:
    """Make a text of bytes that are none."""
    return pa.Array.from_buffers(pa.string(), n, pa.array([b"\xff"] * n, pa.binary()).buffers())


ARROW: dict[str, Maker] = {
    **{str(one): in_arrow(one, 1, None) for one in (pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64())},
    **{str(one): in_arrow(one, "a", None) for one in (pa.string(), pa.large_string(), pa.string_view())},
    **{str(one): in_arrow(one, b"ab") for one in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2))},
    **{str(one): in_arrow(one, D("1.5")) for one in (pa.decimal32(5, 2), pa.decimal64(5, 2), pa.decimal256(76, 2))},
    **{str(one): in_arrow(one, dt.date(2020, 1, 1)) for one in (pa.date32(), pa.date64())},
    **{str(one): in_arrow(one, [1]) for one in (pa.list_(pa.int8()), pa.large_list(pa.int8()))},
    "view of lists": in_arrow(pa.list_view(pa.int8()), [1]),
    "bool": in_arrow(pa.bool_(), True, None),
    "time": in_arrow(pa.time32("s"), dt.time(1)),
    "duration": in_arrow(pa.duration("us"), dt.timedelta(1)),
    "months": in_arrow(pa.month_day_nano_interval(), (1, 2, 3)),
    "null": in_arrow(pa.null(), None),
    "map": in_arrow(pa.map_(pa.string(), pa.int8()), [("a", 1)]),
    "struct": in_arrow(pa.struct([("a", pa.int8())]), {"a": 1}),
    "codes": coded(pa.int8(), pa.array(["a", "b", None])),
    "wide codes": coded(pa.uint64(), pa.array(["a", "b"], pa.large_string())),
    "codes of views": coded(pa.uint32(), pa.array(["a", "b"], pa.string_view())),
    "codes of numbers": coded(pa.int8(), pa.array([1.5, 2.5])),
    "codes of lists": coded(pa.int8(), pa.array([[1], [2]])),
    "runs": lambda _, n: pc.run_end_encode(pa.array(["a"] * n, pa.string())),
    "chunks": lambda _, n: pa.chunked_array([pa.nulls(n // 2, pa.int64()), pa.array(range(n - n // 2), pa.int64())]),
    "bool8": stored(pa.bool8(), 1),
    "json": stored(pa.json_(), "1"),
    "uuid": stored(pa.uuid(), b"a" * 16),
    "opaque": stored(pa.opaque(pa.binary(), "x", "y"), b"a"),
    "tensor": stored(pa.fixed_shape_tensor(pa.int8(), [1]), [1]),
    "union": lambda _, n: pa.UnionArray.from_dense(
        pa.array([0] * n, pa.int8()), pa.array(range(n), pa.int32()), [pa.array([1] * n, pa.int64()), pa.array(["a"])]
    ),
    "sparse union": lambda _, n: pa.UnionArray.from_sparse(
        pa.array([i % 2 for i in range(n)], pa.int8()), [pa.array([1] * n, pa.int64()), pa.nulls(n, pa.large_string())]
    ),
    "union of codes": lambda _, n: pa.UnionArray.from_dense(
        pa.array([7] * n, pa.int8()), pa.array(range(n), pa.int32()), [pa.array([1] * n, pa.int64())], ["x"], [7]
    ),
    "no UTF-8": no_utf8,
    "part": lambda _, n: pa.array(["a", None] * (n + 1)).slice(1, n),
    "part of truth": lambda _, n: pa.array([True, None] * (n + 1)).slice(1, n),
}  # fmt: skip
EVERY = {**PYTHON, **NUMPY, **NO_COLUMNS, **PANDAS, **POLARS, **ARROW}
TEXTS = st.one_of(
    st.sampled_from(["x", "y", "c", "Unnamed: 0", "", "__index_level_0__", "a.b", "\x1b[31m", "0", "a\0b"]),
    st.text(st.characters(codec="utf-8"), max_size=4),
)
NAMES = st.one_of(
    TEXTS,
    st.integers(0, 3),
    st.none(),
    st.tuples(TEXTS, st.integers(0, 3)),
    st.floats(),
    st.booleans(),
    st.just("\ud800"),
)
INDICES: dict[str, Callable[[int], pd.Index]] = {
    "counted": pd.RangeIndex,
    "in steps": lambda n: pd.RangeIndex(0, 2 * n, 2),
    "named": lambda n: pd.Index([f"r{i}" for i in range(n)], name="x"),
    "levels": lambda n: pd.MultiIndex.from_product([range(n), ["a"]], names=["x", None]),
    "times": lambda n: pd.date_range("2020", periods=n),
}


@st.composite
def mappings(draw: st.DrawFn) -> Any:
    """Draw a mapping from anything to anything."""
    n, rng = draw(st.sampled_from(ROWS)), np.random.default_rng(draw(st.integers(0, 5)))
    columns = draw(st.lists(st.tuples(NAMES, st.sampled_from(sorted(EVERY))), max_size=4))
    return {name: EVERY[kind](rng, n) for name, kind in columns}


@st.composite
def pandas_frames(draw: st.DrawFn) -> Any:
    """Draw a frame of pandas: any types, names and index."""
    n, rng = draw(st.sampled_from(ROWS)), np.random.default_rng(draw(st.integers(0, 5)))
    columns = draw(st.lists(st.tuples(NAMES, st.sampled_from(sorted({**PANDAS, **PYTHON}))), max_size=4))
    made = [EVERY[kind](rng, n) for _, kind in columns]
    series = [one if isinstance(one, pd.Series) else pd.Series(one, dtype=object) for one in made]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(n))
    if series:
        frame.columns = pd.Index([name for name, _ in columns], tupleize_cols=False, dtype=object)
    return frame.set_axis(INDICES[draw(st.sampled_from(sorted(INDICES)))](n))


@st.composite
def polars_frames(draw: st.DrawFn) -> Any:
    """Draw a frame of polars."""
    n, rng = draw(st.sampled_from(ROWS)), np.random.default_rng(draw(st.integers(0, 5)))
    columns = draw(st.dictionaries(TEXTS, st.sampled_from(sorted(POLARS)), max_size=4))
    return pl.DataFrame([POLARS[kind](rng, n).alias(name) for name, kind in columns.items()])


@st.composite
def arrow_tables(draw: st.DrawFn) -> Any:
    """Draw a table of Arrow."""
    n, rng = draw(st.sampled_from(ROWS)), np.random.default_rng(draw(st.integers(0, 5)))
    columns = draw(st.lists(st.tuples(TEXTS, st.sampled_from(sorted(ARROW))), max_size=4))
    return pa.Table.from_arrays([ARROW[kind](rng, n) for _, kind in columns], names=[name for name, _ in columns])


TABLES = {"mapping": mappings(), "pandas": pandas_frames(), "polars": polars_frames(), "Arrow": arrow_tables()}


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call returns; None where it refuses in a sentence. Any warning but one of ours is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for ours in ("not measured: ", "taken as categories, ", "without a value "):
            warnings.filterwarnings("ignore", ours, UserWarning)
        try:
            return call()
        except PegelError as error:
            sentence = str(error)

    assert sentence.endswith(".")
    return None


def read_back(baseline: Baseline) -> Baseline:
    """Return a baseline as another process reads it."""
    return Baseline.from_json(json.loads(json.dumps(baseline.to_json(), allow_nan=False)))


def check_outcomes(first: Any, second: Any) -> None:
    """Profile a table, and check it and another one against what was learnt."""
    baseline = outcome(lambda: pegel.profile(first))
    if baseline is None:
        return
    again = outcome(lambda: pegel.check(first, read_back(baseline)))
    other = outcome(lambda: pegel.check(second, read_back(baseline)))

    assert again.verdict not in {Verdict.DRIFT, Verdict.DRIFTING}
    for report in filter(None, (again, other)):
        assert json.loads(json.dumps(report.to_json(), allow_nan=False))["headline"] in str(report)


def check_many(library: str, examples: int) -> None:
    """Draw tables of a library, each beside one of any, and check what comes of them."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(TABLES[library], st.one_of(*TABLES.values()))
    def holds(first: Any, second: Any) -> None:
        check_outcomes(first, second)

    holds()


@pytest.mark.parametrize("library", TABLES)
def test_any_frame(library: str) -> None:
    """Any table gets a baseline or one sentence; checked against itself it has not drifted, against any a verdict."""
    check_many(library, 25)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("library", TABLES)
def test_very_many_frames(library: str, part: int) -> None:
    """The same of more than ten thousand pairs of tables."""
    check_many(library, 1_300)


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_every_kind_of_column(kind: str) -> None:
    """Each kind of column beside others has an outcome in a profile, and as a number and a category of a check."""
    column = EVERY[kind](np.random.default_rng(0), 60)
    baseline = pegel.profile({"x": [1.0, 2.0] * 60, "c": ["a", "b"] * 60})

    profiled = outcome(lambda: pegel.profile({"x": column, "y": [1.0] * 60}))
    report = outcome(lambda: pegel.check({"x": column, "c": column}, baseline))

    assert (profiled is None) == (report is None)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", sorted(EVERY))
def test_every_kind_of_column_is_registered_as_it_is_profiled(kind: str, tmp_path: Path) -> None:
    """What a profile takes is registered, with the same baseline unless values are told to be lost; else a sentence."""
    table = {"x": EVERY[kind](np.random.default_rng(0), 60), "y": [1.0] * 60}
    profiled = registered(lambda: pegel.profile(table))
    table["x"] = EVERY[kind](np.random.default_rng(0), 60)  # some can be read but once
    done = registered(lambda: pegel.register(table, name="x", home=tmp_path))

    assert (profiled is None) == (done is None)
    if done is not None and "are kept as null" not in "".join(done.warnings):
        assert profiled.id == pegel.profile(done.data.path, name="table").id


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", sorted(EVERY))
def test_every_kind_of_column_is_times_or_refused(kind: str, tmp_path: Path) -> None:
    """A column of any kind that is named as times is stored as such, or refused in a sentence."""
    table = {"x": EVERY[kind](np.random.default_rng(0), 60), "y": [1.0] * 60}
    done = registered(lambda: pegel.register(table, name="x", home=tmp_path, time="x"))
    files = [*tmp_path.rglob("*.parquet")]

    assert (done is None) == (files == [])
    assert ["y", "x"] * len(files) == [name for file in files for name in pa.parquet.read_schema(file).names]


def registered(call: Callable[[], Any]) -> Any:
    """Return what a call returns; None where it refuses in a sentence."""
    try:
        return call()
    except PegelError as error:
        sentence = str(error)

    assert sentence.endswith(".")
    return None
