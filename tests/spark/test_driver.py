"""The streaming driver as a process, with a real broker: what it writes, how it ends, what survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import installed_modules
import numpy as np
import pytest
import wires
import worlds
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewPartitions
from stream_drivers import FINGERPRINT, Drivers, python_workers
from window_content import content, moments

from pegel.data.wire import REQUEST_TYPE
from pegel.judge.findings import Verdict
from pegel.spec import names
from pegel.store.database import connect
from pegel.store.row_quality_store import RowQualityStore
from pegel.store.stream_store import StreamStore
from pegel.stream.result_rows import Heartbeat
from pegel.testing.samples import brief_spec
from pegel_spark.counting_job import TASK_BYTES
from pegel_spark.driver import Exit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LATER = timedelta(seconds=15)
"""Far enough on that no window of what was sent before is hit: that may have closed in silence."""

CODES = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "carrier", "regex": "^[A-Z]{2}$"}}


def test_every_event_is_in_exactly_one_final_window(drivers: Drivers) -> None:
    """Requests, responses, joins and rows add up to what was sent; what cannot be read is set apart and counted.

    Of another model's requests those without a response are told once their minute is over. What counts cannot tell of
    a suite, rows tell of each window, or it is told why they do not.
    """
    world, wire, rng = drivers.world, drivers.wire, np.random.default_rng(3)
    suite = {"name": "mine", "made": "2026-11-29", "expectations": [CODES]}
    watch = {"outliers_per_day": 500, "expectations": [suite]}
    baseline = world.watch(brief_spec(namespace=wire.namespace, watch=watch))
    world.watch(brief_spec("fraud", namespace=wire.namespace))
    driver = drivers.start()
    begin = wires.now() - timedelta(seconds=20)
    send_unanswered(wire, [wires.request_body(rng)] * 100, begin - timedelta(seconds=75), rng)
    for i in range(300):
        wire.pair(f"e{i}", begin + timedelta(milliseconds=50 * i), rng)
    wire.pair("e7", begin + timedelta(milliseconds=350), rng)
    wire.send("bad", REQUEST_TYPE, "delays-v1", b"not json", begin)
    wire.send("few", REQUEST_TYPE, "delays-v1", b'{"instances": [[1.0, "AA"]]}', begin)
    wire.send("lost", REQUEST_TYPE, "nobody-v1", b"{}", begin)
    rows = drivers.wait(lambda: drivers.finals(300))
    drivers.wait(lambda: 100 <= sum(row.unanswered for row in world.results.ledger("fraud", 1)))
    said = RowQualityStore(connect(world.settings.database))
    told = drivers.wait(lambda: len(found := said.of_windows(rows)) == len(rows) and list(found.values()))
    driver.send_signal(signal.SIGTERM)

    assert Exit.STOPPED == driver.wait(90)
    assert (110, 100) == tuple(
        sum(getattr(row, name) for row in world.results.ledger("fraud", 1)) for name in ("asked", "unanswered")
    )
    (finding,) = [each for each in world.results.recent_findings("fraud", 1, limit=9) if each.test == "unanswered"]
    assert "UTC had no answer (tolerated 1 %)" in finding.what
    assert (300, 300, 300, 300) == tuple(
        sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined", "rows")
    )
    assert (2, 2) == (sum(row.duplicates for row in rows), sum(row.invalid for row in rows))
    assert {(True, True), (None, False)} >= {(row.outcomes[0]["met"], row.looked_at == row.rows) for row in told}
    assert any(row.looked_at for row in told)
    assert {baseline.id} == {row.baseline_id for row in rows}
    assert {Verdict.OK, Verdict.INSUFFICIENT, Verdict.BELOW_MARGIN} >= {row.verdict for row in rows}
    ledger = world.results.ledger("delays", 1)
    assert (604, 600, 0, 2, 2, 0) == tuple(
        sum(getattr(row, name) for row in ledger)
        for name in ("received", "judged", "late", "invalid", "duplicate", "dropped")
    )
    assert (727, 727) == drivers.accounts()
    kinds = {(row.kind, row.count) for row in world.results.invalid("delays", 1)}
    assert {("not_json", 1), ("wrong_fields", 1)} == kinds
    assert [("unknown_model", 1)] == [(row.kind, row.count) for row in world.results.invalid("", 0)]
    letters = wire.read(names.dead_letters_topic(wire.namespace))
    reasons = {(dict(record.headers)["ce_id"], dict(record.headers)["dlq_reason"]) for record in letters}
    assert {(b"bad", b"not_json"), (b"few", b"wrong_fields"), (b"lost", b"unknown_model")} == reasons
    beat = drivers.heartbeat()
    assert beat is not None
    assert ("stopped", None, 0, FINGERPRINT) == (beat.state, beat.error, beat.lag, beat.fingerprint)
    assert {"delays/1", "fraud/1"} == set(beat.baselines)
    assert baseline.id == beat.baselines["delays/1"]
    assert 0 == StreamStore(connect(world.settings.database)).claim("default", 2, world.now()).deaths


def send_unanswered(wire: Any, bodies: list[bytes], begin: Any, rng: np.random.Generator) -> None:
    """Send ten pairs of the model fraud, then requests without a response, and a pair 70 s later."""
    for number in range(10):
        wire.pair(f"answered{number}", begin + timedelta(milliseconds=100 * number), rng, "fraud-v1")
    for number, body in enumerate(bodies):
        at = begin + timedelta(seconds=2, milliseconds=10 * number)
        wire.send(f"unanswered{number}", REQUEST_TYPE, "fraud-v1", body, at)
    wire.pair("later", begin + timedelta(seconds=70), rng, "fraud-v1")


@pytest.mark.long
def test_an_outlier_in_real_time_is_told_once(drivers: Drivers) -> None:
    """It stands on the topic as it came; the batch that counts it tells it nowhere again, and one row is stored."""
    world, wire = drivers.world, drivers.wire
    world.watch(brief_spec(namespace=wire.namespace, watch={"outliers_per_day": 500, "outliers": "realtime"}))
    driver = drivers.start()

    def told() -> str:
        beat = drivers.heartbeat()
        return "" if beat is None else beat.note

    drivers.wait(lambda: told() == "outliers in real time")
    body = json.dumps({"instances": [[1e9, "ZZ", -1e9]]}).encode()
    for number in range(3):
        wire.send(f"far{number}", REQUEST_TYPE, "delays-v1", body, wires.now())
    wire.producer.flush()
    stored = drivers.wait(lambda: rows if len(rows := world.results.outliers("delays", 1)) == 3 else None)
    driver.send_signal(signal.SIGTERM)

    assert Exit.STOPPED == driver.wait(90)
    on_topic = [json.loads(record.value) for record in wire.read(names.outliers_topic(wire.namespace))]
    assert {row.event_id: row.score for row in stored} == {told["event_id"]: told["score"] for told in on_topic}
    assert 3 == len(on_topic)


@pytest.mark.long
def test_a_killed_driver_whose_folder_is_deleted_goes_on_elsewhere(drivers: Drivers, tmp_path: Path) -> None:
    """After SIGKILL and the loss of its disk, another driver ends with the windows of an undisturbed run."""
    world, wire = drivers.world, drivers.wire
    layout = world.watch(brief_spec(namespace=wire.namespace)).layout
    begin = wires.now() - timedelta(seconds=60)
    for generation in (1, 2, 3):
        drivers.start(generation, tmp_path / f"machine-{generation}")
        drivers.send(160 * (generation - 1), 160 * generation, begin + generation * LATER)
        drivers.wait(partial(more_than, drivers, 160 * (generation - 1)))
        if generation < 3:
            drivers.kill()
            shutil.rmtree(drivers.folder)
    rows = drivers.wait(lambda: drivers.finals(480))
    drivers.kill()
    told = world.results.windows("delays", 1, final_only=True)
    ledger = [world.results.ledger("delays", 1), drivers.accounts()]
    # Undisturbed: the same records, an empty database.
    undisturbed = worlds.new_world(tmp_path / "other")
    undisturbed.watch(brief_spec(namespace=wire.namespace))
    drivers.world = undisturbed
    drivers.start(1, tmp_path / "machine-4")
    drivers.wait(lambda: drivers.finals(480))

    assert (480, 480, 480) == tuple(
        sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined")
    )
    apart = undisturbed.results.windows("delays", 1, final_only=True)
    assert [content(row, layout) for row in apart] == [content(row, layout) for row in told]
    assert moments(apart, layout) == pytest.approx(moments(told, layout), rel=1e-9)
    assert [undisturbed.results.ledger("delays", 1), (960, 960)] == ledger


@pytest.mark.long
def test_of_two_drivers_the_older_ends(drivers: Drivers, tmp_path: Path) -> None:
    """While a second driver of the group starts, the first ends at its next word with its own exit code."""
    drivers.world.watch(brief_spec(namespace=drivers.wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    older = drivers.start(1, tmp_path / "older")
    drivers.send(0, 100, begin)
    drivers.wait(lambda: drivers.requests() == 100)
    newer = drivers.start(2, tmp_path / "newer")
    drivers.send(100, 200, begin + LATER)

    assert Exit.SUPERSEDED == older.wait(120)
    assert 200 == sum(row.requests for row in drivers.wait(lambda: drivers.finals(200)))
    assert (newer.poll(), (400, 400)) == (None, drivers.accounts())


@pytest.mark.long
def test_topics_come_and_go_without_a_new_history(drivers: Drivers, broker: Any) -> None:
    """A second namespace, a partition more and a topic made again are read by the running driver, each record once."""
    world, wire = drivers.world, drivers.wire
    other = wires.wire_to(broker, create=False)
    world.watch(brief_spec(namespace=wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    driver = drivers.start()
    drivers.send(0, 50, begin)
    drivers.wait(lambda: drivers.requests() == 50)
    # A second namespace, whose topic comes after its model.
    world.watch(brief_spec("fraud", namespace=other.namespace))
    other.create()
    drivers.send(0, 40, begin, "fraud-v1", other)
    drivers.wait(lambda: drivers.requests("fraud") == 40)
    # A partition more.
    with closing(KafkaAdminClient(bootstrap_servers=wire.address)) as admin:
        admin.create_partitions({wire.topic: NewPartitions(2)})
        drivers.wait(lambda: drivers.says("partitions=3"))
        drivers.send(50, 150, begin + LATER)
        drivers.wait(lambda: drivers.requests() == 150)
        # The other topic is made again: new records under old numbers.
        admin.delete_topics([other.topic])
        drivers.wait(lambda: drivers.says("before=3 partitions=2"))
        wires.create_again(admin, other.topic)
        drivers.send(40, 60, begin + LATER, "fraud-v1", other)
        drivers.wait(lambda: drivers.requests("fraud") == 60)
    # The second namespace is removed, the first goes on.
    world.registry.remove("fraud", 1)
    drivers.send(150, 160, begin + 2 * LATER)
    drivers.wait(lambda: drivers.finals(160))
    other.producer.close()

    assert driver.poll() is None
    assert 160 == drivers.requests(final=True)
    assert 0 == sum(row.duplicates for row in world.results.windows("delays", 1))
    assert (440, 440) == drivers.accounts()


@pytest.mark.long
def test_records_that_were_deleted_unread_are_a_gap(drivers: Drivers, tmp_path: Path) -> None:
    """Retention that overtook a stopped driver is recorded, and the stream goes on after it."""
    drivers.world.watch(brief_spec(namespace=drivers.wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    first = drivers.start(1)
    drivers.send(0, 50, begin)
    drivers.wait(lambda: drivers.requests() == 50)
    first.send_signal(signal.SIGTERM)
    first.wait(90)
    drivers.send(50, 100, begin + LATER)
    with closing(KafkaAdminClient(bootstrap_servers=drivers.wire.address)) as admin:
        admin.delete_records({TopicPartition(drivers.wire.topic, 0): 150})
    drivers.start(2, tmp_path / "second")
    drivers.wait(lambda: drivers.finals(75))

    with closing(sqlite3.connect(drivers.world.settings.home / "pegel.db")) as database:
        gaps = database.execute('SELECT topic, partition, start, "end" FROM gaps').fetchall()
    assert [(drivers.wire.topic, 0, 100, 150)] == gaps
    assert (150, 150) == drivers.accounts()


@pytest.mark.long
def test_a_broker_that_is_away_is_waited_for(drivers: Drivers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same driver goes on when the broker is back, and every event is in a window once."""
    with wires.broker_in(tmp_path_factory.mktemp("away")) as broker:
        wire = drivers.wire = wires.wire_to(broker)
        drivers.world.watch(brief_spec(namespace=wire.namespace))
        driver, begin = drivers.start(), wires.now() - timedelta(seconds=60)
        drivers.send(0, 100, begin)
        drivers.wait(lambda: drivers.requests() == 100)
        wire.producer.close()
        broker.stop()
        drivers.wait(lambda: drivers.says('waiting for_what="the broker"'))
        broker.start()
        wire.producer = wires.producer_to(broker.address)
        drivers.send(100, 200, begin + LATER)
        rows = drivers.wait(lambda: drivers.finals(200))
        wire.producer.close()

        assert driver.poll() is None
        assert (200, 200, 200) == tuple(
            sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined")
        )


@pytest.mark.long
def test_a_locked_database_is_waited_for(drivers: Drivers) -> None:
    """While another process holds SQLite's lock the driver keeps its place and says so; then it goes on."""
    drivers.world.watch(brief_spec(namespace=drivers.wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    driver = drivers.start()
    drivers.send(0, 50, begin)
    drivers.wait(lambda: drivers.requests() == 50)
    with closing(sqlite3.connect(drivers.world.settings.home / "pegel.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        drivers.send(50, 100, begin + LATER)
        drivers.wait(lambda: drivers.says("database away"))
        database.execute("ROLLBACK")
    drivers.wait(lambda: drivers.finals(100))

    assert driver.poll() is None
    assert (200, 200) == drivers.accounts()


@pytest.mark.long
def test_a_wedged_batch_shows(drivers: Drivers) -> None:
    """With its Python workers stopped a driver still beats, but says that nothing has progressed since."""
    drivers.world.watch(brief_spec(namespace=drivers.wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    driver = drivers.start()
    drivers.send(0, 50, begin)
    drivers.wait(lambda: drivers.requests() == 50)
    workers = python_workers(driver.pid)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    drivers.send(50, 100, begin + LATER)
    stopped_at = wires.now()
    beat = drivers.wait(partial(later_than, drivers, stopped_at + timedelta(seconds=8)))
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    drivers.wait(lambda: drivers.finals(100))
    after = drivers.wait(partial(later_than, drivers, wires.now()))

    assert workers
    assert beat.at - beat.progressed_at > timedelta(seconds=5)
    assert "processing a batch" == beat.doing
    assert after.at - after.progressed_at < timedelta(seconds=5)


def more_than(drivers: Drivers, requests: int) -> bool:
    """Say whether all windows hold more requests than that."""
    return drivers.requests() > requests


def later_than(drivers: Drivers, instant: Any) -> Heartbeat | None:
    """Return the heartbeat once it is later than an instant."""
    beat = drivers.heartbeat()
    return beat if beat is not None and beat.at > instant else None


@pytest.mark.long
def test_a_record_that_kills_its_readers_is_set_aside(
    drivers: Drivers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that ends each process that counts it is set aside with its address; everything else is counted."""
    place = installed_modules.install(
        tmp_path / "site", "dangerous", installed_modules.DANGEROUS, "pegel.statistics", "dangerous:Dangerous"
    )
    monkeypatch.syspath_prepend(str(place))
    drivers.environment["PYTHONPATH"] = str(place)
    wire = drivers.wire
    drivers.world.watch(brief_spec(namespace=wire.namespace, watch={"statistics": ["dangerous"]}))
    begin = wires.now() - timedelta(seconds=60)
    driver = drivers.start()
    drivers.send(0, 10, begin)
    wire.send("poison", REQUEST_TYPE, "delays-v1", b'{"instances": [[666.0, "AA", 40.0]]}', begin)
    drivers.send(10, 20, begin)
    drivers.wait(lambda: drivers.finals(20))

    with closing(sqlite3.connect(drivers.world.settings.home / "pegel.db")) as database:
        aside = database.execute("SELECT topic, partition, offset, reason FROM set_aside").fetchall()
    assert [(wire.topic, 0, 20, "its reader ended with exit code 77")] == aside
    assert driver.poll() is None
    assert (41, 41) == drivers.accounts()


@pytest.mark.long
def test_records_at_which_drivers_died_are_read_in_small_steps(drivers: Drivers) -> None:
    """A driver that follows two dead ones, which committed nothing, reads carefully first, and then as usual."""
    world, wire = drivers.world, drivers.wire
    world.watch(brief_spec(namespace=wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    drivers.send(0, 50, begin)
    engine = connect(world.settings.database)
    for _ in range(2):
        store = StreamStore(engine)
        store.begin_to_read(store.claim("default", 1, world.now()))
    engine.dispose()
    drivers.start()
    drivers.wait(partial(drivers.says, 'reading carefully" reason="2 drivers ended while they read from here'))
    drivers.wait(lambda: drivers.requests() == 50)
    drivers.wait(partial(drivers.says, "running"))
    drivers.send(50, 100, begin + LATER)
    drivers.wait(lambda: drivers.finals(100))

    assert (200, 200) == drivers.accounts()


@pytest.mark.long
def test_a_flood_of_large_bodies_is_read_in_bounded_memory(drivers: Drivers) -> None:
    """480 bodies of 1 MB for a model that nobody knows pass through one driver, and honest events are all judged."""
    wire = drivers.wire
    drivers.world.watch(brief_spec(namespace=wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    body = b"x" * 1_000_000
    for number in range(480):
        wire.send(f"big{number}", REQUEST_TYPE, "nobody-v1", body, begin)
    drivers.send(0, 100, begin)
    driver = drivers.start()
    drivers.wait(lambda: drivers.finals(100))

    assert driver.poll() is None
    assert 1 == len(drivers.started)
    assert not drivers.says("batch died")
    assert (680, 680) == drivers.accounts()
    assert 2 * TASK_BYTES < 480 * len(body)


@pytest.mark.long
def test_a_flood_after_quiet_hours_is_read_in_bounded_memory(drivers: Drivers) -> None:
    """A driver that has learnt small records takes 480 MB in eight partitions, and a record of 64 MB in 8 kB."""
    wire = drivers.wire
    with closing(KafkaAdminClient(bootstrap_servers=wire.address)) as admin:
        admin.create_partitions({wire.topic: NewPartitions(8)})
    drivers.world.watch(brief_spec(namespace=wire.namespace))
    begin = wires.now() - timedelta(seconds=60)
    driver = drivers.start()
    drivers.send(0, 400, begin)
    drivers.wait(lambda: drivers.finals(300))
    for number in range(480):
        wire.send(f"big{number}", REQUEST_TYPE, "nobody-v1", b"x" * 1_000_000, wires.now())
    dated = {"headers": wires.headers_of("expands", REQUEST_TYPE, "delays-v1"), "timestamp_ms": _now_ms()}
    with closing(KafkaProducer(bootstrap_servers=wire.address, compression_type="zstd", max_request_size=2**27)) as one:
        one.send(wire.topic, b" " * 2**26, **dated).get(60)
    drivers.send(400, 500, wires.now())
    drivers.wait(lambda: drivers.accounts() == (1_481, 1_481))

    assert driver.poll() is None
    assert 1 == len(drivers.started)
    assert not drivers.says("batch died")


@pytest.mark.long
def test_a_session_that_cannot_start_is_told(drivers: Drivers) -> None:
    """A master that Spark does not know ends the driver with its own exit code, and the last heartbeat says why."""
    drivers.world.watch(brief_spec(namespace=drivers.wire.namespace))
    drivers.environment["PEGEL_SPARK_MASTER"] = "nowhere[2]"
    drivers.send(0, 1, wires.now())
    code = drivers.start().wait(120)
    beat = drivers.heartbeat()

    assert (Exit.QUERY_FAILED, "stopped") == (code, beat and beat.state)
    assert beat is not None
    assert "nowhere[2]" in (beat.error or "")


def test_a_folder_without_a_job_is_refused(tmp_path: Path) -> None:
    """Without job.json nothing starts: one sentence on standard error and exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "pegel_spark.jobs.monitor", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert 2 == done.returncode
    assert "is no job document" in done.stderr
    assert 1 == len(done.stderr.splitlines())


def _now_ms() -> int:
    return int(wires.now().timestamp() * 1000)
