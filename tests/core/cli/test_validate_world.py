"""`pegel validate` looks at the world where a system is up: folder, training data, fields; all problems at once."""

from __future__ import annotations

import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from pegel.cli.main import main
from pegel.data.columns import Field, Kind, Schema
from pegel.featurestore import LocalFeatureStore
from pegel.spec.model_files import METADATA_FILE, MODEL_FILE
from pegel.spec.settings import AIRFLOW_DATABASE, SETTINGS_FILE

pytestmark = pytest.mark.environments("pyarrow")

FIELDS = ("length", "width", "colour")


def describe(folder: Path, features: tuple[str, ...] = ("length", "opened"), **changes: Any) -> None:
    """Write what a folder says of its model, version 1 of tickets."""
    schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in features)).to_json()
    content = {"name": "tickets", "version": 1, "schema": schema} | changes
    (folder / METADATA_FILE).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that is up, with a model's folder, one where none may be, and registered training data."""
    home = tmp_path / "home"
    home.mkdir()
    for folder in (tmp_path / "models" / "tickets", home / "model"):
        folder.mkdir(parents=True)
        (folder / MODEL_FILE).touch()
        describe(folder)
    settings = {"model_roots": str(tmp_path / "models")}
    (home / SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")
    table = tmp_path / "train.parquet"
    parquet.write_table(pa.table({name: [1.0] for name in (*FIELDS, "opened")}), table)
    schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in FIELDS))
    LocalFeatureStore(home / "features").register_training_data("tickets", 1, table, schema)
    return home


def validate(home: Path, capsys: pytest.CaptureFixture[str], **changes: Any) -> tuple[object, list[str]]:
    """Validate a spec that fits the home but for `changes`; return exit code and lines of standard error."""
    spec = {
        "model": {"name": "tickets", "uri": str(home.parent / "models" / "tickets")},
        "baseline": {"source": "local://tickets?version=1&split=train"},
    }
    file = home.parent / "spec.json"
    file.write_text(json.dumps(spec | changes), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["validate", str(file), "--home", str(home)])
    return ended.value.code, capsys.readouterr().err.splitlines()


def at(home: Path, *parts: str) -> dict[str, Any]:
    """Return a model whose folder is below the home's parent."""
    return {"name": "tickets", "uri": str(home.parent.joinpath(*parts))}


def test_what_is_there_is_valid(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spec whose folder, data and fields are there has no problem."""
    assert (0, []) == validate(home, capsys, watch={"features": ["length", "colour"]})


def test_a_wrong_file_hides_nothing_of_the_world(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be read of a wrong spec is looked at, and everything is said at once."""
    code, lines = validate(
        home,
        capsys,
        model={"name": "A_B", "uri": "models/ticket"},
        baseline={"source": "local://ticket?version=1", "utc_offset": 99},
        wach={"featurs": ["lenght"], "detectors": ["medain"]},
        alerts=7,
    )
    folder = f"given '{home.parent / 'models' / 'ticket'}': expected a folder of this machine"
    starts = [
        "wach: unknown field; did you mean `watch`?",
        "wach.featurs: unknown field; did you mean `features`?",
        "model.name: given 'A_B': must be lower case",
        "baseline.utc_offset: given '99':",
        "alerts: given '7': expected a mapping of fields",
        "watch.detectors: given 'medain'",
        f"model.uri: {folder}; there is none; did you mean `tickets`?",
        "baseline.source: ",
    ]

    assert (2, starts) == (code, [line[: len(start)] for line, start in zip(lines, starts, strict=True)])


def test_features_of_a_wrong_file_are_looked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong window keeps nobody from hearing that a watched field is misspelt."""
    code, lines = validate(home, capsys, windowing={"length": "x"}, watch={"features": ["lenght"]})

    assert (2, 2) == (code, len(lines))
    assert lines[1].startswith("watch.features: given 'lenght': local://tickets?version=1&split=train has no such")


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ((MODEL_FILE,), "no model.joblib"),
        ((METADATA_FILE,), "no metadata.json, which `pegel model init` writes"),
        ((MODEL_FILE, METADATA_FILE), "no model.joblib and no metadata.json, which `pegel model init` writes"),
    ],
    ids=["model", "metadata", "both"],
)
def test_a_folder_without_a_model_is_none(
    home: Path, capsys: pytest.CaptureFixture[str], gone: tuple[str, ...], said: str
) -> None:
    """A folder that lacks what is served is refused with the names of what it lacks."""
    for name in gone:
        (home.parent / "models" / "tickets" / name).unlink()
    code, lines = validate(home, capsys)

    assert (2, 1) == (code, len(lines))
    assert lines[0].endswith(f": expected a folder of this machine; this one holds {said}")


def test_a_folder_of_another_model_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name, version and features of the folder's own file are compared with the spec and the training data."""
    folder = home.parent / "models" / "tickets"
    describe(folder, ("length", "amount", "age"), name="loans", version=7)
    source = "local://tickets?version=1&split=train"
    absent = f"the model takes amount, age, which {source} does not have; there are length, width, colour, opened"
    wrong = [
        f"model.name: given 'tickets': metadata.json in {folder} says 'loans'; correct one of the two",
        f"model.version: given 1: metadata.json in {folder} says 7; correct one of the two",
        f"baseline.source: {absent}",
    ]

    assert (2, wrong) == validate(home, capsys)


def test_a_feature_that_is_nearly_a_column_is_asked_about(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong spec is compared as well, and what its model is misspelt to take is answered by the nearest column."""
    describe(home.parent / "models" / "tickets", ("lenght", "width"), version=2)
    code, (unknown, version, features) = validate(home, capsys, namspace="shop")

    assert (2, True) == (code, unknown.endswith("did you mean `namespace`? Correct its name or remove it"))
    assert version.startswith("model.version: given 1: ")
    assert features.startswith("baseline.source: the model takes lenght, which ")
    assert features.endswith("; did you mean `length`?")


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{}", '{"name": "tickets", "version": 1, "schema": 7}', "[" * 99_999]
)
def test_a_folder_that_says_nothing_of_its_model_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """A damaged file is one sentence, with the command that says more."""
    folder = home.parent / "models" / "tickets"
    (folder / METADATA_FILE).write_text(content, encoding="utf-8")
    code, (line,) = validate(home, capsys)

    assert (2, True) == (code, line.startswith(f"model.uri: metadata.json in {folder} cannot be read ("))
    assert line.endswith(f"; see `pegel model check {folder}`")


def test_all_problems_are_told_at_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown detector, missing folder and mistyped field: a line each, with the nearest name."""
    watch = {"features": ["lenght", "width", "zzz"], "detectors": ["medain"]}
    code, lines = validate(home, capsys, model=at(home, "models", "tikets"), watch=watch)
    detector, folder, misspelt, unknown = lines

    assert 2 == code
    assert "watch.detectors: given 'medain'" in detector
    assert "Did you mean `median`?" in detector
    assert folder.startswith("model.uri: given ")
    assert folder.endswith("expected a folder of this machine; there is none; did you mean `tickets`?")
    assert misspelt.startswith("watch.features: given 'lenght'")
    assert misspelt.endswith("did you mean `length`?")
    assert unknown.endswith("there are length, width, colour")


def test_a_model_that_is_at_no_address_hides_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be taken apart is a problem beside those of the file and of the world."""
    model = {"name": "tickets", "uri": "http://[::1"}
    code, lines = validate(home, capsys, model=model, namspace="shop", watch={"features": ["lenght"]})
    unknown, address, misspelt = lines

    assert 2 == code
    assert unknown.endswith("namspace: unknown field; did you mean `namespace`? Correct its name or remove it")
    assert address.startswith("model.uri: given 'http://[::1': is no address (")
    assert misspelt.endswith("did you mean `length`?")


@pytest.mark.parametrize(("column", "expected"), [("opened", 0), ("opend", 2)])
def test_a_column_of_times_need_not_be_a_field(
    home: Path, capsys: pytest.CaptureFixture[str], column: str, expected: int
) -> None:
    """The column of times is looked up in the data itself; a mistyped one is answered by the nearest."""
    baseline = {"source": "local://tickets?version=1&split=train", "time_column": column}
    code, lines = validate(home, capsys, baseline=baseline)
    sentence = "baseline.time_column: given 'opend': local://tickets?version=1&split=train has no such column; "

    assert (expected, [f"{sentence}did you mean `opened`?"] * (expected == 2)) == (code, lines)


def test_data_that_are_no_parquet_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A spoiled file of the feature store ends in one sentence."""
    (data,) = (home / "features" / "training" / "tickets" / "1").glob("*.parquet")
    data.write_bytes(b"spoiled")
    baseline = {"source": "local://tickets?version=1&split=train", "time_column": "opened"}
    (code, (line,)) = validate(home, capsys, baseline=baseline)

    assert 2 == code
    assert line.startswith(
        "baseline.source: what is registered as local://tickets?version=1&split=train cannot be read"
    )


def test_a_folder_outside_the_allowed_ones_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What onboarding would refuse is refused here."""
    (code, (line,)) = validate(home, capsys, model=at(home, "home", "model"))

    assert 2 == code
    assert "expected a model below PEGEL_MODEL_ROOTS" in line


def test_a_file_is_no_folder(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of a model in the place of its folder is named as such."""
    (home.parent / "models" / "model.pkl").write_bytes(b"")
    (code, (line,)) = validate(home, capsys, model=at(home, "models", "model.pkl"))

    assert 2 == code
    assert line.endswith("expected a folder of this machine; it is a file")


def test_data_that_nobody_registered_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reference to nothing says where was looked, with the nearest there is, and the fields are not guessed at."""
    baseline = {"source": "local://tickets?version=2&split=train"}
    (code, (line,)) = validate(home, capsys, baseline=baseline, watch={"features": ["lenght"]})

    assert 2 == code
    assert "baseline.source: the feature store in" in line
    assert (
        "knows no training data local://tickets?version=2&split=train; did you mean `local://tickets?version=1&" in line
    )


def test_a_damaged_registration_is_one_sentence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A torn file of the feature store ends in no traceback."""
    (home / "features" / "training" / "tickets" / "1" / "train.json").write_text('{"data": "x"', encoding="utf-8")
    (code, (line,)) = validate(home, capsys)

    assert 2 == code
    assert line.startswith("baseline.source: ")
    assert "local://tickets?version=1&split=train" in line


def test_a_model_of_another_platform_is_not_looked_at(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A place in an object store is no folder of this machine, unless another platform than this machine serves it."""
    model = {"name": "tickets", "uri": "s3://bucket/tickets"}
    (home / SETTINGS_FILE).write_text("{}", encoding="utf-8")
    refusal = "model.uri: given 's3://bucket/tickets': expected a folder of this machine; this names none"

    assert (2, [refusal]) == validate(home, capsys, model=model)

    (home / SETTINGS_FILE).write_text(json.dumps({"serving_backend": "elsewhere:Backend"}), encoding="utf-8")

    assert (0, []) == validate(home, capsys, model=model)


def test_what_is_no_reference_is_told_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The store's own sentence about a reference has its field already."""
    (code, (line,)) = validate(home, capsys, baseline={"source": "tickets"})

    assert (2, True) == (code, line.startswith("baseline.source: given 'tickets': expected STORE://NAME"))


def test_another_feature_store_is_not_here(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """References to a store that nobody knows, and those that Hopsworks could not hold, are refused."""
    (code, (line,)) = validate(home, capsys, baseline={"source": "feast://tickets?version=1&split=train"})
    (other_code, (other,)) = validate(home, capsys, baseline={"source": "hopsworks://tickets?version=1"})

    assert (2, 2) == (code, other_code)
    assert "knows no training data feast://tickets?version=1&split=train" in line
    assert "expected hopsworks://PROJECT/FEATURE_VIEW/VERSION?td=3&split=train" in other


def test_training_data_in_hopsworks_are_for_the_baseline_job(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The client of Hopsworks is where jobs run: a reference is accepted, and what was not looked at is said."""
    file = home.parent / "spec.json"
    code, lines = validate(home, capsys, baseline={"source": "hopsworks://demo/tickets/1?td=2"})
    with pytest.raises(SystemExit):
        main(["validate", str(file), "--home", str(home)])

    assert (0, []) == (code, lines)
    said = " ".join(capsys.readouterr().out.split())
    assert "not looked at: training data and fields, which lie in Hopsworks: the baseline job looks there" in said


def test_a_table_is_for_the_baseline_job(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table is accepted, and what was not looked at is said; a database that the file does not name is told."""
    file = home.parent / "spec.json"
    code, lines = validate(home, capsys, baseline={"source": "delta:s3a://bucket/flights?version=3"})
    with pytest.raises(SystemExit):
        main(["validate", str(file), "--home", str(home)])
    said = " ".join(capsys.readouterr().out.split())
    (home / "databases").write_text("[shops]\nurl = jdbc:derby:/shop", encoding="utf-8")
    (home / SETTINGS_FILE).write_text(json.dumps({"databases_file": str(home / "databases")}), encoding="utf-8")
    refused, (line,) = validate(home, capsys, baseline={"source": "jdbc://shop/flights?without=id"})

    assert (0, [], 2) == (code, lines, refused)
    assert "training data and fields, which lie in a table (s3a://bucket/flights): the baseline job looks" in said
    assert "names no database shop; did you mean `shops`?" in line


def test_without_a_system_only_the_spec_is_read(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no system is up, a folder of another machine is no problem, and what was left out is said."""
    (home / SETTINGS_FILE).unlink()
    file = home.parent / "spec.json"
    validate(home, capsys, model=at(home, "nowhere"))
    with pytest.raises(SystemExit) as ended:
        main(["validate", str(file), "--home", str(home)])

    assert 0 == ended.value.code
    said = " ".join(capsys.readouterr().out.split())
    assert "not looked at: the model's folder or server, training data, fields" in said


def test_a_mail_server_that_is_away_is_told_with_its_address(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where somebody is to be mailed, the server is asked; where nobody is, or it is not known, nothing is wrong."""
    settings = json.loads((home / SETTINGS_FILE).read_text(encoding="utf-8"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        (home / SETTINGS_FILE).write_text(json.dumps(settings | {"smtp": address}), encoding="utf-8")
        there = validate(home, capsys, alerts={"emails": ["a@example.org"]})
    nobody = validate(home, capsys)
    code, (line,) = validate(home, capsys, alerts={"emails": ["a@example.org"]})

    assert ((0, []), (0, []), 2) == (there, nobody, code)
    assert line.startswith(f"alerts.emails: expected a mail server at {address}, where none answers (")


def test_what_will_be_judged_is_said_of_the_training_data(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row is too few for drift, charts and correlations: neither they nor their part of the budget are promised."""
    spec = {
        "model": {"name": "tickets", "uri": str(home.parent / "models" / "tickets")},
        "baseline": {"source": "local://tickets?version=1&split=train"},
    }
    (home.parent / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["validate", str(home.parent / "spec.json"), "--home", str(home)])
    said = capsys.readouterr().out

    assert "not judged  drift of 3 fields (length, width, colour): fewer than 1,000 values in training (1 row)" in said
    assert ("charts over windows" in said, "correlations have" in said) == (False, False)


def test_a_broker_that_cannot_be_asked_so_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings of the broker that contradict each other are a problem of every spec, in one line."""
    monkeypatch.setenv("PEGEL_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    code, lines = validate(home, capsys)

    assert (2, 1) == (code, sum("PEGEL_KAFKA_SASL_MECHANISM: expected one of" in line for line in lines))


def test_training_data_at_an_address_are_left_to_their_job(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only Spark reads them, unknown data are no problem here."""
    monkeypatch.setenv("PEGEL_FEATURE_STORE", "s3a://bucket/features")

    assert (0, []) == validate(home, capsys, baseline={"source": "local://unknown"})


def test_values_cannot_be_hashed_without_a_secret(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before a model is onboarded; what is dropped needs none."""
    archive = {"private": {"colour": "hash", "width": "drop"}}
    monkeypatch.delenv("PEGEL_ENTITY_SECRET", raising=False)
    code, (line,) = validate(home, capsys, archive=archive)
    monkeypatch.setenv("PEGEL_ENTITY_SECRET", "0123456789abcdef")
    safe, lines = validate(home, capsys, archive=archive)

    assert (2, 0, []) == (code, safe, lines)
    assert "archive.private: given hash for colour; expected PEGEL_ENTITY_SECRET with 16 bytes or more" in line


ROUTES = {"routes": [{"to": ["slack:chat", "pagerduty:oncall", "ada@example.org"]}, {"to": ["slack:chat"]}]}


def airflow(home: Path, *connections: str) -> Path:
    """Make a database of Airflow's with these connections, as a local system has one; return its file."""
    file = home / AIRFLOW_DATABASE
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE connection (id INTEGER PRIMARY KEY, conn_id TEXT, password TEXT)")
        database.executemany("INSERT INTO connection (conn_id) VALUES (?)", [(name,) for name in connections])
    return file


def test_a_connection_that_airflow_has_not_is_a_warning(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says which, where it can be made and by which command, once; the spec is valid all the same."""
    airflow(home, "pegel_chat", "oncall")
    code, lines = validate(home, capsys, alerts=ROUTES)

    assert 0 == code
    assert [True] == ["pagerduty:oncall is told by the connection pegel_oncall of Airflow" in line for line in lines]
    assert "`airflow connections add pegel_oncall --conn-type http --conn-host https://events.pagerduty.com" in lines[0]


def test_connections_that_are_all_there_are_no_word(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a spec without routes, whatever Airflow has."""
    airflow(home, "pegel_chat", "pegel_oncall")

    assert 2 * [(0, [])] == [validate(home, capsys, alerts=alerts) for alerts in (ROUTES, {})]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no database of an Airflow is in "),
        (b"no database at all", "airflow.db cannot be read (file is not a database)"),
        (b"", "airflow.db cannot be read (no such table: connection)"),
    ],
)
def test_connections_that_nobody_could_look_for_are_told(
    home: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, why: str
) -> None:
    """Where no database of Airflow is, or none that can be read, that is said, and nothing is made."""
    file = home / AIRFLOW_DATABASE
    if content is not None:
        file.parent.mkdir()
        file.write_bytes(content)
    spec = home.parent / "spec.json"
    validate(home, capsys, alerts=ROUTES)
    with pytest.raises(SystemExit) as ended:
        main(["validate", str(spec), "--home", str(home)])
    said = capsys.readouterr()

    assert (0, "") == (ended.value.code, said.err)
    assert "not looked at: whether Airflow has the connections that alerts.routes names (pegel_chat, peg" in said.out
    assert why in said.out
    assert (content is not None) == file.exists()
