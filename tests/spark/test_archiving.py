"""The archive against what the stream has counted, on a real broker."""

from __future__ import annotations

import json
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

from pegel.archive.folders import Kept
from pegel.data.keyed_hash import KeyedHash
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.errors import Superseded
from pegel.store.archive_store import ArchiveStore
from pegel.store.database import connect
from pegel.store.job_results import JobResults
from pegel.store.registry import Registry
from pegel.testing.samples import brief_spec
from pegel_spark.archive_hours import ArchiveHours
from pegel_spark.launched_job import REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


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
    again = system.launch("--model", "delays", "--version", "1", "--id", "again")
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


def test_a_writer_that_was_overtaken_is_not_seen(spark: SparkSession, world: World) -> None:
    """It ends with a sentence before anybody sees its rows, and what it did is not noted."""
    store, root = ArchiveStore(connect(world.settings.database)), world.settings.archive_root
    number = store.next_number("delays", 1, above=7)
    hours = ArchiveHours(spark, root, brief_spec(), number, lambda: store.require_newest("delays", 1, number))
    store.next_number("delays", 1, above=0)
    rows = spark.createDataFrame([(wires.now(),)], "event_time timestamp")
    with pytest.raises(Superseded, match="expected the writer 8 to be the newest; 9 has come since"):
        hours.write(Kept.ROWS, NOON, rows, 1)

    assert [] == hours.visible(Kept.ROWS, NOON)
    assert len(hours.listed(Kept.ROWS, NOON)) > 0
