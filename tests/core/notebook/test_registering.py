"""A table becomes training data: whatever door it comes through, the store gives back what was in it."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import pegel
from pegel.errors import InvalidSpec, PermanentError
from pegel.featurestore import LocalFeatureStore, SourceRef, TimeRange
from pegel.notebook import column_type, training_file
from pegel.notebook.named_table import registered_as
from pegel.notebook.registered import Registered
from pegel.notebook.registering import Outcome
from pegel.notebook.table_reading import opened

pytestmark = [pytest.mark.environments("pyarrow", "pandas"), pytest.mark.filterwarnings("ignore::UserWarning")]

ROWS = 1_500
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def tickets(rows: int = ROWS, seed: int = 1) -> pa.Table:
    """Return tickets with columns of many types, each with some nulls; times without a zone, in nanoseconds."""
    rng = np.random.default_rng(seed)
    gap = rng.random(rows) < 0.02
    days = np.datetime64("2026-01-01", "ns") + np.arange(rows) * np.timedelta64(1, "h")
    return pa.table(
        {
            "urgent": pa.array(rng.random(rows) < 0.3),
            "amount": pa.array(rng.normal(20, 4, rows), mask=gap),
            "small": pa.array(rng.integers(0, 9, rows), pa.uint8()),
            "large": pa.array(rng.integers(2**63, 2**64 - 1, rows, np.uint64)),
            "price": pa.array([None if n % 7 == 0 else n % 50 for n in range(rows)], pa.decimal128(12, 2)),
            "single": pa.array(rng.normal(size=rows).astype(np.float32)),
            "code": pa.array(rng.integers(1, 5, rows), mask=gap),
            "country": pa.array(rng.choice(["DE", "FR", "NA"], rows), mask=gap).dictionary_encode(),
            "new": pa.array(rng.random(rows) < 0.1, mask=gap),
            "opened": pa.array(days),
            "solved": pa.array(rng.random(rows) < 0.3),
            "notes": pa.array([["a", "b"]] * rows),
        }
    )


def as_parquet(table: pa.Table, folder: Path) -> Path:
    """Write several files of unequal length."""
    (folder / "days").mkdir()
    for number, (first, rows) in enumerate([(0, 100), (100, 700), (800, ROWS)]):
        pa.parquet.write_table(table.slice(first, rows), folder / "days" / f"{number}.parquet")
    return folder / "days"


def as_csv(table: pa.Table, folder: Path) -> Path:
    """Write text; lists have no place there."""
    pa.csv.write_csv(table.drop_columns(["notes"]), folder / "tickets.csv")
    return folder / "tickets.csv"


DOORS: dict[str, Callable[[pa.Table, Path], Any]] = {
    "pyarrow": lambda table, _: table,
    "pandas": lambda table, _: table.to_pandas(),
    "pandas on Arrow": lambda table, _: table.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda table, _: pl.from_arrow(table),
    "columns": lambda table, _: {name: table.column(name).to_pylist() for name in table.column_names},
    "Parquet": as_parquet,
    "CSV": as_csv,
}
NAMED: dict[str, Any] = {"categorical": ["code"], "units": {"amount": "EUR"}, "label": "solved"}
FREE: dict[str, Any] = {"categorical": (), "units": None}


def register(table: Any, home: Path, **changed: Any) -> pegel.Registration:
    """Register tickets."""
    arguments: dict[str, Any] = (
        {"name": "tickets", "prediction": "urgent", "time": "opened", "home": home} | NAMED | changed
    )
    return pegel.register(table, **arguments)


def warned(table: Any, home: Path, **arguments: Any) -> str:
    """Return the warnings of registering a table without more than its name."""
    return "\n".join(pegel.register(table, name="x", home=home, **arguments).warnings)


@pytest.mark.parametrize("door", DOORS)
def test_the_store_gives_back_what_the_table_held(door: str, tmp_path: Path) -> None:
    """A baseline of the registered data is that of the table itself, whatever door and types it came through."""
    table = DOORS[door](tickets(), tmp_path)
    done = register(table, tmp_path)
    stored = LocalFeatureStore(tmp_path / "features").read_training_data(done.source)
    named = NAMED | {"predictions": ["urgent"], "answer": "urgent"}

    assert pegel.profile(table, **named).id == pegel.profile(stored, **named).id
    assert (ROWS, Outcome.NEW) == (done.data.rows, done.outcome)


@pytest.mark.parametrize("door", DOORS)
def test_times_are_microseconds_in_utc(door: str, tmp_path: Path) -> None:
    """Whatever the unit of the given times, the stored ones are those that every engine reads."""
    done = register(DOORS[door](tickets(), tmp_path), tmp_path)
    times = pa.parquet.read_table(done.data.path).column("opened")

    assert pa.timestamp("us", tz="UTC") == times.type
    assert [START, START + HOUR, START + (ROWS - 1) * HOUR] == [times[row].as_py() for row in (0, 1, ROWS - 1)]
    assert TimeRange(START, START + (ROWS - 1) * HOUR + dt.timedelta(microseconds=1)) == done.data.covered


def test_what_is_stored_has_few_types(tmp_path: Path) -> None:
    """Numbers are signed integers or floats, truth values stay such, other categories are text; lists are left out."""
    done = register(tickets(), tmp_path)
    schema = pa.parquet.read_schema(done.data.path)

    assert {
        "amount": "double",
        "small": "int16",
        "large": "double",
        "price": "double",
        "single": "float",
        "code": "string",
        "country": "string",
        "new": "bool",
        "urgent": "bool",
        "solved": "bool",
        "opened": "timestamp[us, tz=UTC]",
    } == {field.name: str(field.type) for field in schema}
    assert ["notes (list<item: string> is neither a number nor a category)"] == [
        reason.replace("element", "item") for reason in done.left_out
    ]


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    """Equal rows change no file, also if other files or a frame hold them."""
    first = register(as_parquet(tickets(), tmp_path), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").rglob("*")}
    again = register(tickets(), tmp_path)

    assert (Outcome.NEW, Outcome.SAME) == (first.outcome, again.outcome)
    assert "nothing was changed" in str(again)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert sorted(before) == sorted((tmp_path / "features").rglob("*"))


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"units": {"amount": "USD"}}, "differs in fields"),
        ({"prediction": ["urgent", "new"]}, "differs in rows, fields"),
        ({"time": None}, "differs in rows, times"),
        ({"seed": 2}, "differs in rows"),
    ],
)
def test_other_content_needs_a_word(tmp_path: Path, changed: dict[str, Any], differs: str) -> None:
    """Other rows, fields or times under the same name are refused with what to do; with `replace` they stand there."""
    first = register(tickets(), tmp_path)
    other = tickets(seed=changed.pop("seed", 1))
    with pytest.raises(PermanentError, match=f"{differs}. Nothing was changed. Choose another version, or replace it"):
        register(other, tmp_path, **changed)

    store = LocalFeatureStore(tmp_path / "features")
    assert first.data.path == store.read_training_data(first.source)
    assert Outcome.REPLACED == register(other, tmp_path, replace=True, **changed).outcome
    assert Outcome.SAME == register(other, tmp_path, **changed).outcome


def test_versions_and_splits_stand_side_by_side(tmp_path: Path) -> None:
    """A name has several versions, and a version several splits."""
    for version, split in [(1, "train"), (1, "test"), (2, "train")]:
        register(tickets(seed=version), tmp_path, version=version, split=split)

    assert [
        SourceRef("tickets", 1, "test"),
        SourceRef("tickets", 1, "train"),
        SourceRef("tickets", 2, "train"),
    ] == LocalFeatureStore(tmp_path / "features").references()


def test_a_name_alone_means_no_version_of_several(tmp_path: Path) -> None:
    """With one version its split `train` is meant; with several the name alone is refused, and all are named."""
    store = tmp_path / "features"
    register(tickets(), tmp_path, split="test")
    other = registered_as("tickets", store).name
    register(tickets(), tmp_path)
    first = registered_as("tickets", store).name
    register(tickets(), tmp_path, version=2)
    with pytest.raises(InvalidSpec) as refused:
        registered_as("tickets", store)

    assert "local://tickets?version=1&split=test" == other
    assert "local://tickets?version=1&split=train" == first
    assert "local://tickets?version=2&split=train" in str(refused.value)
    assert "local://tickets?version=2&split=train" == registered_as("local://tickets?version=2", store).name


def test_what_was_understood_is_told(tmp_path: Path) -> None:
    """The words name fields with kind, role and unit, rows, times, the label, what is left out, and the spec's line."""
    said = " ".join(str(register(tickets(), tmp_path)).split())

    for part in (
        "local://tickets?version=1&split=train: registered",
        "1,500 rows, 9 fields",
        "amount numeric feature, in EUR",
        "code categorical feature",
        "urgent categorical prediction",
        "times in opened: 2026-01-01 00:00:00 to 2026-03-04 11:00:00 UTC",
        "label in solved: kept beside the fields, not watched",
        "left out: notes (list<",
        "baseline: {source: \"local://tickets?version=1&split=train\", time_column: 'opened'}",
    ):
        assert part in said


def test_a_good_table_has_no_warning(tmp_path: Path) -> None:
    """Enough rows with varied columns, a prediction and times with a zone leave nothing to warn of."""
    table = tickets().drop_columns(["notes", "opened"])
    times = pa.array([START + n * HOUR for n in range(ROWS)], pa.timestamp("us", tz="Europe/Berlin"))

    assert () == register(table.append_column("opened", times), tmp_path).warnings


def test_what_will_hurt_later_is_warned_of(tmp_path: Path) -> None:
    """No prediction, few rows, columns without values or with a single one, times nobody named: each has a sentence."""
    table = {
        "x": np.random.default_rng(0).normal(size=200),
        "empty": pa.nulls(200, pa.float64()),
        "nan": pl.Series([float("nan")] * 200),
        "same": [7] * 200,
        "word": [None, "a"] * 100,
        "when": [START] * 200,
    }
    said = warned(table, tmp_path)

    for part in (
        "no prediction: what the model answers cannot be watched",
        "200 rows: drift of a field is judged from 1,000 values on",
        "no value in any row: empty, nan",
        "the same value wherever there is one: same, word;",
        "times in when are kept, and none is taken for that of its row: name its column (`time`)",
    ):
        assert part in said


def test_warnings_are_raised_as_such(tmp_path: Path) -> None:
    """In Python each warning is a UserWarning of the caller's line, and stands in the result, too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = pegel.register({"x": [1.0, 2.0]}, name="x", home=tmp_path)

    assert [*done.warnings] == [str(warning.message) for warning in caught]
    assert {__file__} == {warning.filename for warning in caught}


@pytest.mark.parametrize(
    ("values", "is_id"),
    [
        (np.arange(5_000) * 10, True),
        (np.random.default_rng(0).permutation(5_000), True),
        (np.random.default_rng(0).permutation(5_000).astype(float), True),
        ([f"ticket {n}" for n in range(5_000)], True),
        (np.random.default_rng(0).integers(0, 5_000, 5_000), False),
        (np.random.default_rng(0).permutation(5_000) * 1_000, False),
        (np.random.default_rng(0).normal(size=5_000), False),
        (np.arange(50), False),
        ([f"ticket {n}" for n in [*range(4_999), 0]], False),
        (pa.nulls(5_000, pa.int64()), False),
    ],
)
def test_ids_are_recognised(values: Any, is_id: bool, tmp_path: Path) -> None:
    """Numbers that rise or lie close, and texts, are ids if no row has that of another; others are not."""
    said = warned({"ticket": values, "x": [1.0, 2.0] * (len(values) // 2)}, tmp_path)

    assert is_id == ("another value in every row, as ids have it: ticket;" in said)


@pytest.mark.parametrize(
    ("values", "are_times"),
    [
        ([f"2026-01-{n % 28 + 1:02}T07:00Z" for n in range(200)], True),
        ([None, "2026-01-01"] * 100, True),
        ((["2026-01-01"] * 19 + ["unknown"]) * 10, True),
        (["2026-01-01", "unknown"] * 100, False),
        (["20260101", "20260102"] * 100, False),
        ([None] * 199 + ["word"], False),
    ],
)
def test_text_that_says_times_is_taken_for_times(values: list[str | None], are_times: bool, tmp_path: Path) -> None:
    """Dates with hyphens are times, by profile left out and by register kept beside the fields; few may be none."""
    table = {"at": values, "x": [1.0, 2.0] * 100}
    done = pegel.register(table, name="x", home=tmp_path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        baseline = pegel.profile(table)

    assert are_times == (("at",) == done.data.other_times)
    assert are_times == any("not measured: at (times written as text" in str(one.message) for one in told)
    assert are_times == (["x"] == [feature.field.name for feature in baseline.layout.features])
    assert not any("as ids have it" in warning for warning in done.warnings)


def test_times_that_are_called_categories_stay_such(tmp_path: Path) -> None:
    """A person who names a column as categorical is believed."""
    table = {"due": ["2026-01-01", "2026-02-01"] * 100}
    done = pegel.register(table, name="x", categorical=["due"], home=tmp_path)

    assert ((), ["due"]) == (done.data.other_times, [field.name for field in done.data.schema.fields])


def test_a_csv_is_the_same_whether_pandas_reads_it_or_we_do(tmp_path: Path) -> None:
    """Pandas leaves times as text; what is stored of them is the same."""
    path = as_csv(tickets(), tmp_path)
    ours, theirs = (
        pa.parquet.read_table(pegel.register(table, name=name, home=tmp_path).data.path).column("opened")
        for name, table in (("ours", path), ("theirs", pd.read_csv(path)))
    )

    assert ours.equals(theirs)


def test_what_a_model_takes_is_kept_beside_what_is_measured(tmp_path: Path) -> None:
    """Categories in their order, also those that no row has, further times with their zone, and truth values."""
    channel = pd.Categorical(["mail", "web"] * 100, categories=["web", "mail", "fax"])
    day = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"] * 100))
    frame = pd.DataFrame(
        {
            "channel": channel,
            "level": pd.Categorical([2, 1] * 100, categories=[3, 2, 1]),
            "paid": pd.array([True, None] * 100, dtype="boolean"),
            "opened": day,
            "solved": day.dt.tz_localize("Europe/Berlin"),
        }
    )
    frame.to_parquet(tmp_path / "frame.parquet")
    kept = []
    for version, table in enumerate([frame, tmp_path / "frame.parquet"], 1):
        done = pegel.register(table, name="x", version=version, time="opened", home=tmp_path)
        with opened(done.data.path) as read:
            kept.append({name: read.type_of(name) for name in read.schema.names})
        assert ("opened", ("solved",)) == (done.data.time, done.data.other_times)
        assert "times beside the fields, for models that take them: solved" in str(done)

    # A file keeps of categories that are numbers only the numbers.
    assert kept[0] | {"level": None} == kept[1]
    assert {
        "channel": ["web", "mail", "fax"],
        "level": [3, 2, 1],
        "paid": "truth",
        "opened": "time",
        "solved": "time Europe/Berlin",
    } == kept[0]


def test_so_many_categories_are_texts_like_others(tmp_path: Path) -> None:
    """A column with another category in nearly every row is no list that a model was given."""
    rows = column_type.MOST_CATEGORIES + 1
    table = pa.table({"word": pa.array([f"w{n}" for n in range(rows)]).dictionary_encode(), "x": pa.array(range(rows))})
    done = pegel.register(table, name="x", home=tmp_path)

    with opened(done.data.path) as read:
        assert read.type_of("word") is None


def test_long_categories_are_texts_and_said_to_be(tmp_path: Path) -> None:
    """A file's footer stays of a size that is read in a moment, whatever its categories are, and nothing is lost."""
    long = ["a" * (column_type.MOST_CATEGORIES_CHARACTERS // 2), "b" * (column_type.MOST_CATEGORIES_CHARACTERS // 2)]
    columns = {"long": long * 2, "short": ["red", "blue"] * 2}
    table = pa.table({name: pa.array(texts).dictionary_encode() for name, texts in columns.items()})
    with pytest.warns(UserWarning, match="the categories of long are too long to be kept"):
        done = pegel.register(table, name="x", home=tmp_path)

    with opened(done.data.path) as read:
        assert (None, ["red", "blue"]) == (read.type_of("long"), read.type_of("short"))
        assert long * 2 == [text for block in read.column("long") for text in block.to_pylist()]


def test_times_and_truth_values_are_kept_whatever_room_categories_take(tmp_path: Path) -> None:
    """Where the first column's categories fill the room to the last character, only other categories have none."""
    full = "a" * (column_type.MOST_CATEGORIES_CHARACTERS - len('[""]'))
    table = pa.table(
        {
            "full": pa.array([full] * 2).dictionary_encode(),
            "short": pa.array(["red", "blue"]).dictionary_encode(),
            "is_new": [True, False],
            "at": pa.array([dt.datetime(2026, 3, 1, tzinfo=dt.UTC)] * 2, pa.timestamp("us", tz="Europe/Berlin")),
        }
    )
    with pytest.warns(UserWarning, match="the categories of short are too long to be kept"):
        done = pegel.register(table, name="x", home=tmp_path)

    with opened(done.data.path) as read:
        assert [[full], None, "truth", "time Europe/Berlin"] == [read.type_of(name) for name in table.column_names]


def test_values_of_other_types_are_counted(tmp_path: Path) -> None:
    """What is no category is kept as null and counted; numbers, truth values and texts in one column become text."""
    mixed = [1, "a", True, [1, 2], None, 2.5] * 10
    done = pegel.register({"mixed": mixed, "x": [*range(6)] * 10}, name="x", home=tmp_path)
    stored = pa.parquet.read_table(done.data.path).column("mixed")

    assert ["1", "a", "true", None, None, "2.5"] == stored.to_pylist()[:6]
    assert "mixed: 10 values are no numbers, texts or truth values, and are kept as null" in done.warnings


@pytest.mark.parametrize(
    ("times", "instants", "words"),
    [
        ([dt.date(2026, 1, 1)] * 3, [START] * 3, []),
        (["2026-01-01T01:00+01:00", "2026-01-01 00:00", " 2026-01-01 "], [START] * 3, ["without a zone"]),
        (
            ["2026-01-01T00:00Z", "yesterday", None],
            [START, None, None],
            ["1 rows have no time", "1 values are no times"],
        ),
        (
            pa.array([0, 2**62, None], pa.timestamp("s")),
            [dt.datetime(1970, 1, 1, tzinfo=dt.UTC), None, None],
            ["1 values"],
        ),
        (
            pa.array([-(2**31), 0, 2**31 - 1], pa.date32()),
            [None, dt.datetime(1970, 1, 1, tzinfo=dt.UTC), None],
            ["2 val"],
        ),
        (pa.array([1, 1_999, -1], pa.timestamp("ns", "UTC")), None, ["nanoseconds are kept as microseconds"]),
        ([pd.Timestamp("2026-01-01"), dt.date(2026, 1, 1), np.datetime64("2026-01-01T00")], [START] * 3, ["without a"]),
        ([pd.Timestamp("2026-01-01T01", tz="Europe/Berlin"), pd.NaT, START], [START, None, START], ["1 rows have no"]),
        ([dt.datetime(2999, 1, 1, tzinfo=dt.UTC)] * 3, None, ["2999-01-01 00:00 UTC, is yet to come"]),
        (
            [dt.datetime(1, 1, 1, tzinfo=dt.UTC), START, START],
            [None, START, START],
            ["1 values are no times from 1900"],
        ),
    ],
)
def test_times_of_all_kinds(times: Any, instants: list[Any] | None, words: list[str], tmp_path: Path) -> None:
    """Dates, texts and timestamps of any unit become instants; a row without a usable one is kept and counted."""
    done = pegel.register({"x": [1.0, 2.0, 3.0], "at": times}, name="x", time="at", home=tmp_path)
    stored = pa.parquet.read_table(done.data.path).column("at").to_pylist()

    assert instants in ([*stored], None)
    assert [] == [part for part in words if part not in "\n".join(done.warnings)]


def test_what_the_times_of_one_column_are_taken_for_is_one_warning(tmp_path: Path) -> None:
    """Nanoseconds without a zone are told in one sentence, which names the column once."""
    times = pa.array([1, 2, 3], pa.timestamp("ns"))
    done = pegel.register({"x": [1.0, 2.0, 3.0], "at": times}, name="x", time="at", home=tmp_path)
    (said,) = [warning for warning in done.warnings if warning.startswith("at: ")]

    assert "nanoseconds are kept as microseconds" in said
    assert "times without a zone are taken for UTC" in said


def test_names_that_spark_cannot_tell_apart_are_left_out(tmp_path: Path) -> None:
    """Of names that differ only in case one is kept, of those with a dot or a backtick none; each is told with why."""
    table = {
        "Amount": [1.0, 2.0],
        "amount": [1.0, 2.0],
        "OPENED": [1, 2],
        "a`b": [1, 2],
        "a.b": [1, 2],
        "opened": [START, START],
    }
    done = pegel.register(table, name="x", time="opened", home=tmp_path)

    assert ["Amount"] == [field.name for field in done.data.schema.fields]
    assert [
        "amount (Spark cannot tell it from Amount)",
        "OPENED (Spark cannot tell it from opened)",
        "a`b (Spark cannot read a name with a dot or a backtick: rename it)",
        "a.b (Spark cannot read a name with a dot or a backtick: rename it)",
    ] == [*done.left_out]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "../up"}, "name: expected letters, digits"),
        ({"split": "a b"}, "split: expected letters, digits"),
        ({"name": "n" * 201}, "name: expected letters, digits, `_`, `-` and `.`, at most 200"),
        ({"version": 0}, "version: expected a whole number from 1 on"),
        ({"version": 10**9}, "version: expected at most 999,999,999"),
        (
            {"prediction": "urgentt"},
            r"expected the columns urgentt, given a table without them: nothing was registered\. Did you mean `urgent`",
        ),
        ({"time": "when"}, "expected the columns when, given a table without them: nothing was registered"),
        ({"time": "single"}, "time: expected timestamps, dates, or text such as"),
        ({"table": {"opened": [dt.time(1)], "solved": [1], "urgent": [1]}} | FREE, "which holds time"),
        ({"time": "country"}, "time: expected times, given country without any"),
        ({"label": "notes"}, r"label: expected numbers or categories, given notes \(list<"),
        ({"label": "urgent"}, "label: expected a column beside the fields, given urgent"),
        ({"time": "solved"}, "time: expected a column that is nothing else, given solved"),
        (
            {"table": {"x": []}, "time": None, "label": None, "prediction": ()} | FREE,
            "expected rows of numbers or categories, given 0 rows",
        ),
        (
            {"table": {"opened": [START], "solved": [1], "urgent": [b"x"]}, "categorical": (), "units": None},
            "and 0 such",
        ),
        ({"table": "nowhere.csv"}, "nowhere.csv, which is not there"),
        ({"table": 7}, "expected a path, a mapping"),
    ],
)
def test_what_cannot_be_registered_leaves_nothing(arguments: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """Whatever is wrong is one sentence, and not even a folder is left behind."""
    home = tmp_path / "home"
    with pytest.raises((InvalidSpec, PermanentError), match=sentence):
        register(arguments.get("table", tickets()), home, **{k: v for k, v in arguments.items() if k != "table"})

    assert [] == [*tmp_path.iterdir()]


def test_the_store_of_the_settings_is_written_to(tmp_path: Path) -> None:
    """Where a home says that its feature store lies elsewhere, it is written there."""
    (tmp_path / "settings.json").write_text(f'{{"feature_store": "{tmp_path / "elsewhere"}"}}')
    done = register(tickets(), tmp_path)

    assert [done.data.path] == [*(tmp_path / "elsewhere").rglob("*.parquet")]


def test_groups_of_rows_do_not_depend_on_batches() -> None:
    """Batches of any sizes are cut into the same groups of rows."""
    table = pa.table({"x": range(10_000)})
    drawn = np.random.default_rng(0)

    def cut_anew(most: int) -> list[pa.Table]:
        ends = [0, *np.unique(drawn.integers(0, 10_000, most)).tolist(), 10_000]
        pieces = [table.slice(first, end - first) for first, end in pairwise(ends)]
        batches = (batch for piece in pieces for batch in piece.combine_chunks().to_batches())
        return [*training_file.groups(batches, 1_024)]

    expected = [table.slice(first, 1_024) for first in range(0, 10_000, 1_024)]
    assert [expected] * 3 == [cut_anew(most) for most in (1, 10, 5_000)]


def test_a_home_is_a_folder(tmp_path: Path) -> None:
    """A file where the home should be is refused, and left as it is."""
    (tmp_path / "home").write_text("mine")
    with pytest.raises(InvalidSpec, match="home: expected a folder, given the file"):
        register(tickets(), tmp_path / "home")

    assert "mine" == (tmp_path / "home").read_text()


def test_data_registered_by_other_hands_is_told_of(tmp_path: Path) -> None:
    """A folder of Parquet that nobody described counts as one table; data that is no Parquet is one sentence."""
    table, store = tickets(100).drop_columns(["notes"]), LocalFeatureStore(tmp_path / "features")
    folder = as_parquet(tickets(), tmp_path)
    schema, period = register(table, tmp_path).data.schema, TimeRange(START, START + HOUR)
    told = Registered.read(store, store.register_training_data("hand", 1, folder, schema, period))
    (tmp_path / "text.parquet").write_text("none")
    strange = store.register_training_data("hand", 2, tmp_path / "text.parquet", schema)

    assert (ROWS, schema, period, None, None) == (told.rows, told.schema, told.covered, told.time, told.label)
    assert "times: 2026-01-01 00:00:00 to 2026-01-01 01:00:00 UTC" in str(told)
    with pytest.raises(PermanentError, match="expected Parquet, given"):
        Registered.read(store, strange)
