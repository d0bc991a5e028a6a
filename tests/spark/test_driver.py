"""The streaming driver as a process, with a real broker: what it writes, how it ends, what survives SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pegel.data.events import REQUEST_TYPE
from pegel.judge.findings import Verdict
from pegel.spec import names
from pegel.stream.result_rows import Heartbeat, WindowRow
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]
FINGERPRINT = "f" * 64
PATIENCE_S = 150.0


@dataclass
class Drivers:
    """Starts drivers of one group in one folder, and leaves none behind."""

    world: Any
    wire: Any
    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, generation: int = 1) -> subprocess.Popen[bytes]:
        """Start a driver and wait for its first heartbeat while its stream is set up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        document = {
            "schema_version": 1,
            "group": "default",
            "fingerprint": FINGERPRINT,
            "generation": generation,
            "topics": [self.wire.topic],
            "kafka": self.wire.address,
            "trigger_ms": 500,
            "max_events_per_trigger": 100_000,
        }
        (self.folder / "job.json").write_text(json.dumps(document))
        values = {f"PEGEL_{k.upper()}": str(v) for k, v in self.world.settings.model_dump(exclude_none=True).items()}
        with (self.folder / "log").open("ab") as log:
            driver = subprocess.Popen(
                [sys.executable, "-m", "pegel_spark.jobs.monitor", str(self.folder)],
                env={**os.environ, **values},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(driver)
        return driver

    def wait(self, what: Callable[[], Any]) -> Any:
        """Return the first truthy value of `what`; fail with the log's end when it does not come or the driver ends."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if found := what():
                return found
            if self.started[-1].poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail("\n".join((self.folder / "log").read_text().splitlines()[-40:]))

    def heartbeat(self, generation: int = 1) -> Heartbeat | None:
        """Return the group's heartbeat of a generation."""
        return next((beat for beat in self.world.results.heartbeats() if beat.generation == generation), None)

    def has_more_than(self, requests: int) -> bool:
        """Say whether all windows, provisional ones included, hold more requests than that."""
        rows: list[WindowRow] = self.world.results.windows("delays", 1)
        return sum(row.requests for row in rows) > requests

    def finals(self, requests: int) -> list[WindowRow] | None:
        """Return the final windows once they hold so many requests."""
        rows: list[WindowRow] = self.world.results.windows("delays", 1, final_only=True)
        return rows if sum(row.requests for row in rows) >= requests else None


@pytest.fixture
def drivers(world: Any, wire: Any, tmp_path: Path) -> Iterator[Drivers]:
    """The drivers of one test; those still running afterwards are killed."""
    made = Drivers(world, wire, tmp_path / "jobs" / "default")
    yield made
    for driver in made.started:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait(10)


def test_every_event_is_in_exactly_one_final_window(drivers: Drivers, toolbox: Any) -> None:
    """Requests, responses, joins and rows add up to what was sent; what cannot be read is set apart and counted."""
    world, wire, rng = drivers.world, drivers.wire, np.random.default_rng(3)
    baseline = world.watch(toolbox.make_spec())
    driver = drivers.start()
    begin = toolbox.now() - timedelta(seconds=20)
    for i in range(300):
        wire.pair(f"e{i}", begin + timedelta(milliseconds=50 * i), rng)
    wire.pair("e7", begin + timedelta(milliseconds=350), rng)
    wire.send("bad", REQUEST_TYPE, "delays-v1", b"not json", begin)
    wire.send("few", REQUEST_TYPE, "delays-v1", b'{"instances": [[1.0, "AA"]]}', begin)
    wire.send("lost", REQUEST_TYPE, "nobody-v1", b"{}", begin)
    rows = drivers.wait(lambda: drivers.finals(300))
    driver.send_signal(signal.SIGTERM)

    assert 0 == driver.wait(90)
    assert (300, 300, 300, 300) == tuple(
        sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined", "rows")
    )
    assert (2, 2) == (sum(row.duplicates for row in rows), sum(row.invalid for row in rows))
    assert {baseline.id} == {row.baseline_id for row in rows}
    assert {Verdict.OK, Verdict.INSUFFICIENT, Verdict.BELOW_MARGIN} >= {row.verdict for row in rows}
    ledger = world.results.ledger("delays", 1)
    assert (604, 600, 0, 2, 2, 0) == tuple(
        sum(getattr(row, name) for row in ledger)
        for name in ("received", "judged", "late", "invalid", "duplicate", "dropped")
    )
    kinds = {(row.kind, row.count) for row in world.results.invalid("delays", 1)}
    assert {("not_json", 1), ("wrong_fields", 1)} == kinds
    assert [("unknown_model", 1)] == [(row.kind, row.count) for row in world.results.invalid("", 0)]
    letters = wire.read(names.dead_letters_topic("default"))
    reasons = {(dict(record.headers)["ce_id"], dict(record.headers)["dlq_reason"]) for record in letters}
    assert {(b"bad", b"not_json"), (b"few", b"wrong_fields"), (b"lost", b"unknown_model")} <= reasons
    beat = drivers.heartbeat()
    assert beat is not None
    assert ("stopped", None, 0, FINGERPRINT) == (beat.state, beat.error, beat.lag, beat.fingerprint)
    assert {"delays/1": baseline.id} == beat.baselines


def test_a_killed_driver_loses_nothing_and_doubles_nothing(drivers: Drivers, toolbox: Any) -> None:
    """After SIGKILL in the middle of traffic the final windows hold each event exactly once."""
    world, wire, rng = drivers.world, drivers.wire, np.random.default_rng(4)
    world.watch(toolbox.make_spec())
    sent = 0
    begin = toolbox.now() - timedelta(seconds=60)
    for generation in (1, 2):
        driver = drivers.start(generation)
        for _ in range(250):
            wire.pair(f"e{sent}", begin + timedelta(milliseconds=37 * sent), rng)
            sent += 1
        wire.producer.flush()
        drivers.wait(partial(drivers.has_more_than, sent - 250))
        if generation < 2:
            driver.kill()
            driver.wait(10)
    rows = drivers.wait(lambda: drivers.finals(sent))

    assert (sent, sent, sent) == tuple(
        sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined")
    )
    assert 0 == sum(row.duplicates for row in rows)
    assert 2 * sent == sum(row.judged for row in world.results.ledger("delays", 1))
    assert 0 == sum(row.late for row in world.results.ledger("delays", 1))


def test_a_broker_that_is_away_for_half_a_minute_is_waited_for(
    drivers: Drivers, toolbox: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same driver goes on when the broker is back, and every event is in a window once."""
    with Broker(tmp_path_factory.mktemp("away"), checkout().jars("broker")) as broker:
        wire = drivers.wire = toolbox.wire_to(broker)
        drivers.world.watch(toolbox.make_spec())
        driver, rng, begin = drivers.start(), np.random.default_rng(5), toolbox.now() - timedelta(seconds=60)
        for sent in (0, 100):
            for number in range(sent, sent + 100):
                wire.pair(f"e{number}", begin + timedelta(milliseconds=37 * number), rng)
            wire.producer.close()
            drivers.wait(partial(drivers.has_more_than, sent))
            if sent == 0:
                broker.stop()
                time.sleep(30)
                broker.start()
                wire.producer = toolbox.producer_to(broker.address)
        rows = drivers.wait(lambda: drivers.finals(200))

        assert driver.poll() is None
        assert (200, 200, 200) == tuple(
            sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined")
        )


def test_an_older_generation_gives_way(drivers: Drivers, toolbox: Any) -> None:
    """A driver that finds a newer generation's heartbeat ends by itself with exit code 4."""
    world = drivers.world
    world.watch(toolbox.make_spec())
    driver = drivers.start(generation=1)
    beat = drivers.wait(lambda: drivers.heartbeat(1))
    newer = {name: getattr(beat, name) for name in Heartbeat.__dataclass_fields__} | {"generation": 2}
    world.results.heartbeat(Heartbeat(**newer))

    assert 4 == driver.wait(120)
    assert drivers.heartbeat(2) is not None


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
