"""The archive against what the stream has counted, on a real broker."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import wires
from batch_system import System
from pydantic import SecretStr
from pyspark.sql import SparkSession
from wires import Wire
from worlds import World

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.subject import Subject
from pegel.data.keyed_hash import KeyedHash
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.store.database import connect
from pegel.store.erasure_store import ErasureStore
from pegel.store.job_results import JobResults
from pegel.store.registry import Registry
from pegel.testing.samples import brief_spec
from pegel_spark.launched_job import REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HOUR = timedelta(hours=1)


@pytest.fixture
def system(spark: SparkSession, world: World, wire: Wire, tmp_path: Path) -> System:
    """A stream that watches one model."""
    world.watch(brief_spec(namespace=wire.namespace))
    return System(spark, world, wire, tmp_path / "note")


def send_pairs(wire: Wire, count: int, begin: datetime, *, rows: int = 1) -> None:
    """Send requests and answers, ten a second."""
    rng = np.random.default_rng(count)
    for at in range(count):
        when = begin + timedelta(milliseconds=100 * at)
        wire.send(f"e{at}", REQUEST_TYPE, "delays-v1", wires.request_body(rng, rows), when)
        answered = when + timedelta(milliseconds=30)
        wire.send(f"e{at}", RESPONSE_TYPE, "delays-v1", wires.response_body(rng, rows), answered)


def by_minute(instants: list[datetime | None]) -> Counter[datetime]:
    """Count instants by minute."""
    return Counter(at.astimezone(UTC).replace(second=0, microsecond=0) for at in instants if at is not None)


def test_the_archive_has_what_the_stream_counted(system: System) -> None:
    """Minute by minute, copies folded; what nobody can read is kept aside. All of it once more changes nothing."""
    wire, begin = system.wire, wires.now() - timedelta(seconds=90)
    send_pairs(wire, 200, begin, rows=2)
    send_pairs(wire, 20, begin, rows=2)
    wire.send("bad", REQUEST_TYPE, "delays-v1", b"not json", begin)
    wire.send("lost", REQUEST_TYPE, "nobody-v1", b"{}", begin)
    system.count()
    done = system.archive(round_records=300)
    ledger = system.world.results.ledger("delays", 1)
    rows = system.opened().rows()
    first = rows.filter(rows["row"].to_numpy() == 0)
    events = by_minute(first["event_time"].to_pylist()) + by_minute(first["answered_at"].to_pylist())
    unreadable = system.opened(Kept.UNREADABLE).rows()
    block = pq.read_metadata(system.opened().files[0]).row_group(0)
    statistics = {block.column(at).path_in_schema: block.column(at).is_stats_set for at in range(block.num_columns)}
    system.forget_what_is_archived()
    elsewhere = system.launch(PEGEL_SPARK_MASTER="spark://10.0.0.1:7077")
    again = system.launch("--model", "delays/1", "--id", "again")
    told = JobResults(connect(system.settings.database)).take("again")

    assert (0, REFUSED) == (again.returncode, elsewhere.returncode), again.stderr[-2_000:]
    assert "expected PEGEL_ARCHIVE to be an address that every executor writes to" in elsewhere.stderr
    assert told is not None
    assert told.result is not None
    assert told.result == json.loads(again.stdout.splitlines()[-1])
    assert ({"delays/1": 400}, []) == (told.result["rows"], told.result["left_out"])
    assert [] == done.left_out
    assert {row.minute: row.judged for row in ledger if row.judged} == events
    assert [True, True] == [statistics[name] for name in ("event_time", "f_distance")]
    assert [400, {30.0}] == [rows.num_rows, set(rows["latency_ms"].to_pylist())]
    assert [("bad", b"not json")] == [(row["event_id"], row["body"]) for row in unreadable.to_pylist()]
    assert sorted(map(str, rows.to_pylist())) == sorted(map(str, system.opened().rows().to_pylist()))
    assert len(system.opened().hours) == len(system.opened().files)
    assert [] == system.store.unarchived()


@pytest.mark.long
def test_what_was_left_out_is_made_good(system: System) -> None:
    """By later runs: without a secret a model is left out; an answer that came later stands beside its request.

    What a killed writer left is not seen and goes; no private value is in any file.
    """
    private = brief_spec(namespace=system.wire.namespace, archive={"private": {"carrier": "hash", "age": "drop"}})
    Registry(connect(system.settings.database)).put(private)
    begin, planted = wires.now() - timedelta(seconds=30), json.dumps({"instances": [[7.5, "planted", 40.0]]}).encode()
    system.wire.send("e1", REQUEST_TYPE, "delays-v1", planted, begin)
    system.wire.send("e2", REQUEST_TYPE, "delays-v1", planted[:-1], begin)
    system.count()
    left_out = system.archive()
    system.settings = system.settings.model_copy(update={"entity_secret": SecretStr("0123456789abcdef")})
    system.archive()
    asked = system.opened().rows().to_pylist()
    ((hour,), folder) = system.opened().hours, Path(system.opened().files[0]).parent.parent
    killed = folder / "written=000000000001" / "part-0.parquet"
    killed.parent.mkdir()
    killed.write_bytes(b"half of it")
    system.wire.send("e1", RESPONSE_TYPE, "delays-v1", b'{"predictions": [3.5]}', begin + timedelta(seconds=1))
    system.count()
    system.archive()
    (answered,) = system.opened().rows().to_pylist()
    files = [path.read_bytes() for path in folder.parents[4].rglob("*.parquet")]

    assert ["delays/1: archive.private: expected PEGEL_ENTITY_SECRET with 16 bytes or more, by which is hashed."] == (
        left_out.left_out
    )
    assert [(None, None), (3.5, 1_000.0)] == [(row["p_delay"], row["latency_ms"]) for row in (*asked, answered)]
    assert KeyedHash("0123456789abcdef").of("carrier", "planted") == answered["hashed_f_carrier"]
    assert ([], False) == ([one for one in files if b"planted" in one], killed.exists())
    assert ["f_distance"] == [name for name in answered if name.startswith("f_")]
    assert [b""] == [row["body"] for row in system.opened(Kept.UNREADABLE).rows().to_pylist()]
    assert hour.written < system.opened().hours[0].written


@pytest.mark.long
def test_a_round_is_bounded_by_bytes(system: System) -> None:
    """Of large events it has fewer records, once their size is known; all of them are archived all the same."""
    send_pairs(system.wire, 60, wires.now() - timedelta(seconds=30), rows=20)
    system.count()
    done = system.archive(round_records=50, round_bytes=20_000)
    ranges = [each for each in system.store.archived("delays", 1) if each.end > each.start]
    records = [each.end - each.start for each in sorted(ranges, key=lambda each: each.start)]

    assert ({"delays/1": 1_200}, []) == (done.rows, done.left_out)
    assert max(records[1:]) < records[0] <= 50
    assert 120 == sum(records)
    assert 1_200 == system.opened().rows().num_rows


def test_whom_somebody_erased_meanwhile_is_left_out(system: System) -> None:
    """Of what was counted before and is archived after: a subject's rows, and its event that nobody could read."""
    hashed = KeyedHash("0123456789abcdef")
    system.settings = system.settings.model_copy(update={"entity_secret": SecretStr(hashed.secret)})
    begin = wires.now() - timedelta(seconds=30)
    for event_id, carrier in (("e1", "planted"), ("e2", "AA")):
        asked = json.dumps({"instances": [[7.5, carrier, 40.0]]}).encode()
        system.wire.send(event_id, REQUEST_TYPE, "delays-v1", asked, begin)
        system.wire.send(event_id, RESPONSE_TYPE, "delays-v1", b"no answer", begin + timedelta(seconds=1))
    system.count()
    erasures = ErasureStore(connect(system.settings.database))
    erasures.note(Subject.of(["carrier=planted"], hashed), "test", datetime.now(UTC), {})
    done = system.archive()

    assert ({"delays/1": 1}, []) == (done.rows, done.left_out)
    assert [["e2"], ["e2"]] == [
        system.opened(kept).rows()["event_id"].to_pylist() for kept in (Kept.ROWS, Kept.UNREADABLE)
    ]
    assert [] == system.store.unarchived()


@pytest.mark.long
def test_a_damaged_file_keeps_no_other_model_waiting(system: System) -> None:
    """Its model is left out, with the name of the file, and the others of its topic are archived.

    What Spark keeps of a round is given back; once the file is gone, the model is made good.
    """
    when, kept_by_spark = wires.now() - timedelta(seconds=30), system.spark.sparkContext._jsc.getPersistentRDDs
    system.world.watch(brief_spec("weights", namespace=system.wire.namespace))
    before = set(kept_by_spark())
    system.stream.look()
    rng = np.random.default_rng(0)
    for endpoint in ("delays-v1", "weights-v1"):
        system.wire.send(endpoint, REQUEST_TYPE, endpoint, wires.request_body(rng), when)
    system.count()
    folder = Path(model_folder(system.settings.archive_root, Kept.ROWS, system.wire.namespace, "delays", 1))
    damaged = folder / hour_folder(when) / written_folder(7) / "part-0.parquet"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no Parquet")
    (damaged.parent / COMPLETE).touch()
    done = system.archive()
    shutil.rmtree(damaged.parent)
    system.wire.send("weights-v1", RESPONSE_TYPE, "weights-v1", wires.response_body(rng), when + timedelta(seconds=1))
    system.count()
    again = system.archive()

    assert {"weights/1": 1} == done.rows
    (told,) = done.left_out
    assert [True, True] == [told.startswith("delays/1: "), str(damaged) in told]
    assert ({"delays/1": 1, "weights/1": 0}, []) == (again.rows, again.left_out)
    assert before == set(kept_by_spark())
