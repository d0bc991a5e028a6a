"""One subject's rows, found and erased."""

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
import sqlalchemy as sa
from blueprints import give_tables

from pegel.archive.folders import COMPLETE, NOT_LABELS, Kept, hour_folder, model_folder, written_folder
from pegel.archive.opened_archive import open_archive
from pegel.archive.row_columns import INSTANT
from pegel.cli.command_line import run
from pegel.data.entity_keys import entity_key
from pegel.data.keyed_hash import KeyedHash
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector
from pegel.spec.settings import Settings
from pegel.stats.fingerprints.fingerprint_tables import TABLES
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.store import tables
from pegel.store.database import connect
from pegel.store.erasure_store import ErasureStore
from pegel.store.registry import Registry
from pegel.testing.samples import brief_spec, sample_spec, tabled

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SECRET = "0123456789abcdef"  # noqa: S105  of a test
ADA, BOB = "ada-1047", "bob-2048"
WOULD_GO = (
    "archive: rows: 3 rows",
    "archive: unreadable: 1 rows",
    "archive: labels: 3 rows",
    "archive: not_labels: 1 rows",
    "results: outliers: 2 rows",
    "results: findings: 2 rows",
    "results: alerts: 1 rows",
    "results: row_quality: 1 rows",
    "results: remembered_rows: 1 rows",
)
SENT = KeptRows.of(
    np.array([1, 2], dtype=np.uint64),
    np.zeros((2, TABLES), dtype=np.uint64),
    events=np.array([11, 12], dtype=np.uint64),
    clients=np.array([21, 22], dtype=np.uint64),
    ids=np.array(["a", "b"], dtype=object),
)
"""Rows of a window that an event of each person sent."""
HASHED = KeyedHash(SECRET).of("passenger", ADA)
TOLD: dict[str, Any] = dict.fromkeys(("kind", "rhythm", "detector", "verdict", "test", "what"), "")
TOLD |= {"effect_unit": "", "baseline_id": "", "n": 0, "m": 0}
OF_ALERT = {"since": NOON, "last_end": NOON, "features": "x, y", "feature_count": 2, "acknowledged_by": ""}
OF_ALERT |= {"severity": "warning", "acknowledged_why": "", "held_by": ""}
"""What views read of a finding and of an alert."""


def write(
    root: Path, kept: Kept, number: int, columns: dict[str, Any], *, complete: bool = True, namespace: str = "default"
) -> None:
    """Write the hour of noon."""
    folder = Path(model_folder(str(root), kept, namespace, "delays", 1)) / hour_folder(NOON) / written_folder(number)
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "part-0.parquet")
    if complete:
        (folder / COMPLETE).touch()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home that has rows of two people in every place that holds any."""
    monkeypatch.setenv("PEGEL_ENTITY_SECRET", SECRET)
    settings = Settings(home=tmp_path)
    engine = connect(settings.database)
    give_tables(engine)
    online = {"source": "local://people", "keys": ["passenger"], "features": ["age"]}
    Registry(engine).put(brief_spec(online=online))
    store = LocalOnlineStore.of_settings(settings, "people")
    store.load([(entity_key([name]), FeatureVector({"age": 40}, NOON)) for name in (ADA, BOB)])
    root = tmp_path / "archive"
    people: dict[str, Any] = {"event_id": ["a", "b", "c"], "event_time": [NOON] * 3, "e_passenger": [ADA, BOB, None]}
    write(root, Kept.ROWS, 1, people, complete=False)
    write(root, Kept.ROWS, 2, people | {"hashed_e_passenger": [None, None, HASHED]})
    bodies = [f'{{"passenger": "{ADA}"'.encode(), b"not json"]
    write(root, Kept.UNREADABLE, 1, {"event_id": ["x", "y"], "event_time": [NOON] * 2, "body": bodies})
    labels = Path(model_folder(str(root), Kept.LABELS, "default", "delays", 1)) / "date=2026-11-30"
    labels.mkdir(parents=True)
    keys = ["a", "b", entity_key([ADA]), entity_key([HASHED]), entity_key([BOB])]
    pq.write_table(pa.table({"key": keys, "number": [1.0] * 5}), labels / "part-0.parquet")
    strange = root / NOT_LABELS / "namespace=default" / "date=2026-11-30"
    strange.mkdir(parents=True)
    whys = [f"expected `entity` with 1 to 8 parts by name; given ['{ADA}']", "expected JSON: unexpected end"]
    pq.write_table(pa.table({"kind": ["bad_key", "not_json"], "why": whys}), strange / "part-0.parquet")
    reasons = [{"feature": "passenger", "value": ADA, "part": 1.0}]
    row = {"model": "delays", "version": 1, "row": 0, "origin": "stream", "event_time": NOON, "score": 9.0}
    row |= {"cutoff": 8.0, "p_value": 0.001}
    about = {"segment": "single event", "what": f"event z, row 0: passenger {ADA}; as far out as none"}
    event = about | {"evidence": {"event_id": "z", "score": 9.0}}
    of_both = {"named": ["a/0", "b/0"], "event_ids": ["a", "b"], "crowd": {"table": 0, "events": ["a", "b"]}}
    shared = {"segment": "", "what": "2 rows are not so", "evidence": of_both}
    span: dict[str, Any] = {"model": "delays", "version": 1, "segment": "", "span_start": NOON, "span_end": NOON}
    span |= {"revision": 0, "origin": "stream"}
    sample = f"no JSON | 20 bytes: {ADA}"
    unread = {"model": "delays", "version": 1, "minute": NOON, "count": 1}
    with engine.begin() as connection:
        for name, why in (("a", []), ("b", []), ("z", reasons)):
            connection.execute(sa.insert(tables.outliers).values(**row, event_id=name, reasons=why))
        for at, finding in enumerate((event, shared)):
            row_of = span | TOLD | {"id": f"f{at}", "feature": "x", "finding": finding}
            connection.execute(sa.insert(tables.findings).values(row_of))
        alert = {"features": [{"feature": "x", "finding": event}, {"feature": "y", "finding": shared}]}
        opened = {
            "id": "f0",
            "model": "delays",
            "version": 1,
            "kind": "event",
            "opened_at": NOON,
            "alert": alert,
        } | OF_ALERT
        connection.execute(sa.insert(tables.alerts).values(opened))
        outcomes = [{"there": "2 rows are not so", "rows": ["a/0", "b/0"]}]
        quality = span | {"looked_at": 3, "rows": 3, "outcomes": outcomes, "at": NOON}
        connection.execute(sa.insert(tables.row_quality).values(quality))
        senders = {"group": "g", "model": "delays", "version": 1, "name": "from w1", "data": SENT.senders().to_bytes()}
        connection.execute(sa.insert(tables.remembered_rows).values(senders))
        connection.execute(sa.insert(tables.invalid).values(**unread, kind="not_json", sample=sample))
        connection.execute(sa.insert(tables.invalid).values(**unread, kind="other", sample="something else"))
    yield tmp_path
    engine.dispose()


def everything_in(home: Path) -> bytes:
    """Return all bytes below a home, of tables those that they hold."""
    parts = [path.read_bytes() for path in home.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    tables_there = (pq.ParquetFile(path).read() for path in home.rglob("*.parquet"))
    return b"".join([*parts, *(json.dumps(table.to_pylist(), default=str).encode() for table in tables_there)])


def test_a_subject_is_gone_from_everywhere(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """First it is told what would go, then it is gone, hashed or not, and nobody else's rows are; a log says so."""
    dry = run(["erase", "--subject", f"passenger={ADA}", "--home", str(home)])
    told = capsys.readouterr().out
    before = everything_in(home)
    done = run(["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)])
    said = capsys.readouterr().out
    rows = open_archive(str(home / "archive"), "delays", 1, start=NOON, end=NOON + timedelta(hours=1)).rows()
    engine = connect(Settings(home=home).database)
    with engine.connect() as connection:
        outliers = connection.execute(sa.select(tables.outliers.c.event_id)).scalars().all()
        (note,) = connection.execute(sa.select(tables.erasures)).mappings().all()
        findings = connection.execute(sa.select(tables.findings.c.finding)).scalars().all()
        alert = connection.execute(sa.select(tables.alerts.c.alert)).scalar_one()
        (outcome,) = connection.execute(sa.select(tables.row_quality.c.outcomes)).scalar_one()
        senders = KeptRows.from_bytes(connection.execute(sa.select(tables.remembered_rows.c.data)).scalar_one())
    engine.dispose()

    assert (0, 0) == (dry, done)
    assert (True, False) == tuple(ADA.encode() in there for there in (before, everything_in(home)))
    assert [] == [line for line in WOULD_GO if line not in told]
    assert [] == [line for line in ("a second look found nothing", "not erased: what the broker") if line not in said]
    assert (["b"], ["b"]) == (rows["event_id"].to_pylist(), outliers)
    left = {"named": ["b/0"], "event_ids": ["b"], "crowd": {"table": 0, "events": ["b"]}}
    assert [left, left] == [finding["evidence"] for finding in (*findings, alert["features"][1]["finding"])]
    assert ["event (erased)", "2 rows are not so"] == [one["finding"]["what"] for one in alert["features"]]
    assert ["b/0"] == outcome["rows"]
    assert (["", "b"], [0, 12], [0, 22]) == (
        senders.ids.tolist(),
        senders.events.tolist(),
        senders.clients.tolist(),
    )
    assert [HASHED] == [note["subject"].removeprefix("passenger=")]


def test_an_event_is_a_subject_too(home: Path) -> None:
    """By its id, in the archive and in the labels."""
    assert 0 == run(["erase", "--subject", "b", "--yes", "--home", str(home)])
    (labels,) = (home / "archive" / "labels").rglob("*.parquet")

    assert "b" not in pq.ParquetFile(labels).read()["key"].to_pylist()


def test_tables_from_where_rows_and_labels_would_come_again_are_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are not ours to change; whoever wants a subject gone has to know where it still stands."""
    engine = connect(Settings(home=home).database)
    labels = {"source": "parquet:/outcomes", "field": "left", "match": "entity", "time": "at"}
    Registry(engine).put(sample_spec("churn", model=tabled("churn", keys=["customer"]), labels=labels))
    engine.dispose()
    assert 0 == run(["erase", "--subject", f"passenger={ADA}", "--home", str(home)])

    written = "delta:s3a://lake/scores, parquet:/outcomes"
    assert f"not erased: rows of {written}, from where they would be read again" in capsys.readouterr().out


def test_a_part_of_a_key_is_a_subject(home: Path) -> None:
    """By its name where a spec tells the parts; one that has the same value by another name is somebody else."""
    engine = connect(Settings(home=home).database)
    labels = {"source": "topic", "match": "entity", "keys": ["flight", "passenger"]}
    Registry(engine).put(brief_spec(labels=labels))
    engine.dispose()
    (path,) = (home / "archive" / "labels").rglob("*.parquet")
    keys = [entity_key(["AS 1", ADA]), entity_key([ADA, "else"]), entity_key(["AS 2", HASHED])]
    pq.write_table(pa.table({"key": keys, "number": [1.0] * 3}), path)
    assert 0 == run(["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)])

    assert [entity_key([ADA, "else"])] == pq.ParquetFile(path).read()["key"].to_pylist()


def test_a_short_value_is_said_not_to_be_looked_for_in_texts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It stands in many texts that mean something else, so only fields and keys are looked at, and that is told."""
    assert 0 == run(["erase", "--subject", "passenger=al", "--home", str(home)])
    assert "not looked for in texts" in capsys.readouterr().out


def test_a_model_that_has_moved_keeps_the_rows_of_others(home: Path) -> None:
    """An hour that lies in two namespaces is written anew in each for itself: nobody's rows but the subject's go."""
    root, ids = home / "archive", {"default": ["event-1", "event-2"], "team": ["event-3"]}
    for number, (namespace, events) in enumerate(ids.items(), 5):
        columns = {"event_id": events, "event_time": [NOON] * len(events)}
        write(root, Kept.ROWS, number, columns, namespace=namespace)
        write(root, Kept.UNREADABLE, number, columns | {"body": [b"{"] * len(events)}, namespace=namespace)
    done = run(["erase", "--subject", "event-1", "--yes", "--home", str(home)])
    left = [
        open_archive(str(root), "delays", 1, start=NOON, end=NOON + timedelta(hours=1), kept=kept).rows()
        for kept in (Kept.ROWS, Kept.UNREADABLE)
    ]

    assert 0 == done
    assert [["event-2", "event-3"]] * 2 == [rows["event_id"].to_pylist() for rows in left]


def test_a_name_that_nobody_knows_is_told_with_the_nearest(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A request with a typo does not look done."""
    assert 0 == run(["erase", "--subject", f"pasenger={ADA}", "--home", str(home)])
    assert "no watched model has a field or a key 'pasenger'. Did you mean `passenger`?" in capsys.readouterr().out


def test_a_value_longer_than_any_key_stands_nowhere(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is looked for all the same, where texts are."""
    code = run(["erase", "--subject", f"passenger={'x' * 1_000}", "--home", str(home)])
    said = capsys.readouterr()

    assert (0, "") == (code, said.err), said


def test_vectors_that_went_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the view of the online store that they were in."""
    assert 0 == run(["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)])
    assert "online: local://people: 1 vector\n" in capsys.readouterr().out


DAMAGED = (
    "rows/namespace=default/model=delays/version=1/date=2026-11-28/hour=07/written=000000000001/_temporary/a.parquet",
    "rows/namespace=default/model=delays/version=1/date=2026-11-29/hour=12/written=000000000002/part-1.parquet",
    "rows/namespace=default/model=other/version=1/date=2026-11-28/hour=07/written=000000000001/a.parquet",
    "labels/namespace=default/model=delays/version=1/date=2026-11-30/part-1.parquet",
    "not_labels/namespace=default/date=2026-11-30/part-1.parquet",
)
LEFT_BEHIND = (
    "labels/namespace=default/model=delays/version=1/date=2026-11-30/_erasing-part-0.parquet",
    "not_labels/namespace=default/date=2026-11-30/_erasing-part-0.parquet",
)


def test_a_file_that_cannot_be_read_is_named_and_holds_up_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The subject goes from all other files; damaged ones are named and kept; once they are gone all is erased."""
    for name in (*DAMAGED, *LEFT_BEHIND):
        place = home / "archive" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"PAR1 and no more")
    strange = home / "archive" / LEFT_BEHIND[1].replace("_erasing-part-0", "strange")
    pq.write_table(pa.table({"of": ["another program"]}), strange)
    asked = ["erase", "--subject", f"passenger={ADA}", "--home", str(home)]
    dry, told = run(asked), capsys.readouterr()
    done, said = run([*asked, "--yes"]), capsys.readouterr()
    left = sorted(path for path in (home / "archive").rglob("*.parquet") if path.read_bytes() == b"PAR1 and no more")

    assert (0, 1) == (dry, done)
    assert [] == [line for line in WOULD_GO if line not in told.out]
    assert "8 files cannot be read, and nobody knows whether the subject is in there" in told.out
    assert "6 files cannot be read" in said.err
    assert [] == [path for path in left if str(path) not in said.err]
    for path in (*left, strange):
        path.unlink()
    assert 0 == run([*asked, "--yes"])
    assert ADA.encode() not in everything_in(home)


def test_files_that_refuse_keep_nothing_else_from_going(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where labels cannot be written anew results go all the same; rows stay, by which its events are found again."""
    (labels,) = (home / "archive" / "labels").rglob("*.parquet")
    (labels.parent / f"_erasing-{labels.name}").mkdir()
    done, said = run(["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)]), capsys.readouterr()
    run(["erase", "--subject", f"passenger={ADA}", "--home", str(home)])
    left = [line for line in capsys.readouterr().out.splitlines() if line in WOULD_GO]
    (labels.parent / f"_erasing-{labels.name}").rmdir()

    assert (1, True) == (done, "expected files that can be written anew, given" in said.err)
    assert [*WOULD_GO[:3]] == sorted(left, key=WOULD_GO.index)
    assert 0 == run(["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)])


def test_who_was_erased_is_kept_as_hashes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By which the archive leaves out what it has not written yet; without a secret nobody could keep one."""
    engine = connect(Settings(home=home).database)
    erasing = ["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)]
    run(erasing)
    rows = pa.table({"event_id": ["n"], "event_time": pa.array([NOON], INSTANT), "answered_at": [NOON]})
    rows = rows.append_column("e_passenger", pa.array([ADA]))
    known = ErasureStore(engine).erased(KeyedHash(SECRET)).mask(rows)
    monkeypatch.setenv("PEGEL_ENTITY_SECRET", "")
    run(erasing)
    with engine.connect() as connection:
        kept = connection.execute(sa.select(tables.erasures.c.known_by).order_by(tables.erasures.c.seq)).scalars().all()
    engine.dispose()

    assert [True] == known.tolist()
    assert [{"hashes": {"passenger": [HASHED]}}, None] == kept


def test_views_that_no_spec_names_are_told_and_erased_when_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody knows what their keys are, so a person says which view is meant; other keys stay."""
    former = LocalOnlineStore.of_settings(Settings(home=home), "former")
    former.load([(entity_key([name]), FeatureVector({"age": 40}, NOON)) for name in (ADA, BOB)])
    erasing = ["erase", "--subject", f"passenger={ADA}", "--yes", "--home", str(home)]
    run(erasing)
    told = capsys.readouterr().out
    run([*erasing, "--online", "local://former"])
    said = capsys.readouterr().out

    assert "not looked into: local://former, which no spec names; `--online VIEW`" in told
    assert ["online: local://former: 1 vector", "online: local://people: 0 vectors"] == sorted(
        line for line in said.splitlines() if line.startswith("online")
    )
    assert "not looked into" not in said
    assert [False, True] == [former.forget(entity_key([name])) for name in (ADA, BOB)]


@pytest.mark.parametrize("given", ["", "=7", "passenger="])
def test_whoever_is_nobody_is_refused(home: Path, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A subject has a name and a value, or is an event."""
    assert 2 == run(["erase", "--subject", given, "--home", str(home)])
    assert "--subject: expected NAME=VALUE" in capsys.readouterr().err
