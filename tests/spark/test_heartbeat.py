"""What a heartbeat says of a stream's progress: waiting for others is no standstill, a batch that hangs is one."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from waiting import wait_until

from pegel.reconcile.driver_health import why_doubtful
from pegel.reconcile.job_backend import JobDocument
from pegel.spec.limits import WEDGED_AFTER
from pegel.store.database import connect
from pegel.store.registry_view import RegistryView
from pegel.store.row_quality_store import RowQualityStore
from pegel.store.stream_store import StreamStore
from pegel.testing import ManualClock
from pegel_spark import driver_metrics
from pegel_spark.driver_metrics import DriverMetrics
from pegel_spark.group_stream import GroupStream
from pegel_spark.heartbeat import HeartbeatWriter
from pegel_spark.job import Job
from pegel_spark.persistence import DatabaseWait, Persistence
from pegel_spark.progress import Progress
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.row_quality_thread import RowQualityThread
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import Partitions
from pegel_spark.waiting_note import WaitingNote

NOWHERE = "127.0.0.1:9"


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def beats(world: Any, clock: ManualClock) -> HeartbeatWriter:
    """The heartbeat of a stream that has done nothing yet."""
    store = StreamStore(connect(world.settings.database))
    wait = DatabaseWait(clock, lambda: False, WaitingNote(world.settings.home / "waiting"))
    persistence = Persistence(store, store.claim("default", 1, clock.now()), clock, wait)
    view = RegistryView(world.registry, world.baselines, "default")
    stream = GroupStream(view, persistence, SideTopics(NOWHERE), RealtimeOutliers(NOWHERE), clock)
    document = JobDocument(group="default", fingerprint="f", kafka=NOWHERE)
    return HeartbeatWriter(Job(document, 1), stream, Progress(document.trigger), clock, clock.now())


def later(clock: ManualClock) -> datetime:
    """Let more time pass than a stream may stand still."""
    return clock.advance(WEDGED_AFTER + timedelta(seconds=1))


def test_waiting_for_the_broker_is_no_standstill(beats: HeartbeatWriter, clock: ManualClock) -> None:
    """Each look that finds it away counts as progress, and so does the one that finds it back."""
    beats.missing.wait_for("the broker", "refused")
    away = later(clock)
    beats.missing.wait_for("the broker", "refused")
    seen_away = beats.progressed_at
    back = later(clock)
    beats.missing.found(but="")

    assert (away, back) == (seen_away, beats.progressed_at)


def test_a_batch_that_hangs_after_an_outage_is_a_standstill(beats: HeartbeatWriter, clock: ManualClock) -> None:
    """Nobody looks for the broker while a batch is processed: from the last look on, time counts."""
    beats.missing.wait_for("the broker", "refused")
    looked_at = clock.now()
    later(clock)

    assert looked_at == beats.progressed_at


def test_what_is_missing_stands_beside_what_the_driver_is_at(beats: HeartbeatWriter, world: Any) -> None:
    """A heartbeat that is written while a batch is processed says as well which partitions are not read."""
    beats.stream.restore()
    beats.missing.cannot_read(Partitions([], [("t", 0)]))
    with beats.stream._lock:
        beats.write()
    (beat,) = world.results.heartbeats()

    assert "processing a batch" == beat.doing
    assert why_doubtful(beat, beat.at) == beat.missing == f"reading all but t 0: no leader since {beat.at:%H:%M:%S} UTC"


def test_each_step_of_a_start_is_told_and_is_progress(beats: HeartbeatWriter, clock: ManualClock, world: Any) -> None:
    """From its claim on a driver says what it is at, before there is a state or Spark; then, that it reads."""
    steps = []
    for doing in ("restoring its state", "starting Spark"):
        later(clock)
        with beats.meanwhile(doing):
            (beat,) = world.results.heartbeats()
        steps.append((beat.state, why_doubtful(beat, beat.at), beat.progressed_at == clock.now()))
    beats.runs()
    (beat,) = world.results.heartbeats()

    assert [
        ("starting", f"its driver is starting: {doing} since {at:%H:%M:%S} UTC", True)
        for doing, at in (
            ("restoring its state", clock.now() - WEDGED_AFTER - timedelta(seconds=1)),
            ("starting Spark", clock.now()),
        )
    ] == steps
    assert ("running", None) == (beat.state, why_doubtful(beat, beat.at))


def test_a_step_that_takes_long_goes_on_speaking(beats: HeartbeatWriter, clock: ManualClock, world: Any) -> None:
    """While a call takes up the main thread another one says that the driver lives; the step is no newer for that."""
    begun = clock.now()
    with beats.meanwhile("starting Spark"):
        spoke_at = later(clock)
        assert wait_until(lambda: world.results.heartbeats()[0].at == spoke_at)
    (beat,) = world.results.heartbeats()

    assert begun == beat.progressed_at


def test_prometheus_is_told_the_facts_of_a_heartbeat(beats: HeartbeatWriter, clock: ManualClock, world: Any) -> None:
    """Since when nothing moves, what is missing and what was done, each labelled with the group."""
    beats.stream.restore()
    beats.missing.wait_for("the broker", "refused")
    beats.progress.lag = 7
    beats.stream.rows = RowQualityThread(
        RowQualityStore(connect(world.settings.database)), world.baselines.get, skipped=3
    )
    later(clock)
    registry = CollectorRegistry()
    registry.register(DriverMetrics(beats))
    told = {
        sample.name.removeprefix("pegel_driver_"): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }

    assert {
        "lag_records": 7.0,
        "batches_total": 0.0,
        "since_progress_seconds": WEDGED_AFTER.total_seconds() + 1,
        "since_newest_event_seconds": -1.0,
        "database_away_seconds": 0.0,
        "waits": 1.0,
        "started_seconds": beats.started_at.timestamp(),
        "skipped_row_windows_total": 3.0,
    } == told


def test_a_port_of_metrics_that_is_taken_is_told(beats: HeartbeatWriter) -> None:
    """The log names the setting and the port; the driver goes on."""
    with socket.create_server(("0.0.0.0", 0)) as other, capture_logs() as logged:  # noqa: S104  as a pod's port is
        port = other.getsockname()[1]
        driver_metrics.serve(beats, port)

    assert [("no metrics", True)] == [
        (line["event"], f"PEGEL_METRICS_PORT: {port}" in line["reason"]) for line in logged
    ]
