"""`pegel labels send` to a logger's door: every row is a record, and what is refused is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from listening import listening
from senders import SwitchedSender
from waiting import wait_until

from pegel.cli.main import main
from pegel.data.instants import from_us
from pegel.errors import InvalidSpec
from pegel.labels.label import EntityAt, EventRow, Label
from pegel.labels.label_arrays import LabelPartition
from pegel.labels.label_json import read_labels
from pegel.notebook.label_sending import LabelColumnNames
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.label_store import LabelStore
from pegel.store.registry import Registry
from pegel.testing.samples import brief_spec
from pegel_serving.bounded_http import ConnectionLimits
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.http_door import LoggerApp
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Limits, Pipeline
from pegel_serving.logger.spool import Spool

NOW = datetime(2026, 11, 29, tzinfo=UTC)
EVENTS = "id,n,late,noted\n007,0,yes,2026-11-29T10:00Z\n008,1,no,\n009,0,,\n,0,yes,\n010,-1,yes,\n"
FLIGHTS = "flight,gate,departed,late\nWN1,14,2026-11-28T10:00Z,12.5\nWN2,3,2026-11-28T11:00Z,-1\n"


@pytest.fixture
def sender() -> SwitchedSender:
    """What the logger sends."""
    return SwitchedSender()


@pytest.fixture
def address(sender: SwitchedSender, tmp_path: Path) -> Iterator[str]:
    """Where a logger listens."""
    spool = Spool(tmp_path / "spool", cap_bytes=1 << 20)
    metrics = Metrics()
    app = LoggerApp(Pipeline(sender, spool, metrics, Limits()), metrics, DoorSettings(flush_s=0.0))
    with listening(app, ConnectionLimits(), take_whole=app.take_whole) as (host, port):
        yield f"http://{host}:{port}/"


def run(*arguments: str | Path) -> int:
    """Run a command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def told(records: list[KafkaRecord], count: int) -> list[tuple[object, object]]:
    """Wait for so many labels, as they are sent after the answer; return what each is about, and its outcome."""

    def labels() -> list[Label]:
        return [label for record in [*records] for _, label in read_labels(record.value).labels]

    assert wait_until(lambda: len(labels()) >= count)
    return [(label.about, label.outcome) for label in labels()]


def test_rows_of_events(
    sender: SwitchedSender, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids keep their zeros; rows without a label or an id are none; one that is refused is told and ends with 1."""
    (tmp_path / "labels.csv").write_text(EVENTS)
    columns = ["--label", "late", "--event-id", "id", "--row", "n", "--known-at", "noted"]
    code = run("labels", "send", tmp_path / "labels.csv", "--model", "delays", "--to", address, *columns)
    captured = capsys.readouterr()
    labels = told(sender.topic, 2)
    first = read_labels(sender.topic[0].value).labels[0][1]

    assert [(EventRow("007", 0), "yes"), (EventRow("008", 1), "no")] == labels
    assert "2026-11-29T10:00:00+00:00" == from_us(first.at_us or 0).isoformat()
    assert "5 rows: 2 labels taken; 2 without a label or what it is about; refused: 1 bad_key" in captured.out
    assert (1, "1 labels were refused; the others are on their way." in captured.err) == (code, True)


def test_what_json_cannot_say_takes_no_neighbour_with_it(
    sender: SwitchedSender, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row whose label, id or number is none is counted by kind before it is sent, one without a number is none."""
    table = {
        "id": ["a", "b", "c", "d" * 1_000_000, "e", "f"],
        "n": [0.0, 1.0, float("nan"), 0.0, 0.5, 2.0],
        "late": [1.0, float("inf"), 1.0, 1.0, 1.0, 0.0],
    }
    pq.write_table(pa.table(table), tmp_path / "labels.parquet")
    columns = ["--label", "late", "--event-id", "id", "--row", "n"]
    code = run("labels", "send", tmp_path / "labels.parquet", "--model", "delays", "--to", address, *columns)
    said = capsys.readouterr().out

    assert [(EventRow("a", 0), 1.0), (EventRow("f", 2), 0.0)] == told(sender.topic, 2)
    assert "6 rows: 2 labels taken; 1 without a label or what it is about; refused: 2 bad_key, 1 bad_outcome" in said
    assert 1 == code


@pytest.mark.parametrize("strange", [b"\xff", [1, 2], datetime(2026, 1, 1, tzinfo=UTC)])
def test_what_is_no_text_and_no_number_is_no_label_and_no_id(
    sender: SwitchedSender, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], strange: Any
) -> None:
    """Bytes, lists and times are refused as labels and as ids; numbers are one text, whatever their type."""
    pq.write_table(pa.table({"id": [7.0, 8.0], "late": [strange] * 2, "y": [1, 0]}), tmp_path / "labels.parquet")
    sending = ["labels", "send", str(tmp_path / "labels.parquet"), "--model", "delays/2", "--to", address]
    codes = [run(*sending, "--label", "late", "--event-id", "id"), run(*sending, "--label", "y", "--event-id", "late")]
    said = capsys.readouterr().out

    assert [1, 1] == codes
    assert (True, True) == ("2 bad_outcome" in said, "2 bad_key" in said)
    assert 0 == run(*sending, "--label", "y", "--event-id", "id")
    assert [(EventRow("7"), 1), (EventRow("8"), 0)] == told(sender.topic, 2)
    assert {b"delays/2/7", b"delays/2/8"} == {record.key for record in sender.topic}


def test_a_request_that_is_refused_as_a_whole_is_told(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the logger takes none of a request, that is no success; nor is a column that is to be two things."""
    (tmp_path / "labels.csv").write_text(EVENTS)
    file = str(tmp_path / "labels.csv")
    sending = ["labels", "send", file, "--model", "delays", "--to", address, "--label", "late"]

    assert 1 == run(*sending, "--event-id", "id", "--namespace", "Not A Name")
    assert "it answered 400: expected /labels or /labels/NAMESPACE" in capsys.readouterr().err
    assert 2 == run(*sending, "--event-id", "late")
    assert 2 == run(*sending, "--event-id", "id", "--model", "delays/2", "--version", "3")


def test_rows_of_entities(sender: SwitchedSender, address: str, tmp_path: Path) -> None:
    """Keys and a time say what a label is about; a namespace has a topic of its own."""
    (tmp_path / "labels.csv").write_text(FLIGHTS)
    columns = ["--label", "late", "--key", "flight", "--key", "gate", "--time", "departed", "--namespace", "shop"]
    code = run("labels", "send", tmp_path / "labels.csv", "--model", "delays", "--to", address, *columns)
    (about, outcome), *_ = told(sender.topic, 1)

    assert (0, {"pegel.shop.labels"}) == (code, {record.topic for record in sender.topic})
    assert (EntityAt((("flight", "WN1"), ("gate", "14")), 1_795_860_000_000_000), 12.5) == (about, outcome)


def test_a_logger_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is one sentence, with what was taken so far; so is a column that the table has not."""
    (tmp_path / "labels.csv").write_text(EVENTS)
    command: list[str | Path] = [
        "labels",
        "send",
        tmp_path / "labels.csv",
        "--model",
        "delays",
        "--to",
        "http://127.0.0.1:9/",
    ]

    assert 1 == run(*command, "--label", "late", "--event-id", "id")
    assert 1 <= run(*command, "--label", "lateness", "--event-id", "id")
    said = capsys.readouterr().err
    assert 2 == len(said.splitlines())
    assert "expected the columns lateness, given a table of id, n, late, noted" in said
    assert "Did you mean `late`?" in said


def test_labels_are_by_event_or_by_entity() -> None:
    """Columns that say neither, both, or half of one are refused before anything is read."""
    LabelColumnNames(label="y", event_id="id")
    wrong: list[dict[str, Any]] = [
        {},
        {"event_id": "id", "keys": ["k"], "time": "t"},
        {"keys": ["k"]},
        {"time": "t"},
        {"row": "n"},
    ]
    for named in wrong:
        with pytest.raises(InvalidSpec, match="expected the column of event ids"):
            LabelColumnNames(label="y", **named)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        (["delais"], "watched: delays/1. Nothing was sent. Did you mean `delays`?"),
        (["delays", "--version", "2"], "expected one watched model version; given 'delays', version 2"),
        (["delays/1"], "delays/1 takes no labels that are sent"),
    ],
)
def test_labels_of_a_home_are_of_a_model_that_it_watches(
    named: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is misspelt, or takes no labels, is refused before anything is sent: nobody would ever see them."""
    engine = connect(Settings(home=tmp_path).database)
    give_tables(engine)
    Registry(engine).put(brief_spec())
    engine.dispose()
    (tmp_path / "labels.csv").write_text(EVENTS)
    model, *version = named
    options = ["--label", "late", "--event-id", "id", "--home", str(tmp_path)]

    assert 2 == run("labels", "send", tmp_path / "labels.csv", "--model", model, *version, *options)
    assert sentence in capsys.readouterr().err.replace("\n", " ")


def test_labels_of_a_home_have_the_keys_of_its_model(
    sender: SwitchedSender,
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others are refused with the nearest name, before the logger takes what finds no row; earlier ones are told."""
    engine = connect(Settings(home=tmp_path).database)
    give_tables(engine)
    Registry(engine).put(brief_spec(labels={"source": "topic", "match": "entity", "keys": ["flight", "gate"]}))
    LabelStore(engine).take("default", {}, {LabelPartition("a", 0): 2}, {("delays/1", "other_match"): 2}, now=NOW)
    engine.dispose()
    monkeypatch.setenv("PEGEL_LOGGER_URL", address)
    (tmp_path / "labels.csv").write_text(FLIGHTS.replace("flight", "fligth", 1))
    sending: list[str | Path] = [
        "labels",
        "send",
        tmp_path / "labels.csv",
        "--model",
        "delays",
        "--label",
        "late",
        "--home",
        tmp_path,
    ]
    wrong = run(*sending, "--key", "fligth", "--key", "gate", "--time", "departed")
    said = capsys.readouterr().err.replace("\n", " ")
    nothing = [*sender.topic]
    (tmp_path / "labels.csv").write_text(FLIGHTS)
    right = run(*sending, "--key", "flight", "--key", "gate", "--time", "departed")

    assert (2, 0, []) == (wrong, right, nothing)
    assert "--key: labels of delays/1 have the keys flight, gate; given 'fligth', 'gate'. Nothing was sent." in said
    assert "Did you mean `flight`?" in said
    assert "before, of delays/1: 2 labels refused: 2 other_match" in capsys.readouterr().out
