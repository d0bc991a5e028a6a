"""A baseline of training data in Hopsworks: the files that its registry means, counted as it counted them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from hopsworks_world import World, of_a_test

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec, NotFound, PermanentError, SetupError
from pegel.featurestore.hopsworks.training_data import HopsworksTrainingData
from pegel.featurestore.stored_table import StoredTable, TableFormat
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.job_results import JobEnd, JobResults
from pegel.testing.hopsworks import Contents
from pegel.testing.samples import brief_spec, deployed
from pegel_spark import training_table
from pegel_spark.baseline_job import build, profile
from pegel_spark.jobs import baseline as launcher
from pegel_spark.launched_job import REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 400
SOURCE = "hopsworks://demo/txn_view/1"
PATH = "featureview/txn_view/version/1/trainingdatasets/version/1"


def transactions() -> pa.Table:
    """Return rows of the feature view of the tests, with some amounts missing."""
    rng = np.random.default_rng(3)
    amounts = pa.array(rng.gamma(2.0, 30.0, ROWS), mask=rng.random(ROWS) < 0.05)
    return pa.table(
        {
            "id": np.arange(ROWS),
            "amount": amounts,
            "shop": rng.choice(["books", "food"], ROWS),
            "paid_at": pa.array([NOW + timedelta(minutes=n) for n in range(ROWS)], pa.timestamp("us", "UTC")),
            "fraud": pa.array(rng.integers(0, 2, ROWS), pa.int32()),
        }
    )


def write(table: pa.Table, folder: Path) -> None:
    """Write rows as the files of a training dataset."""
    folder.mkdir(parents=True)
    for number, rows in enumerate((table.slice(0, 150), table.slice(150))):
        pq.write_table(rows, folder / f"part-{number}.parquet")


def statistics(table: pa.Table, **changed: Any) -> dict[str, Any]:
    """Return what Hopsworks' own profiler says of the amounts."""
    amounts = table.column("amount").drop_null().to_numpy()
    said = {"count": ROWS, "numNonNullValues": amounts.size, "numNullValues": ROWS - amounts.size}
    said |= {"mean": amounts.mean(), "stdDev": amounts.std(), "min": amounts.min(), "max": amounts.max()}
    amount = {"featureName": "amount", "featureType": "Fractional", **said, **changed}
    shop = {"featureName": "shop", "featureType": "String", "count": ROWS, "numNonNullValues": ROWS}
    split = {"name": "train", "featureDescriptiveStatistics": [amount, shop]}
    return {"computationTime": 1, "rowPercentage": 1.0, "beforeTransformation": False, "splitStatistics": [split]}


@pytest.fixture
def hopsworks(tmp_path: Path) -> Iterator[World]:
    """A Hopsworks whose training dataset has files."""
    with of_a_test(tmp_path) as started:
        assert started.server is not None
        dataset = started.server.contents.training_datasets["txn_view", 1][0]
        write(transactions(), Path(dataset["location"]) / "train")
        yield started


@pytest.fixture
def contents(hopsworks: World) -> Contents:
    """What that Hopsworks holds."""
    assert hopsworks.server is not None
    return hopsworks.server.contents


@pytest.fixture
def settings(hopsworks: World) -> Settings:
    """Settings of a job that asks it."""
    there = hopsworks.connection
    return Settings(hopsworks=there.address, hopsworks_key_file=there.key_file, hopsworks_ca=there.ca)


def spec(query: str = "", **changes: Any) -> MonitorSpec:
    """Return a wish to watch the model of the tests."""
    return brief_spec(
        model={"name": "fraud", "uri": "file:///nowhere"}, baseline={"source": f"{SOURCE}{query}"}, **changes
    )


def test_the_fields_are_the_features_in_their_order(settings: Settings) -> None:
    """Labels, keys and event times are no fields; a column named as predictions is one, last."""
    plain = HopsworksTrainingData.of(spec(), settings).describe(SOURCE)
    named = HopsworksTrainingData.of(spec("?predictions=fraud"), settings)

    features = (Field("amount", Kind.NUMERIC), Field("shop", Kind.CATEGORICAL))
    assert Schema(features) == plain
    assert Schema((*features, Field("fraud", Kind.NUMERIC, Role.PREDICTION))) == named.describe(SOURCE)


def test_a_baseline_of_hopsworks_is_that_of_the_same_rows_here(
    world: Any, spark: Any, settings: Settings, contents: Contents, tmp_path: Path
) -> None:
    """Files behind Hopsworks and a registered file of the same rows are one baseline; both counted alike."""
    contents.add_statistics(PATH, statistics(transactions()))
    there = HopsworksTrainingData.of(spec("?td=1&split=train"), settings)
    pq.write_table(transactions(), tmp_path / "here.parquet")
    world.store.register_training_data("here", 1, tmp_path / "here.parquet", there.describe(SOURCE))
    here = spec().model_copy(update={"baseline": spec().baseline.model_copy(update={"source": "local://here"})})

    made = profile(spark, spec(), there, world.baselines, now=NOW, remarks=there.remarks)

    assert (build(spark, here, world.store, now=NOW).id, ROWS, []) == (made.baseline_id, made.rows, made.remarks)
    assert {"amount", "shop", "paid_at"} == {field["name"] for field in made.request_row}


def test_other_rows_than_were_counted_are_refused(
    world: Any, spark: Any, settings: Settings, contents: Contents
) -> None:
    """Files that somebody changed make no baseline: the sentence has both numbers, and nothing is kept."""
    contents.add_statistics(PATH, statistics(transactions(), numNonNullValues=ROWS - 1))
    there = HopsworksTrainingData.of(spec(), settings)

    with pytest.raises(
        PermanentError, match=r"training dataset 1 \(split train\).*amount: 399 by Hopsworks, 3\d\d read"
    ):
        profile(spark, spec(), there, world.baselines, now=NOW, remarks=there.remarks)

    assert None is world.baselines.current("fraud", 1)


@pytest.mark.parametrize(
    ("query", "model", "said"),
    [
        ("?td=2", {}, "says that fraud of version 1 was trained with training dataset 1; given td=2"),
        ("?td=1&split=validation", {}, "training dataset 1 has no split validation; its splits are train, test"),
        (
            "",
            {"trainingDatasetVersion": None},
            "does not say with which training dataset of which feature view fraud of version 1 was trained",
        ),
        ("", {"featureView": None}, "does not say with which training dataset of which feature view fraud"),
        ("?td=1", {"featureView": None}, "does not say with which training dataset of which feature view fraud"),
        (
            "",
            {"featureView": {"name": "other", "version": 3}},
            "feature view other of version 3; given txn_view of version 1",
        ),
        ("?predictions=shops", {}, "shops, which is not there; did you mean `shop`?"),
    ],
)
def test_training_data_of_another_version_are_refused(
    settings: Settings, contents: Contents, query: str, model: dict[str, Any], said: str
) -> None:
    """A training dataset that the registry does not name for this model, or that has no such split, is refused."""
    contents.models[0] |= model

    with pytest.raises(InvalidSpec) as raised:
        HopsworksTrainingData.of(spec(query), settings).describe(SOURCE)

    assert said in str(raised.value)
    assert str(raised.value).endswith("No baseline was built.")


def test_a_model_that_the_registry_does_not_know_is_refused(settings: Settings) -> None:
    """Without the registry nobody can say what a model was trained with; a model of another name there is named."""
    with pytest.raises(NotFound, match="knows no model fraud of version 2, so nobody can say with which data"):
        HopsworksTrainingData.of(spec("").model_copy(update={"model": replace_version(2)}), settings)

    assert 1 == HopsworksTrainingData.of(spec("?model=fraud"), settings).dataset.version


def of_deployment(**model: Any) -> MonitorSpec:
    """Return a wish to watch the deployment of the tests."""
    section = deployed("fraud", "fraud-inference", served_name="fraud") | model
    return brief_spec(model=section, baseline={"source": SOURCE})


def test_a_deployment_is_the_one_that_the_spec_means(settings: Settings, contents: Contents) -> None:
    """The deployment that serves the model and logs to the topic is accepted; one that logs half of it is told."""
    whole = HopsworksTrainingData.of(of_deployment(), settings).of_deployment
    contents.deployments[0]["inferenceLogging"] = "PREDICTIONS"
    half = HopsworksTrainingData.of(of_deployment(), settings).of_deployment

    told = "Hopsworks says that deployment fraud logs PREDICTIONS alone: the other half is not watched"
    assert ((), (told,)) == (whole, half)


@pytest.mark.parametrize(
    ("model", "deployment", "said"),
    [
        (
            {"topic": "other"},
            {},
            "deployment fraud logs to fraud-inference; given other",
        ),
        ({}, {"modelVersion": 2}, "model: Hopsworks says that deployment fraud serves fraud/2; given fraud/1"),
        (
            {},
            {"modelName": "Other_One"},
            "deployment fraud serves other-one/1; given fraud/1",
        ),
        ({}, {"inferenceLogging": "NONE"}, "model.topic: Hopsworks says that deployment fraud logs nothing"),
    ],
)
def test_another_deployment_is_refused(
    settings: Settings, contents: Contents, model: dict[str, str], deployment: dict[str, Any], said: str
) -> None:
    """Of another model or version, or with another topic or none, it is refused with what Hopsworks says."""
    contents.deployments[0] |= deployment

    with pytest.raises(InvalidSpec) as raised:
        HopsworksTrainingData.of(of_deployment(**model), settings)

    assert said in str(raised.value)


def test_a_deployment_that_is_not_there_is_named(settings: Settings) -> None:
    """The sentence names what was looked for, and where."""
    with pytest.raises(NotFound, match="has no deployment nowhere"):
        HopsworksTrainingData.of(of_deployment(served_name="nowhere"), settings)


def replace_version(version: int) -> Any:
    """Return the model of the tests in another version."""
    return spec().model.model_copy(update={"version": version})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"location": ""}, "was made in memory and is in no file"),
        ({"dataFormat": "csv"}, "is kept as csv; expected one of"),
    ],
)
def test_data_in_no_file_of_types_are_refused(
    settings: Settings, contents: Contents, changed: dict[str, str], said: str
) -> None:
    """What was made in memory, or is text, is refused with what helps."""
    contents.training_datasets["txn_view", 1][0] |= changed

    with pytest.raises(InvalidSpec, match=said):
        HopsworksTrainingData.of(spec(), settings).read_training_data(SOURCE)


def test_files_where_spark_does_not_come_are_told(spark: Any, tmp_path: Path) -> None:
    """A file system that Spark does not know, and an empty place, are sentences."""
    with pytest.raises(SetupError, match="could not read hopsfs://namenode/td, because it has no library"):
        training_table.read(spark, StoredTable("hopsfs://namenode/td"))
    with pytest.raises(NotFound, match="Spark finds none"):
        training_table.read(spark, StoredTable(str(tmp_path / "none")))
    with pytest.raises(NotFound, match="holds no table of Delta"):
        training_table.read(spark, StoredTable(str(tmp_path / "none"), TableFormat.DELTA))


def test_a_table_of_delta_is_what_its_log_says(spark: Any, tmp_path: Path) -> None:
    """Rows that were overwritten or deleted are not read, and columns that divide a table keep their types."""
    import deltalake

    place = str(tmp_path / "table")
    first = pa.table({"amount": [1.0, 2.0, 3.0], "day": ["01", "01", "02"], "late": [True, False, True]})
    deltalake.write_deltalake(place, first, partition_by=["day"])
    deltalake.write_deltalake(place, first, mode="overwrite")
    deltalake.DeltaTable(place).delete("amount = 2.0")

    frame = training_table.read(spark, StoredTable(place, TableFormat.DELTA))

    assert [("amount", "double"), ("day", "string"), ("late", "boolean")] == frame.dtypes
    assert [(1.0, "01", True), (3.0, "02", True)] == sorted(tuple(row) for row in frame.collect())


def written_delta(place: Path, *actions: dict[str, Any], mapped: str = "") -> StoredTable:
    """Write a table of Delta, then what a log says of it after that; `mapped` gives its columns other names in files.

    No writer of Delta in Python does that: the log's lines are those of Spark's.
    """
    import deltalake

    deltalake.write_deltalake(str(place), pa.table({"amount": [1.0, 2.0]}))
    log = place / "_delta_log"
    lines = map(json.loads, (log / f"{0:020}.json").read_text().splitlines())
    (meta,) = (line["metaData"] for line in lines if "metaData" in line)
    if mapped:
        schema = json.loads(meta["schemaString"])
        named = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}
        schema["fields"][0]["metadata"] = named
        meta["schemaString"] = json.dumps(schema)
        meta["configuration"] = {"delta.columnMapping.mode": mapped, "delta.columnMapping.maxColumnId": "1"}
    (log / f"{1:020}.json").write_text("\n".join(json.dumps(each) for each in ({"metaData": meta}, *actions)))
    return StoredTable(str(place), TableFormat.DELTA)


@pytest.mark.parametrize("mode", ["name", "id"])
def test_columns_of_other_names_in_files_are_refused(spark: Any, tmp_path: Path, mode: str) -> None:
    """A table of reader version 2 may map its columns, and says so among its properties alone: read, all are null."""
    table = written_delta(tmp_path / "table", {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, mapped=mode)

    with pytest.raises(InvalidSpec, match=rf"uses columnMapping \({mode}\), so its files do not say what its rows are"):
        training_table.read(spark, table)


@pytest.mark.parametrize("feature", ["deletionVectors", "typeWidening", "typeWidening-preview"])
def test_features_by_which_files_are_not_the_rows_are_refused(spark: Any, tmp_path: Path, feature: str) -> None:
    """What a reader must know to read the rows is refused, also under its name before it was final."""
    features = {"readerFeatures": [feature], "writerFeatures": [feature]}
    table = written_delta(tmp_path / "table", {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}})

    with pytest.raises(InvalidSpec, match=f"uses {feature}, so its files"):
        training_table.read(spark, table)


def test_the_job_says_in_a_sentence_what_hopsworks_refuses(
    hopsworks: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The launcher asks Hopsworks before Spark starts; a refusal is its result, and the key is in none of it."""
    there, url = hopsworks.connection, f"sqlite:///{tmp_path / 'results.db'}"
    given = {"HOPSWORKS": there.address, "HOPSWORKS_KEY_FILE": there.key_file, "HOPSWORKS_CA": there.ca}
    for name, value in (given | {"DATABASE_URL": url}).items():
        monkeypatch.setenv(f"PEGEL_{name}", str(value))
    engine = connect(url)
    give_tables(engine)

    code = launcher.main(["--spec", json.dumps(spec("?td=9").to_json()), "--id", "a-run"])

    result = JobResults(engine).take("a-run")
    assert (REFUSED, JobEnd.REFUSED) == (code, result and result.state)
    out, err = capsys.readouterr()
    assert "was trained with training dataset 1; given td=9" in err
    assert there.key() not in out + err
