"""What people have reported of tools like this one, each with the outcome that is right: small inputs, every door."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
from numpy.typing import NDArray

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.decoding import decode_batch
from pegel.errors import InvalidSpec, PermanentError
from pegel.judge.findings import Verdict
from pegel.report.mail_message import Rendered, message
from pegel.spec.monitor_spec import MonitorSpec

pytestmark = pytest.mark.environments("pyarrow", "pandas")

ROWS = 5_000
LABELLED = Schema(
    (
        Field("age", Kind.NUMERIC),
        Field("income", Kind.NUMERIC),
        Field("label", Kind.CATEGORICAL, Role.PREDICTION),
    )
)
SPEC = {"model": {"name": "m", "uri": "u"}, "baseline": {"source": "s"}}


@pytest.fixture
def rng() -> np.random.Generator:
    """A source of draws."""
    return np.random.default_rng(1)


def decoded(body: bytes, schema: Schema, role: Role) -> Columns:
    """Decode one body that can be read."""
    batch = decode_batch([body], schema, role)

    assert {} == batch.errors
    return batch.columns


def changed(now: Any, baseline: Baseline) -> list[tuple[str, str]]:
    """Return the fields that a check shows, each with its verdict; nothing where all is well."""
    report = pegel.check(now, baseline)
    return [(one.feature, one.verdict.value) for one in (*report.features, *report.beyond) if one.verdict != "ok"]


def learnt(data: Any) -> list[str]:
    """Return the columns that a profile learns."""
    return [field.name for field in pegel.profile(data).layout.schema.fields]


def written(path: Path, text: str | bytes) -> str:
    """Write a file and return its path."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_many_evenly_used_categories(rng: np.random.Generator) -> None:
    """Of windows of two thousand devices, each as frequent as the others, no more are drift than the budget allows."""

    def devices(n: int) -> dict[str, list[str]]:
        return {"device": [f"d{i}" for i in rng.integers(0, 2_000, n)]}

    baseline = pegel.profile(devices(20_000))

    assert sum(changed(devices(2_000), baseline) != [] for _ in range(20)) <= 1


def test_mirrored_columns(rng: np.random.Generator) -> None:
    """Of two columns that determine each other exactly, a change in the tenth digit of their correlation is none."""

    def pair(n: int) -> dict[str, NDArray[np.float64]]:
        share = rng.random(n)
        return {"p0": share, "p1": 1 - share}

    baseline = pegel.profile(pair(ROWS))

    assert [[]] * 10 == [changed(pair(1_000), baseline) for _ in range(10)]


def test_a_part_of_a_shuffled_frame(rng: np.random.Generator) -> None:
    """The labels that rows keep in a random part are no feature."""
    frame = pd.DataFrame({"x": rng.normal(size=ROWS)})

    assert [] == changed(frame, pegel.profile(frame.sample(frac=0.8, random_state=0)))


def test_numbers_beside_texts(rng: np.random.Generator) -> None:
    """A column of numbers and texts is a category in a profile; where a number was, its texts are unparseable."""
    mixed = pd.DataFrame({"x": ["n/a", 1.5] * 500})
    baseline = pegel.profile(mixed)
    report = pegel.check(mixed, pegel.profile({"x": rng.normal(size=ROWS)}))

    assert [Kind.CATEGORICAL] == [field.kind for field in baseline.layout.schema.fields]
    assert (Verdict.DRIFT, 500) == (report.verdict, report.summary.features["x"].n_unparseable)


def test_two_columns_of_one_name() -> None:
    """A frame may have two columns of one name; a profile refuses it in one sentence."""
    with pytest.raises(
        PermanentError, match=r"expected one column per name, given several named a: nothing was read\."
    ):
        pegel.profile(pd.DataFrame(np.zeros((9, 2)), columns=["a", "a"]))


def test_a_request_without_a_field() -> None:
    """What a request lacks is a null of that field."""
    columns = decoded(b'{"instances":[{"age":1.0}]}', LABELLED, Role.FEATURE)

    assert columns.missing is not None
    assert [[Missing.PRESENT, Missing.NULL]] == columns.missing.tolist()


@pytest.mark.parametrize(("predictions", "labels"), [([1, 0], ["1", "0"]), ([True, False], ["true", "false"])])
def test_class_labels_that_are_no_text(predictions: list[Any], labels: list[str]) -> None:
    """A label sent as a number or a truth value is the category that it is written as, as in a baseline."""
    columns = decoded(json.dumps({"predictions": predictions}).encode(), LABELLED, Role.PREDICTION)

    assert (labels, None) == (columns.categorical[0].tolist(), columns.unparseable[0])


def test_a_flat_tensor_of_predictions() -> None:
    """A tensor of shape `[2]` is two rows of the one prediction, whatever the model server calls it."""
    schema = Schema((Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC, Role.PREDICTION)))
    tensor = {"name": "output-0", "shape": [2], "datatype": "INT64", "data": [1, 1]}

    assert [[1.0], [1.0]] == decoded(
        json.dumps({"outputs": [tensor]}).encode(), schema, Role.PREDICTION
    ).numeric.tolist()


def test_truth_values_as_labels_and_numbers_as_answers(rng: np.random.Generator) -> None:
    """A classifier that answers 1 where the label is true never errs."""
    label = rng.random(ROWS) < 0.3
    baseline = pegel.profile({"y": label, "p": label.astype(int)}, label="y", answer="p")

    assert baseline.performance is not None
    assert 0 == baseline.performance.errors


def test_a_line_break_in_the_name_of_a_feature() -> None:
    """Headers of spreadsheets have line breaks: a mail's subject has a blank in their place."""
    mail = message(
        [Rendered("[pegel] m v1: Umsatz\n(EUR) is drifting", "t", "<p>t</p>", None)],
        sender="a@b.org",
        recipient="c@d.org",
        now=datetime.now(UTC),
    )

    assert "[pegel] m v1: Umsatz (EUR) is drifting" == mail["Subject"]


PRICES = [9.99, 19.95, 0.1]
CODES = list(range(10**15, 10**15 + 5))


@pytest.mark.parametrize(
    ("values", "before", "now", "categorical"),
    [
        (PRICES, "float64", "float32", False),
        (PRICES, "float32", "float64", False),
        ([True, False], "bool", "int64", False),
        ([True, False], "int64", "bool", False),
        ([True, False], "bool", "float64", False),
        ([True, False], "bool", "str", False),
        (CODES, "int64", "float64", True),
        (CODES, "int64", "str", True),
    ],
)
def test_the_same_value_in_another_type(
    rng: np.random.Generator, values: list[Any], before: str, now: str, categorical: bool
) -> None:
    """A value is the same in whatever type it comes: numbers of half the width, truth values as numbers, codes."""
    training, today = (
        np.array(values)[np.arange(n) % len(values)].astype(kind) for n, kind in ((3_000, before), (1_500, now))
    )
    baseline = pegel.profile({"x": training}, categorical=["x"] if categorical else [])

    assert [] == changed({"x": today}, baseline)


def test_semicolons(tmp_path: Path) -> None:
    """A file with semicolons has as many columns as it looks to have."""
    text = "price;city\n" + "".join(f"{i % 9};c{i % 3}\n" for i in range(2_000))

    assert ["price", "city"] == learnt(written(tmp_path / "x.csv", text))


def test_line_breaks_in_quotes(tmp_path: Path) -> None:
    """Texts of several lines tear no row apart."""
    text = "t\n" + ('"' + "x" * 900 + '\nb"\n') * 6_000

    assert 6_000 == pegel.profile(written(tmp_path / "x.csv", text)).rows


def test_letters_that_are_not_unicode(tmp_path: Path) -> None:
    """A file in another encoding is refused by name; none of its columns is left out in silence."""
    path = written(tmp_path / "x.csv", "price,city\n1,Köln\n".encode("latin-1"))
    with pytest.raises(PermanentError, match=r"expected text in UTF-8.*x\.csv"):
        pegel.profile(path)


def test_folders_named_by_keys(tmp_path: Path, rng: np.random.Generator) -> None:
    """What `country=DE` says of all rows below it is a column."""
    table = pa.table({"x": rng.normal(size=2_000), "country": rng.choice(["DE", "FR"], 2_000)})
    keys = pyarrow.dataset.partitioning(pa.schema([("country", pa.string())]), flavor="hive")
    pyarrow.dataset.write_dataset(table, tmp_path, format="parquet", partitioning=keys)

    assert ["x", "country"] == learnt(str(tmp_path))


def test_an_index_in_parquet(tmp_path: Path, rng: np.random.Generator) -> None:
    """An index that pandas wrote along is no column."""
    pd.DataFrame({"x": rng.normal(size=ROWS)}).sample(frac=0.8).to_parquet(tmp_path / "x.parquet")

    assert ["x"] == learnt(str(tmp_path / "x.parquet"))


def test_files_that_differ_in_what_nobody_watches(tmp_path: Path) -> None:
    """A column that is text in one file and a number in the next stands in nobody's way unless it is watched."""
    written(tmp_path / "a.csv", "x,note\n" + "1,a\n2,a\n" * 1_000)
    written(tmp_path / "b.csv", "x,note\n" + "1,7\n2,7\n" * 1_000)

    assert [] == changed(str(tmp_path), pegel.profile({"x": [1, 2] * 1_000}))


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["a", "b"])])
def test_categories_of_polars(kind: Any) -> None:
    """What polars calls a category or an enumeration is a category."""
    frame = pl.DataFrame({"c": ["a", "b"] * ROWS}).with_columns(pl.col("c").cast(kind))

    assert [ROWS, ROWS] == sorted(pegel.profile(frame).summary.features["c"].cells.tolist())[-2:]


def test_integers_of_any_length() -> None:
    """An integer beyond 64 bits is the nearest float."""
    assert 2.0**70 == pegel.profile({"x": [2**70, 1] * 1_000}).summary.features["x"].max


def test_nothing_as_pandas_writes_it() -> None:
    """`pd.NA` among values of several types is a null."""
    feature = pegel.profile({"x": [pd.NA, 1, "a"] * 1_000}).summary.features["x"]

    assert (1_000, 2_000) == (feature.n_null, feature.counted)


def test_a_compressed_file_that_ends_early(tmp_path: Path) -> None:
    """A file that was cut off in transit is refused in one sentence, with its name."""
    path = written(tmp_path / "x.csv.gz", gzip.compress(b"a\n" + b"1\n" * 9_000)[:-10])
    with pytest.raises(PermanentError, match=r"given .*x\.csv\.gz: .* Nothing was read\."):
        pegel.profile(path)


def test_words_that_a_spec_takes_as_written() -> None:
    """A budget in one phrase and one address where a list may stand are taken; what a file says twice is not."""
    spec = MonitorSpec.parse(SPEC | {"false_alarms": "1 per week", "alerts": {"emails": "a@b.org"}})

    assert (1.0, "week", ("a@b.org",)) == (spec.false_alarms.count, spec.false_alarms.per, spec.alerts.emails)
    with pytest.raises(InvalidSpec, match="'model' stands twice"):
        MonitorSpec.from_yaml("model: {name: a, uri: u}\nbaseline: {source: s}\nmodel: {name: b, uri: u}\n")


def test_a_version_with_a_leading_zero() -> None:
    """`010` is ten, in no case the eight that YAML takes it for."""
    assert "a/10" == MonitorSpec.from_yaml("model: {name: a, uri: u, version: 010}\nbaseline: {source: s}\n").key
