"""A driver as its pod runs it: no folder of its own, a read-only disk, ended by a signal, gone on with elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
import wires
import worlds
from pods import Pods
from stream_drivers import Drivers
from window_content import content, moments

from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.reconcile.job_backend import JobDocument
from pegel.testing.samples import brief_spec
from pegel_local.machine.ports import free_ports
from pegel_spark.driver import Exit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BACKLOG = 5_000
"""Pairs that wait for a driver: more than a moment's work."""


@pytest.fixture
def pods(drivers: Drivers, tmp_path: Path) -> Pods:
    """The pods of one test; what still runs afterwards is killed."""
    folder = tmp_path / "pods"
    folder.mkdir()
    return Pods(drivers.world, drivers.wire, folder, started=drivers.started)


def send(wire: Any, numbers: range, begin: Any, shift: float = 0.0) -> None:
    """Send pairs, a millisecond apart; `shift`: of the first feature, in its unit."""
    rng = np.random.default_rng(numbers.start)
    for number in numbers:
        at = begin + timedelta(milliseconds=number)
        wire.send(f"e{number}", REQUEST_TYPE, "delays-v1", wires.request_body(rng, shift=shift), at)
        wire.send(f"e{number}", RESPONSE_TYPE, "delays-v1", wires.response_body(rng), at)
    wire.producer.flush()


@contextmanager
def traffic(wire: Any, begin: Any) -> Iterator[list[int]]:
    """Send pairs all the time, from `BACKLOG` on; the list holds up to which number."""
    sent, ends = [BACKLOG], threading.Event()

    def pour() -> None:
        while not ends.wait(0.1):
            send(wire, range(sent[0], sent[0] + 20), begin)
            sent[0] += 20

    pouring = threading.Thread(daemon=True, target=pour)
    pouring.start()
    try:
        yield sent
    finally:
        ends.set()
        pouring.join()


def is_at_a_batch(pods: Pods) -> bool:
    """Say whether the driver says so."""
    beat = pods.heartbeat()
    return beat is not None and beat.doing == "processing a batch"


@pytest.mark.long
def test_a_pod_that_is_told_to_end_finishes_its_batch(pods: Pods) -> None:
    """SIGTERM amid a batch, under load: it is committed, the exit code is 0, and the next pod goes on exactly."""
    (port,) = free_ports(1)
    pods.environment["PEGEL_METRICS_PORT"] = str(port)
    world, wire = pods.world, pods.wire
    world.watch(brief_spec(namespace=wire.namespace))
    begin = wires.now() - timedelta(seconds=30)
    send(wire, range(BACKLOG), begin)
    with traffic(wire, begin) as sent:
        driver = pods.start(1)
        pods.wait(lambda: is_at_a_batch(pods))
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            told = answer.read().decode()
        driver.send_signal(signal.SIGTERM)
        code = driver.wait(120)
        counted, became = pods.accounts()
        lines = pods.lines()
        time.sleep(0.3)
    pods.start(2)
    rows = pods.wait(lambda: pods.finals(sent[0]))
    total = pods.accounts()
    pods.started[-1].send_signal(signal.SIGTERM)

    assert (Exit.STOPPED, Exit.STOPPED) == (code, pods.started[-1].wait(120))
    assert counted == became
    assert 2 * BACKLOG <= counted < 2 * sent[0]
    assert (2 * sent[0], 2 * sent[0]) == total
    assert (sent[0], sent[0], sent[0], 0) == tuple(
        sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined", "duplicates")
    )
    assert {"timestamp", "level", "event"} <= set.intersection(*(set(line) for line in lines))
    assert ("ended", "stopped") == (lines[-1]["event"], lines[-1]["code"])
    assert 'pegel_driver_lag_records{group="default"}' in told
    beat = pods.heartbeat(2)
    assert ("stopped", None) == (beat and beat.state, beat and beat.error)


@pytest.mark.long
def test_executors_elsewhere_give_identical_results(pods: Pods, tmp_path: Path) -> None:
    """With executors in JVMs of their own windows, findings and outliers are those of `local[2]`, bit for bit."""
    wire = pods.wire
    spec = brief_spec(namespace=wire.namespace)
    layout = pods.world.watch(spec).layout
    begin = wires.now() - timedelta(seconds=90)
    for number in range(3):
        wire.send(f"far{number}", REQUEST_TYPE, "delays-v1", b'{"instances": [[1e9, "ZZ", -1e9]]}', begin)
    send(wire, range(BACKLOG), begin, shift=300.0)
    told = []
    for generation, master in enumerate(("local[2]", "local-cluster[2,1,1024]"), 1):
        if generation == 2:
            pods.world = worlds.new_world(tmp_path / "other")
            pods.world.watch(spec)
        pods.properties["spark.master"] = master
        driver = pods.start(generation)
        rows = pods.wait(lambda: pods.finals(BACKLOG + 3))
        driver.send_signal(signal.SIGTERM)
        assert Exit.STOPPED == driver.wait(120)
        told.append(
            {
                "windows": [content(row, layout) for row in rows],
                "moments": moments(rows, layout).tolist(),
                "judged": [json.dumps(row.judgement, sort_keys=True) for row in rows],
                "findings": pods.world.results.recent_findings("delays", 1, limit=999),
                "outliers": [
                    (row.event_id, row.row, row.score, row.cutoff, row.p_value)
                    for row in pods.world.results.outliers("delays", 1, limit=999)
                ],
                "accounts": (pods.world.results.ledger("delays", 1), pods.world.results.invalid("delays", 1)),
            }
        )

    assert told[0] == told[1]
    assert told[0]["outliers"]
    assert told[0]["findings"]


def test_a_pod_without_a_database_is_refused(tmp_path: Path) -> None:
    """Where results would go with the pod nothing starts: one sentence, and exit code 2."""
    job = JobDocument(group="default", fingerprint="f", kafka="127.0.0.1:9")
    (tmp_path / "told.json").write_text(json.dumps(job.to_json(1)))
    done = subprocess.run(
        [sys.executable, "-m", "pegel_spark.jobs.monitor", str(tmp_path / "told.json")],
        env={"PATH": os.environ["PATH"], "HOME": "/proc"},
        cwd="/proc",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (2, 1, True) == (done.returncode, len(done.stderr.splitlines()), "PEGEL_DATABASE_URL" in done.stderr)
